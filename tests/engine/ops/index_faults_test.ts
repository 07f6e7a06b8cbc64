/** Indices and labels out of range: named by the next reading, whatever it reads, and forgotten by it. */
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { type Device, IndexError, ops, type Tensor } from "../../../engine/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";

const devices = await openDevices();

const whole = (device: Device, ...values: number[]): Tensor => device.tensor(Int32Array.from(values));

/** Ops on an index or a label that is out of range, with what is said. */
const CASES: readonly (readonly [(device: Device) => Tensor, string])[] = [
  [
    (d) => ops.gather(d.ones([5, 3]), whole(d, 1, 5)),
    "gather: index 5 is out of range: there are 5 rows, and -1 stands for none",
  ],
  [
    (d) => ops.embedding(d.ones([5, 4]), whole(d, -2, 4)),
    "gather: index -2 is out of range: there are 5 rows, and -1 stands for none",
  ],
  [
    (d) => ops.scatter(d.ones([5, 3]), whole(d, 7), d.ones([1, 3])),
    "scatter: index 7 is out of range: there are 5 rows, and -1 stands for none",
  ],
  [
    (d) => ops.scatter(d.ones([5, 3]), whole(d, 0, 0, 0, -9), d.ones([4, 3]), { mode: "add" }),
    "scatter: index -9 is out of range: there are 5 rows, and -1 stands for none",
  ],
  [
    (d) => ops.crossEntropy(d.ones([2, 3]), whole(d, 2, 3)),
    "crossEntropy: label 3 is out of range: there are 3 classes, and ignoreIndex stands for none",
  ],
  [
    (d) => ops.crossEntropy(d.ones([2, 40]), whole(d, 2, -1), { ignoreIndex: -100 }),
    "crossEntropy: label -1 is out of range: there are 40 classes, and ignoreIndex stands for none",
  ],
  [
    (d) => ops.cropAndResize(d.ones([2, 4, 4, 3]), d.tensor([[0, 0, 1, 1]]), whole(d, 2), [2, 2]),
    "cropAndResize: image index 2 is out of range: there are 2 images, and -1 stands for none",
  ],
  [
    (d) => ops.cropAndResize(d.ones([1, 4, 4, 3]), d.tensor([[0, 0, 1, 1]]), whole(d, 2 ** 31 - 1), [2, 2]),
    "cropAndResize: image index 2147483647 is out of range: there are 1 images, and -1 stands for none",
  ],
  [
    (d) => ops.roiAlign(d.ones([1, 4, 4, 3]), d.tensor([[0, 0, 3, 3]]), whole(d, -5), [2, 2]),
    "roiAlign: image index -5 is out of range: there are 1 images, and -1 stands for none",
  ],
];

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  for (const [op, message] of CASES) {
    Deno.test(`an index out of range is named at the next reading (${kernels} kernels): ${message}`, () =>
      withoutLeaks(device, async () => {
        using _scope = device.scope();
        op(device);
        // Of anything: and only once.
        const other = device.tensor([1, 2]);
        const [first, second] = await Promise.allSettled([other.data(), other.sum().item()]);
        for (const end of [first, second]) {
          ok(end.status === "rejected" && end.reason instanceof IndexError, `${end.status}`);
          deepStrictEqual(end.reason.message, message);
        }
        deepStrictEqual([...await other.data()], [1, 2]);
      }));
  }

  Deno.test(`indices that stand for none, and boxes beyond the image, are no faults (${kernels} kernels)`, () =>
    withoutLeaks(device, async () => {
      using _scope = device.scope();
      const one = (x: Tensor): Promise<number[]> => x.data().then((data) => [...data]);
      const image = device.ones([1, 2, 2, 1]);
      deepStrictEqual(await one(ops.gather(device.ones([2, 2]), whole(device, -1, 1))), [0, 0, 1, 1]);
      deepStrictEqual(await one(ops.scatter(device.ones([2]), whole(device, -1, 0), device.zeros([2]))), [0, 1]);
      deepStrictEqual(await one(ops.crossEntropy(device.ones([2, 2]), whole(device, -1, -1))), [0]);
      const ignored = ops.crossEntropy(device.ones([1, 2]), whole(device, 1), { ignoreIndex: 1 });
      deepStrictEqual(await one(ignored), [0]);
      const outside = ops.cropAndResize(image, device.tensor([[2, 2, 3, 3]]), whole(device, 0), [1, 1]);
      deepStrictEqual(await one(outside), [0]);
      deepStrictEqual(await one(ops.roiAlign(image, device.tensor([[0, 0, 1, 1]]), whole(device, -1), [1, 1])), [0]);
    }));

  Deno.test(`a captured step notes faults of each replay (${kernels} kernels)`, () =>
    withoutLeaks(device, async () => {
      using table = device.ones([3, 2]), indices = whole(device, 0, 1);
      using step = device.capture(() => ops.gather(table, indices));
      deepStrictEqual([...await step.outputs.data()], [1, 1, 1, 1]);
      indices.write(Int32Array.of(0, 3));
      step.replay();
      await rejects(step.outputs.data(), /gather: index 3 is out of range: there are 3 rows/);
      indices.write(Int32Array.of(2, 2));
      step.replay();
      deepStrictEqual([...await step.outputs.data()], [1, 1, 1, 1]);
      step.outputs.dispose();
    }));
}
