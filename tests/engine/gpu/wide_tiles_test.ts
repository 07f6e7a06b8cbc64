/** Tiles of 8 × 8 numbers an invocation, in one buffer and in two: no two invocations meet in workgroup memory or in a buffer, and all reach each barrier. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { conv2d, linear, type Tensor } from "../../../engine/mod.ts";
import { withTiling } from "../../../engine/testing/checks/tilings.ts";
import { judge } from "../../../engine/testing/wgsl/judge.ts";
import { noted } from "../../../engine/testing/wgsl/notes.ts";
import { tilingName } from "../../../engine/tuning/table.ts";
import { openDevices } from "../../support/devices.ts";

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
