/**
 * A kernel of one's own, made an op with a gradient: snake(x) = x + sin²(a·x)/a (Ziyin et al., 2020), whose slope is
 * 1 + sin(2a·x). `deno run examples/07_own_kernel.ts`
 */
// deno-lint-ignore-file no-console
import { defineOp, Device, kernel, type Tensor } from "../engine/mod.ts";
import { gradcheck } from "../engine/testing/mod.ts";

const text = `// Snake and its gradient, a number for each invocation.
struct Params { count: u32, a: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

/** The number of an invocation, also where many workgroups are folded into rows. */
fn number(id: vec3<u32>, groups: vec3<u32>) -> u32 { return id.x + id.y * groups.x * 64u; }

@compute @workgroup_size(64)
fn snake(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = number(id, groups);
  if (i >= params.count) { return; }
  let s = sin(params.a * x[i]);
  y[i] = x[i] + s * s / params.a;
}

@compute @workgroup_size(64)
fn snake_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = number(id, groups);
  if (i >= params.count) { return; }
  y[i] = dy[i] * (1.0 + sin(2.0 * params.a * x[i]));
}`;
const forwardKernel = kernel("snake", { file: "snake.wgsl", text });
const gradKernel = kernel("snake_grad", { file: "snake.wgsl", text });

const snakeOp = defineOp<{ a: number }>({
  name: "snake",
  infer: ([x]) => [{ shape: x!.shape, dtype: "f32" }],
  forward: ([x], { a }, [y], device) =>
    device.run(forwardKernel, { bind: { x: x!, y }, params: { count: y.size, a }, grid: device.grid(y.size, 64) }),
  saves: () => ({ inputs: [0] }), // what the gradient reads
  backward: ({ grads, attrs, input }) => {
    const x = input(0), { device } = x, y = device.empty(x.shape);
    const bind = { x, dy: grads[0]!, y };
    device.run(gradKernel, { bind, params: { count: y.size, a: attrs.a }, grid: device.grid(y.size, 64) });
    return [y];
  },
});
/** x + sin²(a·x)/a, element by element. */
const snake = (x: Tensor, a = 1): Tensor => snakeOp([x], { a })[0];

await using device = await Device.open();
using x = device.tensor([-2, -0.5, 0, 0.5, 2]);
using y = snake(x, 3);
console.log("x       ", await x.text());
console.log("snake(x)", await y.text());

// The gradient against central differences of the values; it throws where they disagree.
using some = device.randn([7, 9], { seed: 1 });
some.requiresGrad = true;
const { elements, decisive } = await gradcheck((x) => snake(x, 3), [some]);
console.log(`gradient right at ${elements} elements, ${decisive} of the differences decisive`);
