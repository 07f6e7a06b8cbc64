/** Copies and transposes on GPUs: one dispatch, exact, at sizes that end within tiles, of every type. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Device } from "../../../../engine/device.ts";
import { contextOf } from "../../../../engine/friends.ts";
import { transpose } from "../../../../engine/mod.ts";
import { openDevices, withoutLeaks } from "../../../support/devices.ts";

const { gpu: device } = await openDevices();

/** Names of the kernels that `body` dispatches, and "copy" for each of the driver's copies. */
function commands(device: Device, body: () => void): string[] {
  const names: string[] = [], context = contextOf(device), { run, copy } = context;
  context.run = (kernel, options) => {
    names.push(kernel.name);
    run.call(context, kernel, options);
  };
  context.copy = (...args) => {
    names.push("copy");
    copy.apply(context, args);
  };
  try {
    body();
  } finally {
    Object.assign(context, { run, copy });
  }
  return names;
}

Deno.test("a clone is one dispatch that copies every number, of every type and size", () =>
  withoutLeaks(device, async () => {
    using _scope = device.scope();
    for (const size of [1, 3, 4, 255, 256, 1021, 70_001]) {
      const numbers = Int32Array.from({ length: size }, (_, i) => i * 2_654_435 | 0);
      for (const data of [numbers, Float32Array.from(numbers), Uint32Array.from(numbers)]) {
        const x = device.tensor(data, [size]);
        let copy = x;
        deepStrictEqual(commands(device, () => copy = x.clone()), ["move.wgsl:copy_fours"]);
        deepStrictEqual(await copy.data(), data, `${size}`);
      }
    }
    deepStrictEqual(commands(device, () => device.zeros([0, 3]).clone()).filter((name) => name.includes("copy")), []);
  }));

Deno.test("runs of axes that change places are one dispatch by tiles; what else permutes goes word by word", () =>
  withoutLeaks(device, async () => {
    const cases: [shape: number[], perm: number[], kernel: string][] = [
      [[37, 70], [1, 0], "move.wgsl:transpose_tiles"],
      [[64, 32], [1, 0], "move.wgsl:transpose_fours"],
      [[132, 204], [1, 0], "move.wgsl:transpose_fours"],
      [[3, 5, 36, 40], [0, 1, 3, 2], "move.wgsl:transpose_fours"],
      [[3, 5, 33, 40], [0, 1, 3, 2], "move.wgsl:transpose_tiles"],
      [[4, 9, 10, 11], [2, 3, 0, 1], "move.wgsl:transpose_tiles"],
      [[4, 9, 10, 11], [3, 0, 1, 2], "move.wgsl:transpose_tiles"],
      [[4, 9, 10, 12], [2, 0, 1, 3], "strided.wgsl:gather+vec4"],
      [[4, 9, 10, 11], [3, 2, 1, 0], "strided.wgsl:gather"],
    ];
    using _scope = device.scope();
    for (const [shape, perm, kernel] of cases) {
      const size = shape.reduce((a, b) => a * b),
        strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
      const x = device.tensor(Int32Array.from({ length: size }, (_, i) => i), shape);
      let y = x;
      deepStrictEqual(commands(device, () => y = transpose(x, perm)), [kernel], `${shape} by ${perm}`);
      const want = new Int32Array(size), extents = perm.map((axis) => shape[axis]);
      for (let i = 0; i < size; i++) {
        let rest = i;
        for (let axis = perm.length - 1; axis >= 0; axis--) {
          want[i] += rest % extents[axis] * strides[perm[axis]];
          rest = Math.floor(rest / extents[axis]);
        }
      }
      deepStrictEqual(await y.data(), want, `${shape} by ${perm}`);
      strictEqual(y.size, size);
    }
  }));
