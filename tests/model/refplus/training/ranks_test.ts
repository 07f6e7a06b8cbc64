/** The module network trained by several ranks: the bits of one process with the same parts. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { REFPLUS_RUNS } from "../../../../model/refplus/training/config.ts";
import { trainRefplus } from "../../../../model/refplus/training/trainer.ts";
import { Interrupted, type TrainHooks } from "../../../../model/run/hooks.ts";
import type { Json } from "../../../../model/run/layers.ts";
import type { Ranks } from "../../../../model/run/ranks/ranks.ts";
import { nextRun } from "../../../../model/run/ranks/runs.ts";
import { listCheckpoints, RunFolder } from "../../../../model/run/run_folder.ts";
import { withFolder } from "../../../support/folder.ts";
import { withRandom } from "../../../support/random.ts";
import { localRanks } from "../../../support/ranks/local_ranks.ts";
import { writeToy } from "../../../support/refplus/toy_refplus.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

/** Trains by `count` ranks in this process; stops after `until` updates where that is given. */
async function train(path: string, settings: Json, count: number, until?: number): Promise<void> {
  const begun = await Deno.stat(join(path, "config.json")).then(() => true, () => false);
  using folder = begun
    ? await RunFolder.resume(path, [], REFPLUS_RUNS)
    : await RunFolder.create(path, [{ source: "test", value: settings }], REFPLUS_RUNS);
  const hooksOf = (ranks: Ranks | null): TrainHooks => {
    const stop = new AbortController();
    return { ranks, signal: stop.signal, onStep: (done) => done === until && stop.abort() };
  };
  if (count === 1) return void await trainRefplus(folder, hooksOf(null));
  const all = localRanks(count).map(async (ranks, rank) => {
    if (rank === 0) return await trainRefplus(folder, hooksOf(ranks));
    const { path, config } = (await nextRun<typeof folder.config>(ranks))!;
    return await trainRefplus(RunFolder.following(path, config), hooksOf(ranks));
  });
  const validations = await Promise.all(all);
  for (const other of validations) deepStrictEqual(other, validations[0]);
}

/** Throws unless two runs have the same log and checkpoints, byte for byte. */
function assertSame(got: string, want: string): void {
  const filesOf = (path: string): Map<string, Uint8Array> => {
    const files = [join(path, "metrics.jsonl"), ...listCheckpoints(path).map(({ path }) => path)];
    return new Map(files.map((file) => [basename(file), Deno.readFileSync(file)]));
  };
  const [a, b] = [filesOf(got), filesOf(want)];
  deepStrictEqual([...a.keys()], [...b.keys()]);
  for (const [name, bytes] of b) {
    const at = bytes.findIndex((byte, i) => byte !== a.get(name)![i]);
    ok(at < 0 && bytes.length === a.get(name)!.length, `${basename(got)}: ${name} differs from byte ${at} on`);
  }
}

Deno.test("two ranks with a part each have the bits of one process with two parts, in every stage", async () => {
  await withFolder(async (folder) => {
    await withRandom("refplus ranks", async (random) => {
      // The last batch of an epoch is one expression: one rank has nothing to do then.
      const [files, val] = [await writeToy(folder, "train", 13, random), await writeToy(folder, "val", 5, random)];
      const at = (name: string): string => join(folder, name);
      const settings = (stage: string, more: Record<string, Json> = {}): Json => ({
        stage,
        steps: 4,
        batch: 4,
        accumulate: 2,
        data: {
          ...{ trainRefexps: files.refexps, trainFeatures: files.features, vocabulary: files.vocabulary },
          ...{ valRefexps: val.refexps, valFeatures: val.features },
        },
        generator: { wordDim: 6, hidden: 8, layers: 1 },
        engine: { dim: 4, headWidth: 32 },
        start: {
          programGenerator: ["joint", "ee-pred"].includes(stage) ? at("pg") : null,
          executionEngine: stage === "joint" ? at("ee-gt") : null,
        },
        displayEvery: 1,
        validateEvery: 2,
        checkpointEvery: 2,
        ...more,
      });
      for (const stage of ["pg", "ee-gt", "ee-pred", "joint"]) {
        await train(at(stage), settings(stage), 1);
        await rejects(train(at(`${stage} by two`), settings(stage), 2, 1), Interrupted);
        await train(at(`${stage} by two`), settings(stage), 2);
        assertSame(at(`${stage} by two`), at(stage));
      }
      const likeliest = { reinforce: { baseline: "likeliest" }, batch: 6, accumulate: 3, steps: 2 };
      await train(at("likeliest"), settings("joint", likeliest), 1);
      await train(at("likeliest by three"), settings("joint", likeliest), 3);
      const several = { ...likeliest, reinforce: { baseline: "others", draws: 3, entropy: 0.01 } };
      await train(at("several"), settings("joint", several), 1);
      await train(at("several by three"), settings("joint", several), 3);
      const log = (name: string): string => Deno.readTextFileSync(join(at(name), "metrics.jsonl")).split("\n")[0];
      strictEqual(log("likeliest by three"), log("likeliest"));
      strictEqual(log("several by three"), log("several"));
      for (
        const [more, message] of [
          [{ accumulate: 1 }, /^UserError: accumulate: 1 parts .* 2 ranks; give --accumulate 2, or a multiple$/],
          [{ batch: 1, accumulate: 1 }, /^UserError: batch: 1 expressions .* give --batch_size 2 --accumulate 2$/],
        ] as const
      ) {
        await rejects(train(at(`refused ${JSON.stringify(more)}`), settings("pg", more), 2), message);
      }
    });
  });
});
