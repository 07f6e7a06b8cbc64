/** Gradients through activations whose slope the op that reads them multiplies by, against differences and plain activations. */
import { ok, strictEqual } from "node:assert/strict";
import { contextOf } from "../../../engine/friends.ts";
import { ops, type Tensor } from "../../../engine/mod.ts";
import { gradcheck } from "../../../engine/testing/mod.ts";
import { activated, type Reader, READERS, SHAPES } from "../../../engine/testing/samples/beyond_gradients.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const devices = await openDevices();

/** Fresh inputs of a reader's kind that collect gradients. */
function inputs(
  device: Tensor["device"],
  of: Reader["of"],
  draw: (size: number) => Float32Array<ArrayBuffer>,
): Tensor[] {
  return SHAPES[of].map((shape) => {
    const made = device.tensor(draw(shape.reduce((a: number, b) => a * b, 1)), shape);
    made.requiresGrad = true;
    return made;
  });
}

/** The first of some drawn inputs whose differences can tell; another error than that they cannot is thrown. */
async function telling(draw: () => Tensor[], check: (x: Tensor, w: Tensor) => Promise<unknown>): Promise<Tensor[]> {
  for (let attempt = 1;; attempt++) {
    const leaves = draw();
    try {
      await check(leaves[0], leaves[1]);
      return leaves;
    } catch (error) {
      if (attempt === 20 || !/no element of input \d can tell/.test((error as Error).message)) throw error;
    }
  }
}

/** The same activation as an op of its own, whose slope nobody else takes. */
const PLAIN = { relu: ops.relu, tanh: ops.tanh, sigmoid: ops.sigmoid } as const;

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  for (const { name, of, read } of READERS) {
    for (const activation of ["relu", "tanh", "sigmoid"] as const) {
      const title = `${name} takes the slope of ${activation} (${kernels} kernels)`;
      Deno.test(title, () =>
        withRandom(title, (random) =>
          withoutLeaks(device, async () => {
            using _scope = device.scope();
            const draw = () => inputs(device, of, (size) => random.reals(size, -1, 1));
            const f = (x: Tensor, w: Tensor): Tensor => read(activated(of, x, w, activation)).sum();
            // Differences across the corner of relu say nothing; nor do those of a pool where two of its numbers are hardly apart.
            const leaves = activation === "relu" ? draw() : await telling(draw, (x, w) => gradcheck(f, [x, w]));
            const [x, w] = leaves;
            const gradients = async (result: () => Tensor): Promise<number[][]> => {
              for (const leaf of leaves) leaf.zeroGrad();
              result().sum().backward();
              return await Promise.all(leaves.map(async ({ grad }) => [...await grad!.data()]));
            };
            const fused = await gradients(() => read(activated(of, x, w, activation)));
            const plain = await gradients(() => read(PLAIN[activation](activated(of, x, w, "none"))));
            for (const [i, values] of fused.entries()) {
              const largest = Math.max(...plain[i].map(Math.abs));
              ok(largest > 0);
              values.forEach((v, k) =>
                ok(Math.abs(v - plain[i][k]) <= 2e-6 * largest, `${i}, ${k}: ${v}, ${plain[i][k]}`)
              );
            }
            for (const leaf of leaves) leaf.zeroGrad();
          })));
    }
    // A mean makes a tensor of its own where another gradient is there already.
    if (kernels === "cpu" || name === "a mean and a crop") continue;
    Deno.test(`no dispatch is made for the slope that ${name} takes`, () => {
      using _scope = device.scope();
      const [x, w] = inputs(device, of, (size) => new Float32Array(size).fill(0.5));
      const counts = contextOf(device).count(() => read(activated(of, x, w, "tanh")).sum().backward());
      strictEqual([...counts.keys()].find((kernel) => kernel.startsWith("activation_grad")), undefined);
      for (const leaf of [x, w]) leaf.zeroGrad();
    });
  }
}
