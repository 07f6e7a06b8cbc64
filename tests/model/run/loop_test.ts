/** The training loop, with a learner of one number whose losses and weights are given. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Device, type Tensor } from "../../../engine/mod.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { BEGINNING, parseRunCheckpoint, startOf } from "../../../model/run/checkpoint.ts";
import { type Learner, runLoop } from "../../../model/run/loop.ts";
import { MetricsLog } from "../../../model/run/logs/metrics_log.ts";
import { listCheckpoints, RunFolder } from "../../../model/run/run_folder.ts";
import { withFolder } from "../../support/folder.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

/** Losses and weights of each step, 1 where none is given. */
interface Given {
  readonly loss?: Readonly<Record<number, number>>;
  readonly weight?: Readonly<Record<number, number>>;
  readonly nonFinite?: { readonly name: string; readonly steps: number } | null;
}

/** Trains for `steps` steps with a record every 2 and a checkpoint every 3; returns what was said. */
async function train(
  root: string,
  steps: number,
  { loss = {}, weight = {}, nonFinite = null }: Given = {},
): Promise<string[]> {
  await using device = await Device.open();
  using w: Tensor = device.tensor([1]).unscoped();
  const learner: Learner = {
    device,
    title: "given",
    rate: () => 0.5,
    update: (step) => {
      w.write(Float32Array.of(weight[step + 1] ?? 1));
      return { names: ["loss", "other"], values: [1, loss[step + 1] ?? 1] };
    },
    tensors: () => new Map([["model.w", w]]),
    facts: () => ({}),
    captured: () => 0,
    nonFinite: () => Promise.resolve(nonFinite),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const path = join(root, "run"), said: string[] = [];
  const layers = [{ source: "test", value: { steps, displayEvery: 2, checkpointEvery: 3 } }];
  using folder = await Deno.stat(path).then(() => true, () => false)
    ? await RunFolder.resume(path, layers, REGION_RUNS)
    : await RunFolder.create(path, layers, REGION_RUNS);
  const newest = await folder.newestCheckpoint();
  const start = newest ? startOf(parseRunCheckpoint(newest, [REGION_RUNS])) : BEGINNING;
  await runLoop(folder, learner, start, { onMessage: (text) => said.push(text) });
  return said;
}

const steps = (root: string): number[] => listCheckpoints(join(root, "run")).map(({ step }) => step);

Deno.test("a loss that is not finite ends the run by its name and step, and the checkpoints before stay", async () => {
  await withFolder(async (root) => {
    await rejects(
      train(root, 9, { loss: { 5: Infinity } }),
      /^UserError: other is Infinity at step 5, at a rate of 0\.5/,
    );
    deepStrictEqual(steps(root), [3]);
    deepStrictEqual(MetricsLog.read(join(root, "run", "metrics.jsonl")).map(({ step }) => step), [2, 4]);
  });
});

Deno.test("what the optimiser has marked ends the run by its name and step, where no loss was wrong before", async () => {
  await withFolder(async (root) => {
    const nonFinite = { name: "w", steps: 2 };
    const said = /^UserError: "w", its gradient or the optimiser's state is not finite after step 1, at a rate of 0\.5/;
    await rejects(train(root, 9, { nonFinite }), said);
    await rejects(train(root, 9, { nonFinite, loss: { 2: NaN } }), said);
    await rejects(train(root, 9, { nonFinite, loss: { 1: NaN } }), /^UserError: other is NaN at step 1/);
    deepStrictEqual(steps(root), []);
  });
});

Deno.test("a weight that is not finite ends the run by its name, and no checkpoint holds it", async () => {
  await withFolder(async (root) => {
    await rejects(train(root, 9, { weight: { 6: NaN } }), /^UserError: "model\.w" holds NaN after step 6: lower/);
    deepStrictEqual(steps(root), [3]);
  });
});

Deno.test("the last step is logged wherever a run ends, and a longer run's records are as if it had not ended there", async () => {
  const records = (root: string): Record<string, unknown>[] => MetricsLog.read(join(root, "run", "metrics.jsonl"));
  const loss = { 1: 1, 2: 2, 3: 4, 4: 8, 5: 16 };
  await withFolder(async (root) => {
    await train(root, 1, { loss });
    deepStrictEqual(records(root).map(({ step, other }) => [step, other]), [[1, 1]]);
    await train(root, 3, { loss });
    deepStrictEqual(records(root).map(({ step, other }) => [step, other]), [[2, 1.5], [3, 4]]);
    await train(root, 5, { loss });
    const resumed = records(root);
    await withFolder(async (whole) => {
      await train(whole, 5, { loss });
      deepStrictEqual(records(whole).map(({ step }) => step), [2, 4, 5]);
      deepStrictEqual(resumed, records(whole));
    });
  });
});

Deno.test("a log that is not as a checkpoint left it is said when the run goes on", async () => {
  await withFolder(async (root) => {
    deepStrictEqual(await train(root, 6), []);
    deepStrictEqual(await train(root, 9), []);
    const log = join(root, "run", "metrics.jsonl");
    await Deno.writeTextFile(log, (await Deno.readTextFile(log)).split("\n").slice(1).join("\n"));
    const [said] = await train(root, 12);
    match(said, /metrics\.jsonl: is not as it was after step 9/);
    await Deno.remove(log);
    strictEqual((await train(root, 15)).length, 1);
  });
});

Deno.test("a checkpoint that a killed process had still to remove goes as the run goes on, also where no step is left", async () => {
  await withFolder(async (root) => {
    const checkpoint = (step: number): string => join(root, "run", "checkpoints", `step_0000000${step}.safetensors`);
    await train(root, 3);
    const oldest = await Deno.readFile(checkpoint(3));
    await train(root, 9);
    deepStrictEqual(steps(root), [6, 9]);
    await Deno.writeFile(checkpoint(3), oldest);
    await train(root, 9);
    deepStrictEqual(steps(root), [6, 9]);
    await Deno.writeFile(checkpoint(3), oldest);
    // The newest whole one counts, not a damaged one after it.
    await Deno.writeFile(checkpoint(9), oldest.subarray(0, 99));
    await train(root, 6);
    deepStrictEqual(steps(root), [3, 6, 9]);
  });
});
