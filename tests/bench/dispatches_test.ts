/** Dispatches of a training step with the kernels for GPUs: no more than there were. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { batchWork } from "../../bench/batches.ts";
import { dispatchesOf, stepsCounted } from "../../bench/dispatches.ts";
import { modelWorks, SIZES } from "../../bench/models.ts";
import { contextOf } from "../../engine/friends.ts";
import { Device } from "../../engine/mod.ts";

/** Most dispatches of a step, without Winograd's way. */
const MOST: Readonly<Record<string, number>> = {
  "default final": 479,
  "default baseline": 59,
  "published final": 874,
  "published baseline": 235,
};

Deno.test("steps have at most so many dispatches on GPUs", async () => {
  deepStrictEqual(stepsCounted().map(({ name }) => name), Object.keys(MOST));
  for (const { name, work } of stepsCounted()) {
    const { total, kernels } = await dispatchesOf(work);
    ok(total <= MOST[name], `${name}: ${total} dispatches, of ${JSON.stringify([...kernels])}`);
    ok([...kernels.keys()].some((kernel) => kernel.includes("tiles")), `${name}: ${JSON.stringify([...kernels])}`);
  }
});

Deno.test("eight images in one pass have at most a quarter of the dispatches an image that one has", async () => {
  const alone = await dispatchesOf(batchWork(1, false)), eight = await dispatchesOf(batchWork(8, true));
  ok(eight.total / 8 <= alone.total / 4, `${eight.total} dispatches of eight images, ${alone.total} of one`);
});

Deno.test("what is counted is what a replay submits", async () => {
  const work = modelWorks({ ...SIZES[0], height: 48, width: 64, regions: 3, classes: 5 })
    .find(({ name }) => name === "baseline: training step")!;
  const { total } = await dispatchesOf(work, { kernels: "cpu" });
  await using device = await Device.open({ kernels: "cpu", winograd: false, tuning: null });
  using steps = work.prepare(device);
  for (let i = 0; i < 2; i++) steps.run();
  const before = contextOf(device).stats.dispatches;
  steps.run();
  strictEqual(contextOf(device).stats.dispatches - before, total);
});
