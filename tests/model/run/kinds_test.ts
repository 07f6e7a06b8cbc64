/** Runs of every kind go through one loop, one reader and one writer: what holds for one holds for all. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { RUN_KINDS } from "../../../model/kinds.ts";
import { readCellCheckpoint } from "../../../model/refplus/extractor/cell_trainer.ts";
import { readRefplusCheckpoint } from "../../../model/refplus/checkpoint.ts";
import { REFPLUS_RUNS } from "../../../model/refplus/training/config.ts";
import { readCheckpoint } from "../../../model/regions/checkpoint.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { listCheckpoints, RunFolder } from "../../../model/run/run_folder.ts";
import { latestRun } from "../../../model/run/run_names.ts";
import { itera, ROOT } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";
import { copyRun } from "../../support/old_runs.ts";

const READERS = {
  regions: readCheckpoint,
  generator: readRefplusCheckpoint,
  engine: readRefplusCheckpoint,
  cells: readCellCheckpoint,
} as const;

/** Copies of the runs in tests/fixtures/runs-0.1, each with a newer checkpoint that is cut short. */
async function brokenRuns(folder: string): Promise<void> {
  for (const run of Object.keys(READERS)) {
    const to = await copyRun("runs-0.1", run, folder);
    const bytes = await Deno.readFile(listCheckpoints(to)[0].path);
    await Deno.writeFile(join(to, "checkpoints", "step_00000900.safetensors"), bytes.subarray(0, bytes.length / 2));
  }
}

Deno.test("every reader passes over a broken newest checkpoint of a run's folder", async () => {
  await withFolder(async (folder) => {
    await brokenRuns(folder);
    for (const [run, read] of Object.entries(READERS)) {
      const { step, path } = await read(join(folder, run));
      ok(step < 10 && path.startsWith(join(folder, run)), `${run}: step ${step}`);
      await rejects(read(join(folder, run, "checkpoints", "step_00000900.safetensors")), /step_00000900/);
    }
  });
});

Deno.test("a checkpoint of another kind of run is refused by the name of the kind that is wanted", async () => {
  const runs = join(ROOT, "tests/fixtures/runs-0.1");
  await rejects(readCheckpoint(join(runs, "engine")), /is a checkpoint of another kind of run than regions$/);
  await rejects(readRefplusCheckpoint(join(runs, "cells")), /of another kind of run than refplus$/);
  await rejects(readCellCheckpoint(join(runs, "regions")), /of another kind of run than refplus-extractor$/);
  await withFolder(async (folder) => {
    await brokenRuns(folder);
    await rejects(
      RunFolder.resume(join(folder, "engine"), [], REGION_RUNS),
      /is a run of another kind, not of regions/,
    );
  });
});

Deno.test("inspect reads checkpoints and folders of every kind, and reports what was passed over", async () => {
  await withFolder(async (folder) => {
    await brokenRuns(folder);
    const kinds = { regions: "regions", generator: "refplus", engine: "refplus", cells: "refplus-extractor" };
    const seen = {
      regions: /model: final/,
      generator: /models: generator/,
      engine: /models: engine/,
      cells: /network: /,
    };
    for (const run of ["regions", "generator", "engine", "cells"] as const) {
      const { code, out, err } = await itera("inspect", join(folder, run));
      strictEqual(code, 0, err);
      ok(out.startsWith(`run: ${join(folder, run)}, of kind ${kinds[run]}, begun by version 0.1.0, seed `), out);
      ok(seen[run].test(out) && /weights: \d+ tensors/.test(out), out);
      ok(/passed over .*step_00000900\.safetensors: /.test(err), err);
    }
  });
});

Deno.test("the run to go on with is the last one of the kinds that are asked for", async () => {
  await withFolder(async (folder) => {
    await brokenRuns(folder);
    for (const [i, run] of ["cells", "regions", "generator", "engine"].entries()) {
      Deno.utimeSync(join(folder, run, "metrics.jsonl"), 1000 + i, 1000 + i);
    }
    deepStrictEqual([RUN_KINDS, [REGION_RUNS], [REFPLUS_RUNS]].map((kinds) => latestRun(folder, kinds)), [
      "engine",
      "regions",
      "engine",
    ]);
  });
});
