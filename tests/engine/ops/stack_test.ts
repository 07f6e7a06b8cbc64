/** Stacking, and axes of extent 1 added and dropped: ops made of registered ones. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { DTypeError, ShapeError } from "../../../engine/base/errors.ts";
import { squeeze, stack, unsqueeze } from "../../../engine/ops/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const devices = await openDevices();

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  Deno.test(`stack (${kernels}) puts tensors side by side along any new axis, and hands each its part of the gradient`, () =>
    withRandom(`stack ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        using _scope = device.scope();
        const shape = [3, 5], size = 15;
        for (const axis of [0, 1, 2, -1, -3]) {
          const values = [0, 1, 2].map(() => random.reals(size));
          const parts = values.map((v) => Object.assign(device.tensor(v, shape), { requiresGrad: true }));
          const y = stack(parts, axis), at = axis < 0 ? axis + 3 : axis;
          deepStrictEqual(y.shape, shape.toSpliced(at, 0, 3));
          const seed = random.reals(3 * size);
          y.backward(device.tensor(seed, y.shape));
          const inner = [size, 5, 1][at];
          // Place of element e of part k in the result.
          const place = (e: number, k: number): number => (Math.floor(e / inner) * 3 + k) * inner + e % inner;
          const got = await y.data();
          for (const [k, part] of parts.entries()) {
            deepStrictEqual([...values[k]], [...values[k].keys()].map((e) => got[place(e, k)]));
            deepStrictEqual([...await part.grad!.data()], [...values[k].keys()].map((e) => seed[place(e, k)]));
            part.zeroGrad();
          }
        }
        const words = stack([device.tensor(Int32Array.of(1, 2)), device.tensor(Int32Array.of(-3, 4))], 1);
        deepStrictEqual([words.dtype, ...await words.data<"i32">()], ["i32", 1, -3, 2, 4]);
      })));

  Deno.test(`squeeze and unsqueeze (${kernels}) change axes of extent 1 alone, and gradients come back in the old shape`, () =>
    withoutLeaks(device, async () => {
      using _scope = device.scope();
      const x = device.tensor([[[1], [2], [3]]]);
      x.requiresGrad = true;
      deepStrictEqual(squeeze(x).shape, [3]);
      deepStrictEqual(squeeze(x, -1).shape, [1, 3]);
      deepStrictEqual(squeeze(x, [0, 2]).shape, [3]);
      deepStrictEqual(squeeze(x, []).shape, [1, 3, 1]);
      deepStrictEqual([0, 3, -1, -4].map((axis) => unsqueeze(x, axis).shape), [
        [1, 1, 3, 1],
        [1, 3, 1, 1],
        [1, 3, 1, 1],
        [1, 1, 3, 1],
      ]);
      x.squeeze().unsqueeze(1).mul(device.tensor([[4], [5], [6]])).sum().backward();
      deepStrictEqual(x.grad!.shape, [1, 3, 1]);
      deepStrictEqual([...await x.grad!.data()], [4, 5, 6]);
      x.zeroGrad();
    }));
}

Deno.test("what does not fit is refused by the op's own name, and leaves nothing behind", () => {
  const { cpu: device } = devices;
  using _scope = device.scope();
  const x = device.zeros([2, 3]), other = device.zeros([2, 4]), whole = device.zeros([2, 3], { dtype: "i32" });
  const before = device.memory.liveTensors;
  throws(() => stack([]), ShapeError);
  throws(() => stack([x, other]), /^ShapeError: stack: shapes \[2, 3\], \[2, 4\] differ$/);
  throws(() => stack([x, whole]), DTypeError);
  throws(() => stack([x, x], 3), /^ShapeError: stack: axis 3 is out of range/);
  throws(() => squeeze(x, 0), /^ShapeError: squeeze: axis 0 of \[2, 3\] has 2 elements, not 1$/);
  throws(() => squeeze(x, 2), /^ShapeError: squeeze: axis 2 is out of range/);
  throws(() => unsqueeze(x, -4), /^ShapeError: unsqueeze: axis -4 is out of range/);
  strictEqual(device.memory.liveTensors, before);
});
