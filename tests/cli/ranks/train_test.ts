/** `itera train` by ranks of real launchers: the files of one process, and one line where a rank ends. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { readRunCheckpoint } from "../../../model/run/checkpoint.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { listCheckpoints } from "../../../model/run/run_folder.ts";
import { ended, itera, ROOT, start } from "../../support/command.ts";
import { TINY, writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { withFolder } from "../../support/folder.ts";
import { isFile, isInstalled, startRanks, testLaunchers } from "../../support/ranks/launchers.ts";
import { waitForRanks } from "../../support/ranks/processes.ts";

/** Words of a command that trains a tiny run in `folder`. */
async function words(folder: string, name: string, steps = 4): Promise<string[]> {
  const data = join(folder, "data");
  if (!await Deno.stat(data).then(() => true, () => false)) await writeTinyCoco(data, 5);
  const settings = {
    ...TINY,
    steps,
    batch: 2,
    displayEvery: 2,
    checkpointEvery: 2,
    dataset: { ...TINY.dataset, data },
  };
  const file = join(folder, `${name}.json`);
  await Deno.writeTextFile(file, JSON.stringify(settings));
  return ["train", "--model", "baseline", "--config", file, "--runs", folder, "--name", name];
}

function assertSame(folder: string, got: string, want: string): void {
  for (
    const path of [...listCheckpoints(join(folder, want)).map(({ path }) => path), "metrics.jsonl", "results.json"]
  ) {
    const name = path.includes("step_") ? join("checkpoints", basename(path)) : path;
    const [a, b] = [got, want].map((run) => Deno.readFileSync(join(folder, run, name)));
    ok(a.length === b.length && a.every((byte, i) => byte === b[i]), `${got}: ${name}`);
  }
}

testLaunchers(
  "ranks that a launcher starts leave the files of one process, print once, and stop together",
  async (launcher) => {
    await withFolder(async (folder) => {
      const one = await itera(...await words(folder, "one"));
      strictEqual(one.code, 0, one.err);
      const two = await ended(startRanks(launcher, 2, [`${ROOT}/cli/main.ts`, ...await words(folder, "two")]));
      strictEqual(two.code, 0, two.err);
      assertSame(folder, "two", "one");
      strictEqual(two.out.replaceAll("/two", "/one"), one.out);
      match(
        two.err,
        /^2 ranks by [^\n]*\n(a step takes [^\n]*\n)?rank 0 on [^\n]*\nrank 1 on [^\n]*\nranks 0, 1 may share one device/,
      );
      strictEqual(two.err.match(/^done in /gm)?.length, 1);

      const wrong = [`${ROOT}/cli/main.ts`, ...await words(folder, "three"), "--batch", "3"];
      const refused = await ended(startRanks(launcher, 2, wrong));
      strictEqual(refused.code, 2);
      deepStrictEqual(refused.err.match(/^itera: .*$/gm), [
        "itera: rank 0: batch: 3 images a step do not make equal shares of 2 ranks; give --batch 2 or 4",
      ]);
      strictEqual(await Deno.stat(join(folder, "three")).then(() => true, () => false), false);
    });
  },
);

const any = isInstalled("mpirun.mpich") || isInstalled("mpirun.openmpi");
const skipped = any ? "" : " (skipped: no launcher is installed)";

/** Step of a run's newest checkpoint. */
const newest = (path: string): number => listCheckpoints(path).at(-1)?.step ?? 0;

/** Waits until a run has a checkpoint of a later step. */
async function later(path: string, step: number): Promise<void> {
  while (newest(path) <= step) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Two drivers of software, as two devices. */
const DRIVERS = ["/usr/share/vulkan/icd.d/lvp_icd.x86_64.json", "/usr/lib/chromium/vk_swiftshader_icd.json"];

if (DRIVERS.every(isFile)) {
  testLaunchers("ranks take a device each", async (launcher) => {
    const files = { VK_DRIVER_FILES: DRIVERS.join(":"), VK_ICD_FILENAMES: DRIVERS.join(":") };
    const { code, out, err } = await ended(
      startRanks(launcher, 3, [join(ROOT, "tests/support/ranks/devices.ts")], files),
    );
    strictEqual(code, 0, err);
    const devices = out.trim().split("\n").sort().map((line) => /llvmpipe|SwiftShader/.exec(line)?.[0]);
    // A third rank shares that of the first.
    deepStrictEqual([devices.slice(0, 2).sort(), devices[2]], [["SwiftShader", "llvmpipe"], devices[0]]);
  });
} else {
  Deno.test.ignore("ranks take a device each (skipped: SwiftShader is not installed)", () => {});
}

testLaunchers("a rank that loses its device ends all, and one line names it", async (launcher) => {
  await withFolder(async (folder) => {
    const own = [join(ROOT, "tests/support/ranks/unlucky.ts"), ...await words(folder, "unlucky", 100_000)];
    const { code, err } = await ended(startRanks(launcher, 2, own));
    strictEqual(code, 1);
    const lines = err.split("\n").filter((line) => line.startsWith("itera: "));
    deepStrictEqual(lines.map((line) => line.replace(/lost \(.*/, "lost")), ["itera: rank 1: the GPU device was lost"]);
  });
}, { one: true });

/** The line that a signal to rank 1 must bring. */
const LINES = {
  SIGKILL: /^itera: rank 1 (was ended by signal 9|has died), /,
  SIGINT: /^itera: stopped after step \d+; everything is saved/,
  SIGTERM: /^itera: stopped after step \d+; everything is saved/,
};

Deno.test({
  name: `a killed rank of itera train --ranks ends all, in one line that names it, and the run goes on${skipped}`,
  ignore: !any,
  fn: () =>
    withFolder(async (folder) => {
      const own = await words(folder, "killed");
      const long = [...own, "--steps", "100000"];
      for (const [i, signal] of (["SIGKILL", "SIGTERM", "SIGINT"] as const).entries()) {
        const args = i === 0 ? long : ["train", "--resume", "--runs", folder, "--name", "killed", "--steps", "100000"];
        const path = join(folder, "killed"), before = newest(path);
        const child = start([...args, "--ranks", "2"]);
        const end = ended(child), pids = await waitForRanks(folder, 2);
        await later(path, before);
        // Ctrl-C is for the command; the others come to a rank from elsewhere.
        Deno.kill(signal === "SIGINT" ? child.pid : pids[1], signal);
        const { code, err } = await end;
        const lines = err.split("\n").filter((line) => line.startsWith("itera: "));
        strictEqual(lines.length, 1, err);
        match(lines[0], LINES[signal]);
        if (signal === "SIGKILL") ok(code !== 0);
        else strictEqual(code, 130);
        ok(!/BAD TERMINATION|MPI_ABORT|----/.test(err), err);
        await readRunCheckpoint(join(folder, "killed"), [REGION_RUNS]);
      }
    }),
});
