/** Gradients of weights that are used several times, taken by one product of all uses on GPUs, against float64 sums. */
import { ok, strictEqual } from "node:assert/strict";
import { contextOf } from "../../../engine/friends.ts";
import { linear, type Tensor, weightedSum } from "../../../engine/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const devices = await openDevices();
const EPS = 2 ** -24;

/** Rows, inputs, outputs and uses of a layer: whole fours and others, more uses than are taken at once, sums that are cut in parts. */
const LAYERS = [[5, 8, 12, 2], [12, 7, 5, 3], [33, 68, 132, 5], [521, 12, 8, 2], [521, 9, 3, 4]] as const;

for (const kernels of KERNEL_SETS) {
  for (const [rows, inputs, outputs, uses] of LAYERS) {
    for (const bias of [true, false]) {
      const title = `${uses} uses of a layer ${inputs} → ${outputs} by ${rows} rows${bias ? " with a bias" : ""}`;
      Deno.test(`${title} give the sum of their gradients (${kernels} kernels)`, () =>
        withRandom(`later ${kernels} ${title}`, (random) =>
          withoutLeaks(devices[kernels], async () => {
            const device = devices[kernels];
            using _scope = device.scope();
            const draw = (count: number): Float32Array<ArrayBuffer> => Float32Array.from(random.reals(count, -1, 1));
            const w = device.tensor(draw(inputs * outputs), [inputs, outputs]);
            const b = bias ? device.tensor(draw(outputs)) : null;
            const xs = Array.from({ length: uses }, () => draw(rows * inputs));
            const ds = Array.from({ length: uses }, () => draw(rows * outputs));
            for (const leaf of [w, b]) if (leaf) leaf.requiresGrad = true;
            const passes = 2;
            for (let pass = 0; pass < passes; pass++) {
              const losses = xs.map((x, u): Tensor => {
                const y = linear(device.tensor(x, [rows, inputs]), w, b);
                return y.mul(device.tensor(ds[u], [rows, outputs])).sum();
              });
              weightedSum(losses).backward();
            }
            const check = async (leaf: Tensor, at: (i: number, u: number, r: number) => number): Promise<void> => {
              const found = await leaf.grad!.data();
              found.forEach((value, i) => {
                let total = 0, size = 0;
                for (let u = 0; u < uses; u++) {
                  for (let r = 0; r < rows; r++) {
                    const term = at(i, u, r);
                    total += term;
                    size += Math.abs(term);
                  }
                }
                // Each term and each partial sum is rounded once, in whatever order they are added.
                const bound = passes * (rows * uses + 2) * EPS * size;
                ok(Math.abs(value - passes * total) <= bound, `${i}: ${value}, not ${passes * total} ± ${bound}`);
              });
            };
            await check(w, (i, u, r) => xs[u][r * inputs + Math.floor(i / outputs)] * ds[u][r * outputs + i % outputs]);
            if (b) await check(b, (i, u, r) => ds[u][r * outputs + i]);
            for (const leaf of [w, b]) leaf?.zeroGrad();
          })));
    }
  }
}

Deno.test("uses of a layer on GPUs are taken together", () => {
  const device = devices.gpu;
  using _scope = device.scope();
  const [x, w] = [device.ones([4, 8]), device.ones([8, 8])];
  w.requiresGrad = true;
  const counts = contextOf(device).count(() => {
    weightedSum([1, 2, 3].map(() => linear(x, w).sum())).backward();
  });
  strictEqual([...counts].find(([name]) => name.startsWith("matmul_uses"))?.[1], 1);
  w.zeroGrad();
});
