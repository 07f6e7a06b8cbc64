/** Runs of a user's own kernel: slips are named, and a changed tensor that a gradient needs is refused. */
import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { Device, DisposedError, DTypeError, EngineError, GradientError, kernel, type KernelRun } from "../../../mod.ts";

const text = `struct Params { count: u32, factor: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rows: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@compute @workgroup_size(8) fn scaled(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < params.count) { y[id.x] = params.factor * x[rows[id.x]]; }
}`;
const scaled = kernel("scaled", { file: "scaled.wgsl", text });

Deno.test("a kernel of one's own runs, and what does not fit it is named", async () => {
  await using device = await Device.open();
  await using other = await Device.open();
  using _scope = device.scope();
  const x = device.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), y = device.zeros([2, 4]);
  const rows = device.tensor(Int32Array.of(1, 0)), params = { count: 2, factor: 3 };
  const run = (bind: Record<string, typeof x | null>, given: Record<string, number> = params): void =>
    device.run(scaled, { bind, params: given, grid: [1, 1, 1] });
  run({ x, rows, y });
  deepStrictEqual([...await y.data()], [15, 18, 21, 24, 3, 6, 9, 12]);
  const says = (kind: typeof EngineError, message: string) => (error: unknown) =>
    error instanceof kind && error.message === `scaled.wgsl:scaled: ${message}`;
  const has = "it has x, rows, y";
  throws(() => run({ x, rows, y, z: x }), says(EngineError, `there is no storage variable "z"; ${has}`));
  throws(() => run({ x, y }), says(EngineError, `the storage variable "rows" is not given; ${has}`));
  throws(
    () => run({ x, rows, y }, { ...params, fast: 1 }),
    says(EngineError, 'there is no parameter "fast"; it has count, factor'),
  );
  throws(
    () => run({ x, rows, y }, { count: 2 }),
    says(EngineError, 'the parameter "factor" is not given; it has count, factor'),
  );
  throws(() => run({ x, rows: x, y }), says(DTypeError, '"rows" holds i32, not f32; cast the tensor'));
  const untyped = (given: Record<string, unknown>) =>
    device.run(scaled, { bind: { x, rows, y }, params, grid: [1, 1, 1], ...given } as KernelRun);
  for (const wrong of ["3", Promise.resolve(3), [3], undefined]) {
    throws(
      () => untyped({ params: { ...params, factor: wrong } }),
      /^ArgumentError: .*the parameter "factor" is a number, not/,
    );
  }
  for (const wrong of [2.5, -1, NaN, 2 ** 32]) {
    throws(() => untyped({ params: { ...params, count: wrong } }), /the parameter "count" is .*, which is no u32/);
  }
  throws(() => untyped({ bind: { x: Promise.resolve(x), rows, y } }), /"x" is a tensor or null, not a promise/);
  throws(() => untyped({ grid: undefined }), /the grid is a list of numbers, not undefined/);
  throws(() => untyped({ grid: [1, 1] }), /the grid has 2 counts, not 3/);
  throws(() => untyped({ constants: { A: "1" } }), /the constant "A" is a number, not the string "1"/);
  throws(() => untyped({ parameters: {} }), /there is no option "parameters"; it takes bind, params, constants, grid/);
  throws(
    () => (device.run as (...given: unknown[]) => void).call(device, undefined, {}),
    /the kernel is one made by kernel\(\)/,
  );
  using elsewhere = other.zeros([2, 4]);
  throws(() => run({ x: elsewhere, rows, y }), says(EngineError, '"x" is a tensor of another device'));
  const gone = device.zeros([2, 4]);
  gone.dispose();
  throws(() => run({ x: gone, rows, y }), DisposedError);
});

Deno.test("types behind arrays, vectors, atomics and aliases are known, and components of parameters counted", async () => {
  await using device = await Device.open();
  using _scope = device.scope();
  const text = `alias Count = atomic<u32>;
alias Counts = array<Count, 4>;
struct Params { v: vec4f, w: vec2<i32> }
@binding(0) @group(0) var<uniform> params: Params;
@binding(1) @group(0) var<storage, read_write> counts: Counts;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> unused: array<i32>;
@compute @workgroup_size(1) fn main() { atomicAdd(&counts[0], u32(x[0].y * params.v.z) + u32(params.w.y)); }`;
  const counting = kernel("main", { file: "counting.wgsl", text });
  const counts = device.zeros([4], { dtype: "u32" }), x = device.tensor([1, 2, 3, 4]);
  const run = (bind: Record<string, typeof x>, params: Record<string, number | number[]>) =>
    device.run(counting, { bind, params, grid: [1, 1, 1] });
  const params = { v: [0, 0, 5, 0], w: [0, 7] };
  run({ counts, x }, params);
  run({ counts, x, unused: x.cast("i32") }, params);
  deepStrictEqual([...await counts.data<"u32">()], [34, 0, 0, 0]);
  throws(() => run({ counts: x, x }, params), DTypeError);
  throws(() => run({ counts, x: counts }, params), DTypeError);
  throws(() => run({ counts, x }, { ...params, v: 7 }), /the parameter "v" is a list of numbers, not number 7/);
  throws(() => run({ counts, x }, { ...params, v: [9, 8] }), /the parameter "v" has 4 components, not 2/);
  throws(() => run({ counts, x }, { ...params, w: [1, 0.5] }), /the parameter "w" is 0.5, which is no i32/);
  const other = text.replaceAll("params", "settings");
  throws(() => kernel("main", { file: "other.wgsl", text: other }), /its uniform variable is "settings"/);
  for (const given of [[], ["main"], ["main", "text"], [3, { file: "a", text }]]) {
    throws(() => (kernel as unknown as (...given: unknown[]) => void)(...given), /^ArgumentError: kernel: /);
  }
});

Deno.test("a tensor that a kernel of one's own writes counts as changed: a gradient that needs it is refused", async () => {
  await using device = await Device.open();
  using _scope = device.scope();
  const w = device.ones([2, 4]), x = device.ones([2, 4]), rows = device.tensor(Int32Array.of(1, 0));
  w.requiresGrad = true;
  const run = (y: typeof x) =>
    device.run(scaled, { bind: { x: w, rows, y }, params: { count: 2, factor: 3 }, grid: [1, 1, 1] });
  // Read alone it stays as it was, and so does what the product saved.
  const kept = w.mul(x).sum();
  run(device.zeros([2, 4]));
  kept.backward();
  deepStrictEqual([...await w.grad!.data()], new Array(8).fill(1));
  w.zeroGrad();
  const changed = w.mul(x).sum();
  run(x);
  throws(() => changed.backward(), GradientError);
});

Deno.test("noGrad refuses an asynchronous function", async () => {
  await using device = await Device.open();
  throws(() => device.noGrad(async () => await Promise.resolve(1)), /the function is asynchronous/);
  throws(() => device.noGrad(() => Promise.reject(new Error("unseen"))), /the function is asynchronous/);
  strictEqual(device.gradEnabled, true);
  strictEqual(device.noGrad(() => 3), 3);
  await rejects(Promise.reject(new Error("seen")), /seen/);
});
