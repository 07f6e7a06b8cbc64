/** Axes of reductions and their like: one rule for all, negative ones from the end, and refusals that name the op. */
import { deepStrictEqual, throws } from "node:assert/strict";
import * as ops from "../../../engine/ops/mod.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const devices = await openDevices();

/** Ops along one axis. */
const ALONG: Readonly<Record<string, (x: Tensor, axis: number) => Tensor>> = {
  sum: ops.sum,
  mean: ops.mean,
  max: ops.max,
  min: ops.min,
  prod: ops.prod,
  variance: ops.variance,
  std: ops.std,
  argmax: ops.argmax,
  argmin: ops.argmin,
  softmax: ops.softmax,
  logSoftmax: ops.logSoftmax,
  cumsum: ops.cumsum,
  topk: (x, axis) => ops.topk(x, 2, { axis }).values,
};

/** Those that take several axes, or none for all. */
const OVER = {
  sum: ops.sum,
  mean: ops.mean,
  max: ops.max,
  min: ops.min,
  prod: ops.prod,
  variance: ops.variance,
  std: ops.std,
};

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  for (const [name, op] of Object.entries(ALONG)) {
    Deno.test(`${name} (${kernels} kernels) counts negative axes from the end, and refuses others by its name`, () =>
      withRandom(`axes ${name} ${kernels}`, (random) =>
        withoutLeaks(device, async () => {
          const read = (axis: number) => {
            using _scope = device.scope();
            const y = op(device.tensor(values, [2, 3, 4]), axis);
            return Promise.all([y.data(), [...y.shape]]);
          };
          const values = random.reals(24);
          for (const axis of [0, 1, 2]) deepStrictEqual(await read(axis - 3), await read(axis), `axis ${axis}`);
          using x = device.tensor(values, [2, 3, 4]);
          const before = device.memory.liveTensors;
          for (const axis of [3, -4, 0.5, NaN]) {
            const message = `${name}: axis ${axis} is out of range for a tensor of rank 3`;
            throws(() => op(x, axis), { name: "ShapeError", message });
          }
          deepStrictEqual(device.memory.liveTensors, before);
        })));
  }

  for (const [name, op] of Object.entries(OVER)) {
    Deno.test(`${name} (${kernels} kernels) takes lists of axes in any order, all where there is none, and keeps them if asked`, () =>
      withRandom(`lists of axes ${name} ${kernels}`, (random) =>
        withoutLeaks(device, async () => {
          using _scope = device.scope();
          const x = device.tensor(random.reals(24, 0.5, 1.5), [2, 3, 4]);
          const values = async (y: Tensor): Promise<number[]> => [...await y.data()];
          const [some, same, kept] = [op(x, [0, 2]), op(x, [-1, 0]), op(x, [0, 2], { keepDims: true })];
          deepStrictEqual([some.shape, kept.shape], [[3], [1, 3, 1]]);
          deepStrictEqual(await values(same), await values(some));
          deepStrictEqual(await values(kept), await values(some));
          const all = op(x), listed = op(x, [0, 1, 2]), keptAll = op(x, undefined, { keepDims: true });
          deepStrictEqual([all.shape, keptAll.shape], [[], [1, 1, 1]]);
          deepStrictEqual(await values(all), await values(listed));
          throws(() => op(x, [1, -2]), { name: "ShapeError", message: `${name}: axes [1,1] repeat an axis` });
        })));
  }

  for (const [name, op, extreme] of [["argmax", ops.argmax, 7], ["argmin", ops.argmin, -7]] as const) {
    Deno.test(`${name} (${kernels} kernels) without an axis is a place among all elements, the first of equals`, () =>
      withoutLeaks(device, async () => {
        using _scope = device.scope();
        const x = device.tensor([[1, 2, extreme], [0, extreme, 3]]);
        const place = op(x), kept = op(x, undefined, { keepDims: true });
        deepStrictEqual([place.shape, kept.shape], [[], [1, 1]]);
        deepStrictEqual([await place.item(), await kept.item()], [2, 2]);
      }));
  }
}
