/** Axes of reductions and their like: one rule for all, negative ones from the end, and refusals that name the op. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { ArgumentError } from "../../../engine/base/errors.ts";
import * as ops from "../../../engine/ops/mod.ts";
import type { Axes } from "../../../engine/shape.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const devices = await openDevices();

/** Ops along one axis. */
const ALONG: Readonly<Record<string, (x: Tensor, axis: Axes) => Tensor>> = {
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

/** Others that take one axis, on three that differ. */
const ONE: typeof ALONG = {
  ...ALONG,
  stack: (x, axis) => ops.stack([x, x], axis),
  unsqueeze: ops.unsqueeze,
  split: (x, axis) => ops.split(x, [1, 1], axis)[0],
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
          const read = (axis: Axes) => {
            using _scope = device.scope();
            const y = op(device.tensor(values, [2, 3, 4]), axis);
            return Promise.all([y.data(), [...y.shape]]);
          };
          const values = random.reals(24);
          for (const axis of [0, 1, 2]) {
            deepStrictEqual(await read(axis - 3), await read(axis), `axis ${axis}`);
            deepStrictEqual(await read([axis - 3]), await read(axis), `axis [${axis}]`);
          }
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

const { cpu: device } = devices;

Deno.test("an axis that is no number, or several where one is taken, are refused by the op's name", () =>
  withoutLeaks(device, () => {
    using x = device.zeros([2, 3, 4]), low = device.zeros([2, 2, 2]);
    for (const [name, op] of Object.entries({ ...ONE, flip: ops.flip, squeeze: ops.squeeze })) {
      const given = name === "split" ? low : x;
      for (const axis of ["0", null, {}, true, 1n, ["0"], [[0]], Promise.resolve(0)]) {
        throws(() => op(given, axis as unknown as number), (error: unknown) => {
          strictEqual(error instanceof ArgumentError, true, `${name} of ${axis}: threw ${error}`);
          strictEqual(
            (error as Error).message.startsWith(`${name}: an axis is a number, or a list of them, not `),
            true,
          );
          return true;
        });
      }
      if (name in OVER || name === "flip" || name === "squeeze") continue;
      for (const axis of [[0, 1], []]) {
        throws(() => op(given, axis), {
          name: "ShapeError",
          message: `${name}: it takes one axis, not [${axis.join(", ")}]`,
        });
      }
    }
    const message = 'sum: an axis is a number, or a list of them, not the string "0"';
    throws(() => ops.sum(x, "0" as unknown as number), { name: "ArgumentError", message });
    throws(() => ops.cumsum(x, undefined as unknown as number), { name: "ArgumentError", message: /not undefined$/ });
  }));

Deno.test("a scalar is reduced and walked along axis 0 or -1, and refuses others", () =>
  withoutLeaks(device, async () => {
    const along: Readonly<Record<string, number>> = {
      ...{ sum: 3, mean: 3, max: 3, min: 3, prod: 3, argmax: 0, argmin: 0, softmax: 1, logSoftmax: 0, cumsum: 3 },
    };
    using x = device.tensor(3);
    for (const [name, want] of Object.entries(along)) {
      for (const axis of [0, -1, [0]]) {
        using y = ALONG[name](x, axis);
        deepStrictEqual([y.shape, await y.item()], [[], want], name);
      }
      const message = `${name}: axis 1 is out of range for a tensor of rank 0`;
      throws(() => ALONG[name](x, 1), { name: "ShapeError", message });
    }
    x.requiresGrad = true;
    using y = (() => {
      using scope = device.scope();
      return scope.keep(ops.cumsum(x, 0).add(ops.softmax(x, -1)));
    })();
    y.backward();
    strictEqual(await x.grad!.item(), 1);
    throws(() => ops.layerNorm(x), { name: "ShapeError", message: /^layerNorm: a scalar has no axis/ });
  }));

Deno.test("flags of reductions, products and regions are true or false", () =>
  withoutLeaks(device, () => {
    using _scope = device.scope();
    const x = device.zeros([2, 2]);
    const no = "false" as unknown as boolean;
    for (const [name, op] of Object.entries({ ...OVER, argmax: ops.argmax, argmin: ops.argmin })) {
      const message = `${name}: keepDims is true or false, not the string "false"`;
      throws(() => op(x, 0, { keepDims: no }), { name: "ArgumentError", message });
      throws(() => op(x, undefined, { keepDims: no }), { name: "ArgumentError", message });
    }
    const image = device.zeros([1, 4, 4, 1]), boxes = device.zeros([1, 4]), index = device.zeros([1], { dtype: "i32" });
    throws(() => ops.roiAlign(image, boxes, index, [2, 2], { aligned: no }), {
      name: "ArgumentError",
      message: 'roiAlign: aligned is true or false, not the string "false"',
    });
    for (const option of ["transposeA", "transposeB"]) {
      throws(() => ops.matmul(x, x, { [option]: no }), {
        name: "ArgumentError",
        message: `matmul: ${option} is true or false, not the string "false"`,
      });
    }
  }));
