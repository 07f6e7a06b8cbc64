/** For each check a kernel or an op with that one fault: that check reports it, and no other. */
import { deepStrictEqual, match, ok, rejects } from "node:assert/strict";
import { defineOp, type KernelError, type Tensor } from "../../../engine/mod.ts";
import { contextOf } from "../../../engine/friends.ts";
import { declarationOf, type Kernel, variantOf } from "../../../engine/gpu/kernel.ts";
import {
  CheckError,
  checkKernel,
  type CheckKernelOptions,
  type CheckName,
  checkOp,
  CHECKS,
} from "../../../engine/testing/mod.ts";
import { openDevices, withoutLeaks } from "../../support/devices.ts";

const devices = await openDevices(), device = devices.cpu;

/** Faults of what `check` finds: names of checks, each once, and the message. */
async function faultsOf(
  check: () => Promise<unknown>,
): Promise<{ readonly names: CheckName[]; readonly text: string }> {
  try {
    await check();
    return { names: [], text: "" };
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    const names = error.reports.flatMap(({ faults }) => faults.map((fault) => fault.check));
    return { names: [...new Set(names)], text: error.message };
  }
}

/** Doubles `x`, in a kernel around `body`; `more` stands before the entry point. */
const doubling = (body: string, more = ""): string => `
override FAST: bool = false;
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
${more}
@compute @workgroup_size(64)
fn double(
  @builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
) {
  let i = id.x + id.y * groups.x * 64;
  let inside = i < params.count;
${body}
}`;

const DOUBLE: CheckKernelOptions = {
  device,
  inputs: (size) => ({ x: { shape: [size] } }),
  outputs: (size) => ({ y: { shape: [size] } }),
  params: (size) => ({ count: size }),
  grid: (size, device) => device.grid(size, 64),
  reference: ({ x }) => ({ y: x.map((v) => 2 * v) }),
  bound: 1,
  sizes: [0, 4, 7, 64, 130, 200],
};

const planted: Readonly<Record<string, readonly [check: CheckName, text: string, says: RegExp]>> = {
  "a wrong result": ["values", doubling("if (inside) { y[i] = 1.99 * x[i]; }"), /"y" at \[\d+\]: got .*, expected /],
  "a last vector that is cut": [
    "odd sizes",
    doubling("if (inside) { y[i] = select(1.0, 2.0, i < params.count / 4 * 4 || params.count % 2 == 0) * x[i]; }"),
    /3 of 7 numbers are off, worst "y" at \[\d\]: got .*; the right ones within 0 of theirs/,
  ],
  "rows of workgroups left out": [
    "large sizes",
    doubling("if (id.x < params.count) { y[id.x] = 2 * x[id.x]; }"),
    /folded into rows/,
  ],
  "zeros taken for granted": [
    "poison",
    doubling("if (inside) { y[i] += 2 * x[i]; }"),
    /comes from memory never written/,
  ],
  "an element that is never written": [
    "poison",
    doubling("if (inside && x[i] > 0) { y[i] = 2 * x[i]; }"),
    /"y" at \[\d+\] .*is never written/,
  ],
  "a write behind the tensor": [
    "guards",
    doubling("if (inside) { y[i] = 2 * x[i]; } if (i == 0) { y[(params.count + 3) / 4 * 4 + 2] = 1; }"),
    /1 guard word behind "y" of double\.wgsl:double written over, \d+ bytes beyond its end/,
  ],
  "an index far out of range": [
    "indices",
    doubling("if (inside) { y[i] = 2 * x[i]; } if (i == 1) { y[i + 1000000] = 1; }"),
    /double\.wgsl:15: `if \(inside\).*"y" written out of range, at 1000001 of /,
  ],
  "a negative index": [
    "indices",
    doubling("if (inside) { let before = x[i32(i) - 1]; y[i] = 2 * x[i] + select(before, 0, true); }"),
    /an invocation has "x" read out of range, at -1 of/,
  ],
  "an index out of range of workgroup memory": [
    "indices",
    doubling("line[lane + 1] = 1; if (inside) { y[i] = 2 * x[i]; }", "var<workgroup> line: array<f32, 64>;"),
    /"line" written out of range, at 64 of 64/,
  ],
  "a barrier left out": [
    "races",
    doubling(
      "line[lane] = select(0, x[min(i, params.count)], inside); let v = line[lane ^ 1]; workgroupBarrier();\n" +
        "  line[lane] = 2 * v; workgroupBarrier(); if (inside) { y[i] = line[lane ^ 1]; }",
      "var<workgroup> line: array<f32, 65>;",
    ),
    /number \d+ of "line" is (read|written) by invocation \d+ of workgroup 0, and (read|written) by \d+ with no barrier/,
  ],
  "a barrier moved": [
    "races",
    doubling(
      "workgroupBarrier(); line[lane] = select(0, x[min(i, params.count)], inside); if (inside) { y[i] = 2 * line[lane]; }\n" +
        "  line[63 - lane] = 0;",
      "var<workgroup> line: array<f32, 64>;",
    ),
    /with no barrier between/,
  ],
  "a barrier that orders buffers alone": [
    "races",
    doubling(
      "line[lane] = select(0, x[min(i, params.count)], inside); storageBarrier(); let v = line[lane ^ 1]; workgroupBarrier();\n" +
        "  line[lane] = 2 * v; workgroupBarrier(); if (inside) { y[i] = line[lane ^ 1]; }",
      "var<workgroup> line: array<f32, 64>;",
    ),
    /with no barrier between/,
  ],
  "a barrier inside a branch": [
    "barriers",
    doubling("if (lane < 32) { workgroupBarrier(); } if (inside) { y[i] = 2 * x[i]; }"),
    /workgroupBarrier in double is not reached by all/,
  ],
  "two invocations that write one element": [
    "races",
    doubling("if (inside) { y[i] = 2 * x[i]; y[i ^ 1] = 2 * x[i ^ 1]; }"),
    /number \d+ of "y" is written by invocation \d+ of the dispatch, and written by \d+/,
  ],
  "an element read that another writes": [
    "races",
    doubling("if (inside) { y[i] = 2 * x[i]; if (y[i ^ 1] == 1e30) { y[i] = 2 * x[i]; } }"),
    /number \d+ of "y" is (read|written) by/,
  ],
  "a specialisation": [
    "specialisations",
    doubling("if (inside) { y[i] = select(2.0, 3.0, FAST) * x[i]; }"),
    /FAST = 1/,
  ],
  "a text that does not compile": [
    "runs",
    doubling("if (inside) { y[i] = 2 * z[i]; }"),
    /double\.wgsl:15:\d+ .*`if \(inside\) \{ y\[i\] = 2 \* z\[i\]; \}`/,
  ],
};

/** Differences from doubling at every size. */
const OTHERWISE: Readonly<Record<string, Partial<CheckKernelOptions>>> = {
  // The last one of an odd size has no other.
  "two invocations that write one element": { sizes: [64, 130] },
  "an element read that another writes": { sizes: [64, 130] },
  "an element that is never written": { reference: ({ x }) => ({ y: x.map((v) => Math.max(0, 2 * v)) }) },
  "a specialisation": { constants: [{}, { FAST: 1 }] },
};

for (const [name, [check, text, says]] of Object.entries(planted)) {
  Deno.test(`${name}: the check of ${check} reports it, and no other`, () =>
    withoutLeaks(device, async () => {
      const options = { ...DOUBLE, ...OTHERWISE[name] };
      const { names, text: message } = await faultsOf(() =>
        checkKernel({ file: "double.wgsl", text }, "double", options)
      );
      deepStrictEqual(names, [check], message);
      match(message, says);
    }));
}

Deno.test("a kernel without a fault passes every check", () =>
  withoutLeaks(device, async () => {
    const text = doubling("if (inside) { y[i] = 2 * x[i]; }");
    const options = { ...DOUBLE, constants: [{}, { FAST: 1 }] };
    const report = await checkKernel({ file: "double.wgsl", text }, "double", options);
    deepStrictEqual(report.faults, []);
    deepStrictEqual(report.remarks, []);
    const ofOps: readonly CheckName[] = ["gradients", "tilings"];
    deepStrictEqual(report.checks, Object.keys(CHECKS).filter((name) => !ofOps.includes(name as CheckName)));
  }));

Deno.test("a fill of nothing: the check of empty sizes reports it, and no other", async () => {
  // The mean of rows: of none it is 0, not what a division by 0 gives.
  const mean = (divisor: string): string => `
struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn mean(@builtin(workgroup_id) row: vec3u) {
  var sum = 0.0;
  for (var c = 0u; c < params.columns; c++) { sum += x[row.x * params.columns + c]; }
  y[row.x] = sum / f32(${divisor});
}`;
  const options: CheckKernelOptions = {
    device,
    inputs: (columns) => ({ x: { shape: [4, columns], range: [1, 2] } }),
    outputs: { y: { shape: [4] } },
    params: (columns) => ({ rows: 4, columns }),
    grid: () => [4, 1, 1],
    reference: ({ x }, columns) => ({
      y: [0, 1, 2, 3].map((row) =>
        Array.from(x.subarray(row * columns, (row + 1) * columns)).reduce((a, b) => a + b, 0) / Math.max(1, columns)
      ),
    }),
    bound: 8,
    sizes: [0, 4, 7],
  };
  const wrong = await faultsOf(() => checkKernel({ file: "mean.wgsl", text: mean("params.columns") }, "mean", options));
  deepStrictEqual(wrong.names, ["empty sizes"], wrong.text);
  const right = await faultsOf(() =>
    checkKernel({ file: "mean.wgsl", text: mean("max(params.columns, 1u)") }, "mean", options)
  );
  deepStrictEqual(right.names, [], right.text);
});

const SAMPLES = () => [[4, 6], [5], [0, 2]].map((shape) => ({ inputs: [{ shape }], attrs: null }));

Deno.test("a wrong gradient: the check of gradients reports it, and no other", async () => {
  const op = defineOp<null>({
    name: "plantedGradient",
    compute: ([x]) => [x!.mul(x!)],
    saves: () => ({ inputs: [0] }),
    backward: ({ grads, input }) => [grads[0]!.mul(input(0)).mul(2.02)],
    samples: SAMPLES,
  });
  const reference = ([x]: readonly ({ shape: readonly number[]; data: ArrayLike<number> } | null)[]) => [
    { shape: x!.shape, values: Array.from(x!.data, (v) => v * v) },
  ];
  const { names, text } = await faultsOf(() => checkOp(op, { device, reference }));
  deepStrictEqual(names, ["gradients"], text);
  match(text, /the gradient of input 0 at \[.*\] is .*, differences say/);
});

Deno.test("bits that change from run to run: the check of repeats reports it, and no other", async () => {
  let runs = 0;
  const op = defineOp<null>({
    name: "plantedCount",
    // A rounding more or less, which no bound can tell.
    compute: ([x]) => [x!.mul(1 + (runs++ % 8) * 2 ** -23)],
    backward: ({ grads }) => [grads[0]],
    samples: SAMPLES,
  });
  const reference = ([x]: readonly ({ shape: readonly number[]; data: ArrayLike<number> } | null)[]) => [
    { shape: x!.shape, values: Array.from(x!.data) },
  ];
  const { names, text } = await faultsOf(() => checkOp(op, { device, reference, bound: 20 }));
  deepStrictEqual(names, ["repeats"], text);
  match(text, /output 0 at \[0(, 0)?\].* is .*, and .* the next time/);
});

/** Runs `body` with another text for one of the engine's shaders. */
async function withText<T>(file: string, from: string, to: string, body: () => Promise<T>): Promise<T> {
  const gpu = contextOf(device), { run } = gpu, variants = new Map<Kernel, Kernel>();
  gpu.run = (kernel, options) => {
    const { parts, code } = declarationOf(kernel);
    let own = variants.get(kernel);
    if (!own && parts.some((part) => part.file === file)) {
      ok(code.includes(from), `${file} has no "${from}"`);
      variants.set(kernel, own = variantOf(kernel, code.replace(from, to)));
    }
    run.call(gpu, own ?? kernel, options);
  };
  try {
    return await body();
  } finally {
    gpu.run = run;
  }
}

Deno.test("a tiling that is wrong: the check of tilings reports it, and no other", async () => {
  const sum = "s00 += b0 * a0;", wrong = "s00 += b0 * a0 * select(1.0, 1.01, ROWS == 8u && COLUMNS == 8u);";
  const check = (checks: readonly CheckName[]) => () =>
    withText("lib/core_registers.wgsl", sum, wrong, () => checkOp("linear", { device, checks }));
  const { names, text } = await faultsOf(check(["values", "odd sizes", "tilings"]));
  deepStrictEqual(names, ["tilings"], text);
  match(text, /tilings: tiles of 8 × 8: \d+ of \d+ numbers are off/);
});

Deno.test("a kernel that adds to a gradient as to nothing is found by its specialisation", async () => {
  const check = () =>
    withText(
      "lib/matrix.wgsl",
      "settled(c[at] + out, at)",
      "settled(out, at)",
      () => checkOp("matmul", { device, checks: ["values", "odd sizes", "specialisations"] }),
    );
  const { names, text } = await faultsOf(check);
  deepStrictEqual(names, ["specialisations"], text);
  match(text, /gradients added to what is there/);
});

Deno.test("a barrier that not all reach is named whichever checks are asked for", async () => {
  const text = doubling("if (inside) { workgroupBarrier(); y[i] = 2 * x[i]; }");
  const { names } = await faultsOf(() =>
    checkKernel({ file: "double.wgsl", text }, "double", { ...DOUBLE, checks: ["values"] })
  );
  deepStrictEqual(names, ["barriers"]);
});

Deno.test("checks refuse what they cannot do in one line", async () => {
  const { sizes: _, ...rest } = DOUBLE;
  const untyped = checkKernel as unknown as (...given: unknown[]) => Promise<unknown>;
  await rejects(untyped([], "double", rest), /checkKernel: there is no text; give \{ file, text \}/);
  await rejects(untyped({ file: "a.wgsl", text: "" }, "double", rest), (error: KernelError) => {
    match(error.message, /a\.wgsl: there is no entry point "double"/);
    return true;
  });
  await rejects(
    untyped({ file: "a.wgsl", text: "" }, "double", { ...rest, epsilon: 1 }),
    /there is no option "epsilon"/,
  );
  await rejects(
    untyped({ file: "a.wgsl", text: "" }, "double", { ...rest, checks: ["value"] }),
    /is one of runs, values/,
  );
  await rejects(checkOp("softmx"), /checkOp: there is no op "softmx"/);
  await rejects(
    checkOp((() => []) as unknown as (inputs: readonly (Tensor | null)[], attrs: null) => Tensor[]),
    /a function/,
  );
});
