/** Tiles of 8 × 8 numbers an invocation, in one buffer and in two: no two invocations meet in workgroup memory or in a buffer, and all reach each barrier. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { conv2d, linear, type Tensor } from "../../../engine/mod.ts";
import { allOps } from "../../../engine/op.ts";
import { checkAgainstReference } from "../../../engine/testing/samples/check_sample.ts";
import { prepare } from "../../../engine/testing/samples/prepare.ts";
import { withTiling } from "../../../engine/testing/checks/tilings.ts";
import { judge } from "../../../engine/testing/wgsl/judge.ts";
import { noted } from "../../../engine/testing/wgsl/notes.ts";
import { tilingName } from "../../../engine/tuning/table.ts";
import { openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const { gpu: device } = await openDevices();

/** Products with sums of columns and convolutions, gradients included, that end within tiles and take several steps. */
async function work(): Promise<void> {
  using _scope = device.scope();
  const leaf = (shape: readonly number[], seed: number): Tensor => {
    const made = device.randn(shape, { seed });
    made.requiresGrad = true;
    return made;
  };
  linear(leaf([70, 36], 1), leaf([36, 68], 2), leaf([68], 3)).sum().backward();
  conv2d(leaf([1, 9, 8, 20], 4), leaf([3, 3, 20, 68], 5), { padding: 1 }).sum().backward();
  await device.finish();
}

for (const [rows, columns] of [[64, 64], [128, 64]]) {
  for (const buffers of [1, 2] as const) {
    const tiling = { rows, columns, buffers, splitK: 1 };
    Deno.test(`no races, indices out of range or missed barriers in tiles of ${tilingName(tiling)}`, () =>
      withTiling(device, tiling, async () => {
        const all = await noted(device, work), names = new Set(all.map(({ kernel }) => kernel.name));
        for (const file of ["matmul", "conv_forward", "conv_data_grad", "conv_weight_grad"]) {
          ok(names.has(`${file}_tiles.wgsl:wide_tiles`), `${file}: ${[...names]}`);
        }
        deepStrictEqual(judge(all).map(({ kernel, text, place }) => `${kernel}, line ${place.line}: ${text}`), []);
      }));
  }
}

/** Convolutions whose taps just fill a word of bits, do not fit into one, reach far outside, or are strided. */
const CONVOLUTIONS = [
  { x: [2, 9, 11, 8], w: [4, 8, 8, 12], stride: [1, 1], padding: [[2, 1], [4, 3]], dilation: [1, 1] },
  { x: [1, 9, 11, 8], w: [3, 11, 8, 12], stride: [1, 1], padding: [[1, 1], [5, 5]], dilation: [1, 1] },
  { x: [1, 13, 12, 4], w: [7, 7, 4, 8], stride: [2, 2], padding: [[3, 3], [3, 3]], dilation: [1, 1] },
  { x: [2, 10, 9, 12], w: [3, 3, 12, 8], stride: [1, 1], padding: [[4, 4], [4, 4]], dilation: [4, 4] },
  { x: [1, 11, 10, 8], w: [3, 2, 8, 8], stride: [3, 2], padding: [[0, 1], [2, 0]], dilation: [1, 2] },
] as const;

Deno.test("convolutions of many taps, strides and dilations agree with the float64 reference, gradients included", () =>
  withRandom(
    "wide convolutions",
    (random) =>
      withoutLeaks(device, () =>
        withTiling(device, { rows: 64, columns: 64, buffers: 2, splitK: 1 }, async () => {
          const op = allOps().get("conv2d")!;
          const samples = CONVOLUTIONS.map(({ x, w, ...attrs }) => ({
            inputs: [{ shape: x }, { shape: w }, null, null, null],
            attrs: { ...attrs, activation: "none" },
          }));
          await checkAgainstReference(device, op, prepare(op, random, samples));
        })),
  ));
