/** The best checkpoint and the early end of a run, with a learner of one number whose validations are given. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Device, type Tensor } from "../../../engine/mod.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { BestTracker } from "../../../model/run/best.ts";
import { BEGINNING, parseRunCheckpoint, readRunCheckpoint, startOf } from "../../../model/run/checkpoint.ts";
import { Interrupted } from "../../../model/run/hooks.ts";
import { type Learner, runLoop } from "../../../model/run/loop.ts";
import { listCheckpoints, RunFolder } from "../../../model/run/run_folder.ts";
import type { Json } from "../../../model/run/layers.ts";
import { withFolder } from "../../support/folder.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

/** The measure after each step; the weight is the step. */
type Curve = Readonly<Record<number, number>>;

/** Trains, with a validation every 2 steps and a checkpoint every 3; stops at `until`, as Ctrl-C would. */
async function train(path: string, curve: Curve, settings: Record<string, Json>, until?: number): Promise<string[]> {
  await using device = await Device.open();
  using w: Tensor = device.tensor([1]).unscoped();
  const stop = new AbortController();
  const learner: Learner = {
    device,
    title: "given",
    rate: () => 0.5,
    update: (step) => {
      if (step + 1 === until) stop.abort();
      w.write(Float32Array.of(step + 1));
      return { names: ["loss"], values: [1] };
    },
    tensors: () => new Map([["model.w", w]]),
    facts: () => ({}),
    captured: () => 0,
    validate: (step) => Promise.resolve({ val_accuracy: curve[step] ?? 0, val_ap: 1 - (curve[step] ?? 0) }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const own = { steps: 12, displayEvery: 4, checkpointEvery: 3, checkpointKeep: 9, validateEvery: 2, ...settings };
  const said: string[] = [];
  using folder = await Deno.stat(path).then(() => true, () => false)
    ? await RunFolder.resume(path, [{ source: "test", value: settings }], REGION_RUNS)
    : await RunFolder.create(path, [{ source: "test", value: own }], REGION_RUNS);
  const newest = await folder.newestCheckpoint();
  const start = newest ? startOf(parseRunCheckpoint(newest, [REGION_RUNS])) : BEGINNING;
  const training = runLoop(folder, learner, start, { onMessage: (text) => said.push(text), signal: stop.signal });
  if (until === undefined) await training;
  else await rejects(training, Interrupted);
  return said;
}

const by = (metric: string, patience: number | null = null): Record<string, Json> => ({
  validation: { metric, patience },
});

const steps = (path: string): number[] => listCheckpoints(path).map(({ step }) => step);

/** Step of the checkpoint that a run's folder stands for. */
async function chosen(path: string, newest = false): Promise<number> {
  const { step, tensors } = await readRunCheckpoint(path, [REGION_RUNS], undefined, { newest });
  strictEqual(tensors.get("model.w")!.data[0], step, "the weights are those of its step");
  return step;
}

/** All files of a run that must be the same however often it was stopped. */
async function files(path: string): Promise<Map<string, Uint8Array>> {
  const names = ["metrics.jsonl", "checkpoints/best.safetensors", ...steps(path).slice(-1).map(stepFile)];
  return new Map(await Promise.all(names.map(async (name) => [name, await Deno.readFile(join(path, name))] as const)));
}

const stepFile = (step: number): string => `checkpoints/step_${String(step).padStart(8, "0")}.safetensors`;

const CURVE: Curve = { 2: 0.3, 4: 0.7, 6: 0.7, 8: 0.5, 10: 0.6, 12: 0.65 };

Deno.test("the checkpoint of the best validation is kept and stands for the run, the newest on demand", async () => {
  await withFolder(async (root) => {
    const path = join(root, "run");
    await train(path, CURVE, by("val_accuracy"));
    // The first of equals is the best.
    deepStrictEqual([await chosen(path), await chosen(path, true)], [4, 12]);
    deepStrictEqual(steps(path), [3, 6, 9, 12]);
    const other = join(root, "other");
    await train(other, CURVE, by("val_ap"));
    strictEqual(await chosen(other), 2);
    const none = join(root, "none");
    await train(none, CURVE, {});
    strictEqual(await chosen(none), 12);
    // A best checkpoint that is broken is passed over.
    await Deno.truncate(join(path, "checkpoints/best.safetensors"), 40);
    const broken: string[] = [];
    strictEqual((await readRunCheckpoint(path, [REGION_RUNS], (file) => broken.push(file))).step, 12);
    strictEqual(broken.length, 1);
  });
});

Deno.test("a run ends after as many validations without a better one, and stays ended", async () => {
  await withFolder(async (root) => {
    const path = join(root, "run");
    const [said] = await train(path, CURVE, by("val_accuracy", 2));
    match(
      said,
      /^stopped after step 8: val_accuracy has not risen for 2 validations: the best was 0\.7000 after step 4$/,
    );
    deepStrictEqual([steps(path), await chosen(path)], [[3, 6, 8], 4]);
    const before = await files(path);
    deepStrictEqual(await train(path, CURVE, {}), []);
    deepStrictEqual(await files(path), before);
    // Without patience it goes on, and ends as a run that never had any.
    await train(path, CURVE, { validation: { patience: null } });
    const whole = join(root, "whole");
    await train(whole, CURVE, by("val_accuracy"));
    deepStrictEqual((await files(path)).get("metrics.jsonl"), (await files(whole)).get("metrics.jsonl"));
    deepStrictEqual([await chosen(path), await chosen(path, true)], [4, 12]);
  });
});

Deno.test("a run that is stopped at any step keeps the same best checkpoint and ends at the same step", async () => {
  await withFolder(async (root) => {
    for (const patience of [null, 3]) {
      const settings = by("val_accuracy", patience), whole = join(root, `whole ${patience}`);
      await train(whole, CURVE, settings);
      const want = await files(whole);
      for (const until of [1, 2, 4, 5, 6, 7, 8]) {
        const path = join(root, `stopped ${patience} ${until}`);
        await train(path, CURVE, settings, until);
        await train(path, CURVE, {});
        deepStrictEqual(await files(path), want, `patience ${patience}, stopped at ${until}`);
      }
    }
  });
});

Deno.test("a run killed after its best was saved goes on from before and saves the same", async () => {
  await withFolder(async (root) => {
    const whole = join(root, "whole"), path = join(root, "killed");
    await train(whole, CURVE, by("val_accuracy"));
    await train(path, CURVE, by("val_accuracy"), 4);
    // As if it had been killed between the best and the checkpoint of step 4.
    await Deno.remove(join(path, stepFile(4)));
    deepStrictEqual(steps(path), [3]);
    await train(path, CURVE, {});
    deepStrictEqual(await files(path), await files(whole));
  });
});

Deno.test("the end of a run is validated, and may be the best, without being waited for", async () => {
  await withFolder(async (root) => {
    const path = join(root, "run");
    await train(path, { ...CURVE, 5: 0.9 }, { ...by("val_accuracy", 2), steps: 5 });
    deepStrictEqual([await chosen(path), steps(path)], [5, [3, 5]]);
    const tracker = new BestTracker({ validation: { metric: "a", patience: 2 } }, null);
    deepStrictEqual([tracker.take(2, { a: 1 }), tracker.take(3, { a: 0 }, { extra: true })], [true, false]);
    deepStrictEqual([tracker.state, tracker.exhausted], [{ step: 2, value: 1, waited: 0 }, false]);
    deepStrictEqual([tracker.take(4, { a: 1 }), tracker.take(6, { a: 0 }), tracker.exhausted], [false, false, true]);
  });
});

Deno.test("a measure that a run has not is named with those it has", async () => {
  await withFolder(async (root) => {
    await rejects(
      train(join(root, "run"), CURVE, by("val_class_ap")),
      /^UserError: validation\.metric: "val_class_ap" is not measured; this run measures val_accuracy, val_ap$/,
    );
  });
});
