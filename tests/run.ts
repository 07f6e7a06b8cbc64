/**
 * Runs the whole suite and closes with `N passed, N failed`. Files are shared out among two processes more than there are cores,
 * the longest first: most of the time goes into compiling kernels, which one core does, and a third into waiting for what a
 * device reads back. With arguments it is one `deno test` with these.
 */
import { fileURLToPath } from "node:url";
import { dirname, join, relative } from "node:path";
import { Device } from "../engine/device.ts";
import { NoAdapterError } from "../engine/base/errors.ts";

const print = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));

/**
 * Files that take longest by themselves, about the longest first; the order alone depends on it. Files that compile the same
 * kernels do not begin together, so that one finds in the driver's cache what the other compiled; nor do the two that take 3 GiB
 * and more, the memory's comparison and the model of full size.
 */
const LONG = [
  "engine/ops/tilings_test.ts",
  "truth/iter-reason/memory_test.ts",
  "cli/refplus/demo_test.ts",
  "model/refplus/training/learning_test.ts",
  "engine/ops/registry_test.ts",
  "engine/testing/gradcheck_test.ts",
  "importing_test.ts",
  "cli/reasoning_test.ts",
  "examples_test.ts",
  "model/regions/reasoning/full_size_test.ts",
  "extending_test.ts",
  "model/regions/static_inputs_test.ts",
  "fuzz/bounds_test.ts",
  "model/regions/reasoning/rollout_test.ts",
  "cli/test_test.ts",
  "truth/iter-reason/baseline_test.ts",
  "cli/train_test.ts",
  "truth/iep-ref/engine_test.ts",
  "model/refplus/training/trainer_test.ts",
  "model/regions/reasoning/robust_test.ts",
  "model/weights/training_parity_test.ts",
];

/** Other files that a process takes at once. */
const TOGETHER = 6;

/** Folders that run only where they are asked for: `deno task test:browser`. */
const APART = ["tests/browser"];

/** Minutes that the suite should take on two quiet cores. */
const BUDGET = 7;

/** Files named among the slowest at the end. */
const NAMED = 12;

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Test files below a folder, relative to the project. */
function testsIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? testsIn(path) : name.endsWith("_test.ts") ? [relative(root, path)] : [];
  }).sort();
}

/** Result of one `deno test`. */
interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

/** Runs `deno test` with `args`; its output is printed as it comes, or at the end. */
async function test(args: readonly string[], live: boolean): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", ...args],
    cwd: root,
    stdout: "piped",
    stderr: live ? "inherit" : "piped",
    // Whatever was tuned on this machine: the suite runs what everybody runs.
    env: { NO_COLOR: "1", ITERA_TUNING: "none" },
  }).spawn();
  const errors = live ? Promise.resolve("") : new Response(child.stderr).text();
  const decoder = new TextDecoder();
  let out = "";
  for await (const chunk of child.stdout) {
    out += decoder.decode(chunk, { stream: true });
    if (live) await Deno.stdout.write(chunk);
  }
  const { code, signal } = await child.status;
  if (!live) print((out + await errors).trimEnd());
  const summary = [...out.slice(-4000).matchAll(/(\d+) passed(?: \([^)]*\))? \| (\d+) failed/g)].at(-1);
  const passed = summary ? Number(summary[1]) : 0, failed = summary ? Number(summary[2]) : 1;
  // Software drivers may fall over their own threads as a process ends: after the summary that is none of the tests' doing.
  const ended = code === 0 || (signal !== null && summary !== undefined);
  if (code !== 0 && failed === 0) print(`after its last test this process ended with ${signal ?? `status ${code}`}`);
  // A process that ends badly has failed even where no test of its own did.
  return { passed, failed: Math.max(failed, ended && passed > 0 ? 0 : 1) };
}

/** Runs every test file, shared out among processes; prints which took longest. */
async function runAll(): Promise<Outcome> {
  const start = performance.now();
  const folder = await Deno.makeTempDir(),
    all = testsIn(join(root, "tests")).filter((path) => !APART.some((apart) => path.startsWith(`${apart}/`)));
  const long = LONG.map((path) => `tests/${path}`).filter((path) => all.includes(path));
  const short = all.filter((path) => !long.includes(path));
  const queue = [...long.map((path) => [path]), ...chunks(short, TOGETHER)];
  const outcomes: Outcome[] = [], reports: string[] = [];
  const work = async (): Promise<void> => {
    for (let files = queue.shift(); files; files = queue.shift()) {
      const report = join(folder, `${reports.length}.xml`);
      reports.push(report);
      outcomes.push(await test([`--junit-path=${report}`, ...files], false));
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, navigator.hardwareConcurrency + 2) }, work));
  const times = reports.flatMap((report) => secondsByFile(report)).sort((a, b) => b.seconds - a.seconds);
  print("\nlongest files:");
  for (const { file, seconds } of times.slice(0, NAMED)) print(`${seconds.toFixed(0).padStart(5)} s  ${file}`);
  await Deno.remove(folder, { recursive: true });
  const took = Math.round((performance.now() - start) / 1000);
  print(`tests: ${Math.floor(took / 60)}:${String(took % 60).padStart(2, "0")} of ${BUDGET} minutes`);
  const sum = (key: keyof Outcome): number => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  return { passed: sum("passed"), failed: sum("failed") };
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

/** Seconds of each file in a report of `deno test`; none where the process left no report. */
function secondsByFile(report: string): { readonly file: string; readonly seconds: number }[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(report);
  } catch {
    return [];
  }
  return [...text.matchAll(/<testsuite name="([^"]+)"[^>]*>([\s\S]*?)<\/testsuite>/g)].map(([, file, cases]) => ({
    file,
    seconds: [...cases.matchAll(/<testcase [^>]*\btime="([\d.]+)"/g)].reduce((sum, [, time]) => sum + Number(time), 0),
  }));
}

// Without an adapter every test would say so; once is enough.
if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
try {
  await (await Device.open()).close();
} catch (error) {
  if (!(error instanceof NoAdapterError)) throw error;
  print(error.message);
  print("0 passed, 1 failed");
  Deno.exit(1);
}

const { passed, failed } = Deno.args.length > 0 ? await test(Deno.args, true) : await runAll();
print(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
