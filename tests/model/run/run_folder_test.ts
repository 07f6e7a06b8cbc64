import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import { encodeSafetensors } from "../../../engine/safetensors.ts";
import { RUN_KINDS } from "../../../model/kinds.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { checkpointPath, listCheckpoints, newestCheckpointOf, RunFolder } from "../../../model/run/run_folder.ts";
import { inRunFolder, latestRun } from "../../../model/run/run_names.ts";
import { withFolder } from "../../support/folder.ts";

const few = [{ source: "--steps", value: { steps: 7 } }];

/** Names and contents of all files under a folder, the lock aside. */
function contents(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (name === ".lock") continue;
    const path = join(folder, name);
    if (isDirectory) { for (const [k, v] of Object.entries(contents(path))) found[`${name}/${k}`] = v; }
    else found[name] = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  }
  return found;
}

const weights = (step: number): Uint8Array =>
  encodeSafetensors({ w: { dtype: "F32", shape: [1], data: new Float32Array([step]) } }, { step: String(step) });

async function refuses(run: Promise<unknown>, message: RegExp): Promise<void> {
  await rejects(run, (error) => {
    ok(error instanceof UserError && message.test(error.message), String(error));
    return true;
  });
}

Deno.test("a run is never written over, and resuming needs one", async () => {
  await withFolder(async (root) => {
    const path = join(root, "a");
    await refuses(RunFolder.resume(path, [], REGION_RUNS), /there is no run to resume/);
    {
      using run = await RunFolder.create(path, few, REGION_RUNS);
      strictEqual(run.config.steps, 7);
      await run.saveCheckpoint(3, weights(3));
    }
    const before = contents(path);
    ok("config.json" in before && "checkpoints/step_00000003.safetensors" in before);
    await refuses(RunFolder.create(path, [], REGION_RUNS), /there is a run already.*--resume/);
    await refuses(
      RunFolder.resume(path, [{ source: "--seed", value: { seed: 8 } }], REGION_RUNS),
      /--seed: a resumed run keeps/,
    );
    deepStrictEqual(contents(path), before);
    Deno.mkdirSync(join(root, "mine"));
    Deno.writeTextFileSync(join(root, "mine", "notes.txt"), "keep");
    await refuses(RunFolder.create(join(root, "mine"), [], REGION_RUNS), /there is a run already/);
    deepStrictEqual(contents(join(root, "mine")), { "notes.txt": "keep" });
    await refuses(RunFolder.create(join(root, "mine", "notes.txt"), [], REGION_RUNS), /notes\.txt/);
  });
});

Deno.test("a run keeps whole paths, so that it goes on from another folder", () =>
  withFolder(async (folder) => {
    const path = join(folder, "run"),
      data = (name: string) => [{ source: "--data", value: { dataset: { data: name } } }];
    {
      using begun = await RunFolder.create(path, [...few, ...data("some/data")], REGION_RUNS);
      strictEqual(begun.config.dataset.data, join(Deno.cwd(), "some", "data"));
    }
    for (const [given, kept] of [["../other", join(Deno.cwd(), "..", "other")], ["/data", "/data"]]) {
      using resumed = await RunFolder.resume(path, data(given), REGION_RUNS);
      deepStrictEqual([resumed.config.dataset.data, resumed.config.model.weights], [kept, null]);
    }
  }));

Deno.test("one process holds a run", async () => {
  await withFolder(async (root) => {
    const path = join(root, "a");
    {
      using _run = await RunFolder.create(path, few, REGION_RUNS);
      await refuses(RunFolder.resume(path, [], REGION_RUNS), /another process is working on this run/);
    }
    using again = await RunFolder.resume(path, [{ source: "--steps", value: { steps: 9 } }], REGION_RUNS);
    strictEqual(again.config.steps, 9);
    // A change that turns out not to fit, such as other data, leaves the run as it was.
    const steps = () => JSON.parse(contents(path)["config.json"]).steps;
    strictEqual(steps(), 7);
    await again.keepSettings();
    strictEqual(steps(), 9);
  });
});

Deno.test("the newest whole checkpoint is found past broken and half-written ones", async () => {
  await withFolder(async (root) => {
    const path = join(root, "a");
    {
      using run = await RunFolder.create(path, few, REGION_RUNS);
      strictEqual(await run.newestCheckpoint(), null);
      for (const step of [2, 4, 6]) await run.saveCheckpoint(step, weights(step));
      deepStrictEqual(listCheckpoints(path).map(({ step }) => step), [4, 6]);
    }
    Deno.writeFileSync(join(path, "checkpoints", "step_00000008.safetensors"), weights(8).subarray(0, 50));
    Deno.writeFileSync(join(path, "checkpoints", ".step_00000009.safetensors.1.partial"), weights(9));
    using run = await RunFolder.resume(path, [], REGION_RUNS);
    const passed: string[] = [];
    const newest = await run.newestCheckpoint((broken, reason) => passed.push(`${basename(broken)}: ${reason}`));
    strictEqual(newest?.path, join(path, "checkpoints", "step_00000006.safetensors"));
    strictEqual(passed.length, 1);
    ok(/^step_00000008\.safetensors: safetensors: /.test(passed[0]), passed[0]);
    ok(!Object.keys(contents(path)).some((name) => name.endsWith(".partial")));
  });
});

Deno.test("a checkpoint that cannot be written leaves the one before whole", async () => {
  await withFolder(async (root) => {
    using run = await RunFolder.create(join(root, "a"), few, REGION_RUNS);
    const kept = await run.saveCheckpoint(1, weights(1));
    const onProgress = (): never => {
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    };
    await refuses(run.saveCheckpoint(2, weights(2), { onProgress }), /step_00000002\.safetensors: the disk is full/);
    strictEqual((await run.newestCheckpoint())?.path, kept);
    deepStrictEqual(listCheckpoints(run.path).map(({ step }) => step), [1]);
  });
});

Deno.test("a damaged checkpoint and one that is not finite are passed over", async () => {
  await withFolder(async (root) => {
    using run = await RunFolder.create(join(root, "a"), few, REGION_RUNS);
    const kept = await run.saveCheckpoint(1, weights(1));
    const w = { dtype: "F32", shape: [64], data: new Float32Array(64).fill(1) } as const;
    const damaged = await run.saveCheckpoint(2, encodeSafetensors({ w }, { step: "2" }, { checksum: true }));
    const bytes = await Deno.readFile(damaged);
    await Deno.writeFile(damaged, bytes.fill(0, bytes.length - 100));
    await Deno.writeFile(join(root, "a/checkpoints/step_00000003.safetensors"), weights(NaN));
    await Deno.mkdir(join(root, "a/checkpoints/step_00000004.safetensors"));
    const passed: string[] = [];
    strictEqual((await run.newestCheckpoint((_, reason) => passed.push(reason)))?.path, kept);
    deepStrictEqual(passed.slice(0, 2), ["is a folder, not a file", '"w" holds NaN']);
    ok(/do not fit its checksum/.test(passed[2]), passed[2]);
  });
});

Deno.test("a checkpoint that cannot be read back removes nothing", async () => {
  await withFolder(async (root) => {
    using run = await RunFolder.create(join(root, "a"), few, REGION_RUNS);
    for (const step of [1, 2]) await run.saveCheckpoint(step, weights(step));
    await rejects(run.saveCheckpoint(3, weights(3).subarray(0, 40)), /safetensors/);
    deepStrictEqual(listCheckpoints(run.path).map(({ step }) => step), [1, 2]);
  });
});

Deno.test("a run without a name gets a free one, and the last run worked on is found", async () => {
  await withFolder(async (root) => {
    const begin = async (name?: string): Promise<string> =>
      await inRunFolder(root, name, "context", async (path) => {
        using run = await RunFolder.create(path, few, REGION_RUNS);
        return basename(run.path);
      });
    await rejects(async () => await Promise.resolve(latestRun(join(root, "none"), RUN_KINDS)), UserError);
    deepStrictEqual([await begin(), await begin("b")], ["context-1", "b"]);
    // A folder that another process has taken, and not yet filled.
    Deno.mkdirSync(join(root, "context-2"));
    deepStrictEqual((await Promise.all([begin(), begin(), begin()])).sort(), ["context-3", "context-4", "context-5"]);
    for (const n of [2, 3, 4, 5]) Deno.removeSync(join(root, `context-${n}`), { recursive: true });
    Deno.utimeSync(join(root, "b", "config.json"), 1000, 1000);
    strictEqual(latestRun(root, RUN_KINDS), "context-1");
    Deno.writeTextFileSync(join(root, "b", "metrics.jsonl"), "");
    Deno.utimeSync(join(root, "b", "metrics.jsonl"), 4e9, 4e9);
    strictEqual(latestRun(root, RUN_KINDS), "b");
  });
});

Deno.test("where a run does not begin, no name is used up and no folder is left", async () => {
  await withFolder(async (root) => {
    const runs = join(root, "new", "runs");
    const wrong = [{ source: "--steps", value: { steps: -1 } }];
    await refuses(inRunFolder(runs, undefined, "a", (path) => RunFolder.create(path, wrong, REGION_RUNS)), /--steps/);
    deepStrictEqual([...Deno.readDirSync(join(root, "new"))], []);
    await rejects(
      inRunFolder(runs, undefined, "a", async (path) => {
        await Deno.writeTextFile(join(path, "notes.txt"), "keep");
        throw new UserError("broken");
      }),
      UserError,
    );
    deepStrictEqual(contents(runs), { "a-1/notes.txt": "keep" });
  });
});

Deno.test("an experiment's folder says which runs it holds wherever a run is wanted", async () => {
  await withFolder(async (root) => {
    const path = join(root, "both");
    Deno.mkdirSync(path);
    Deno.writeTextFileSync(join(path, "experiment.json"), "{}");
    await refuses(newestCheckpointOf(path), /both: is an experiment of several runs, none of which has begun$/);
    for (const name of ["local-3", "baseline-3"]) {
      (await RunFolder.create(join(path, name), few, REGION_RUNS)).close();
    }
    const said = /both: is an experiment of several runs; name one of them: .*both\/baseline-3, .*both\/local-3$/;
    await refuses(newestCheckpointOf(path), said);
    await refuses(checkpointPath(path), said);
    await refuses(RunFolder.resume(path, [], REGION_RUNS), said);
  });
});

Deno.test("a run in training is looked at without a lock, and its settings stay as they were", async () => {
  await withFolder(async (root) => {
    const path = join(root, "a");
    await refuses(newestCheckpointOf(path), /is no run's folder/);
    using folder = await RunFolder.create(path, [], REGION_RUNS);
    await refuses(newestCheckpointOf(path), /there is no checkpoint yet/);
    const saved = await folder.saveCheckpoint(4, weights(4));
    await Deno.writeTextFile(folder.file("config.json"), "{}");
    await Deno.writeTextFile(join(path, "checkpoints", "step_00000009.safetensors"), "cut short");
    const broken: string[] = [];
    strictEqual((await newestCheckpointOf(path, (file) => broken.push(file))).path, saved);
    deepStrictEqual(broken, [join(path, "checkpoints", "step_00000009.safetensors")]);
    strictEqual(await Deno.readTextFile(folder.file("config.json")), "{}");
  });
});
