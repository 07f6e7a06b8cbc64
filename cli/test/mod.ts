/** `itera test`: the whole suite; the checks of ops, kernels and shaders by name; or files, which `deno test` runs. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { fileURLToPath } from "node:url";
import { UserError } from "../../engine/base/user_error.ts";
import type { KernelSet } from "../../engine/gpu/adapter.ts";
import type { Coverage } from "../../engine/testing/wgsl/coverage.ts";
import { nearest } from "../../model/run/layers.ts";
import { offer } from "../completion/words.ts";
import { ProgramFailed } from "../terminal/failure.ts";
import { runDeno } from "../terminal/run_deno.ts";
import { line, member, notice } from "../terminal/output.ts";
import { CheckProgress, type Watcher } from "./progress.ts";
import { testOf } from "./elsewhere.ts";
import { list } from "./list.ts";
import { select, type Selection, wordsForShells } from "./select.ts";
import { counts, show } from "./show.ts";
import { watch } from "./watch.ts";
import type { Checked, CheckRun } from "./check.ts";
import { joined, showCoverage } from "./coverage.ts";
import { onDrivers } from "./drivers.ts";
import type { CheckMessage } from "./worker.ts";

/** Kernel sets, in the order in which they are reported. */
const SETS = ["cpu", "gpu"] as const;

/** Options of `itera test` by name. */
interface TestOptions {
  readonly kernels?: KernelSet | undefined;
  readonly tilings?: true | undefined;
  readonly list?: true | undefined;
  readonly seed?: number | undefined;
  readonly watch?: true | undefined;
  readonly json?: true | undefined;
  readonly brief?: true | undefined;
  readonly drivers?: true | undefined;
  readonly on?: readonly string[] | undefined;
  readonly coverage?: true | undefined;
}

/** Adds the command. */
export function addTest(program: Command): void {
  const about = "names or patterns such as conv2d, 'conv*', matmul_tiles.wgsl; or test files, for deno test";
  const names = program.createArgument("[names...]", about);
  offer(names, wordsForShells);
  program.command("test")
    .description("run the whole test suite, or the checks of what is named: ops, kernels, shader files")
    .addArgument(names)
    .addOption(new Option("--kernels <set>", "one kernel set; by default both").choices(SETS))
    .option("--tilings", "every tiling too that the tuner may choose")
    .option("--list", "say what would be checked, and what each check covers")
    .addOption(new Option("--seed <n>", "which numbers are drawn; by default fresh ones").argParser(seedOf))
    .option("--drivers", "on every Vulkan driver that there is, a process each, and in Chromium; by default all ops")
    .option("--on <drivers...>", "with --drivers: those of these names or patterns, such as swiftshader 'llvmpipe*'")
    .option("--brief", "values and memory alone: no copies that take notes, no other constants, no differences")
    .option("--coverage", "say which kernels, branches and constants no sample reaches; by default of all ops")
    .option("--watch", "run again what depends on a shader or an op whenever that is saved")
    .option("--json", "print the results as one JSON object")
    .allowUnknownOption()
    .action(async (_, options, command) => {
      // Commander keeps all words, in their order and with `--`, where parsing began.
      const { rawArgs } = command.parent as unknown as { readonly rawArgs: readonly string[] };
      await test(command.args, rawArgs.slice(rawArgs.indexOf("test") + 1), options as TestOptions);
    });
}

function seedOf(text: string): number {
  if (/^\d+$/.test(text) && Number(text) < 2 ** 32) return Number(text);
  throw new InvalidArgumentError("It is a whole number from 0 to 4294967295.");
}

/** True for a word that is a file, a folder or a flag of `deno test`. */
function isPath(word: string): boolean {
  if (word.endsWith(".wgsl")) return false;
  if (/\.tsx?$/.test(word)) return true;
  return word.includes("/") && isThere(word);
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Runs what `words` name; `raw` are the words with their flags. */
async function test(words: readonly string[], raw: readonly string[], options: TestOptions): Promise<void> {
  const flags = words.filter((word) => word.startsWith("-")), names = words.filter((word) => !word.startsWith("-"));
  if (raw.includes("--") || words.some(isPath)) {
    // `deno test` ends with a backtrace where there is no such file; it knows patterns.
    const missing = words.find((word) => /\.tsx?$/.test(word) && !/[*?[{]/.test(word) && !isThere(word));
    if (!raw.includes("--") && flags.length === 0 && missing) throw new UserError(`there is no file "${missing}"`);
    const own = raw.filter((word) => word !== "--");
    return await run(["run", "-A", inProject("tests/run.ts"), ...withoutSeed(own)], options.seed);
  }
  if (flags.length > 0) {
    const near = nearest(flags[0], [
      "--kernels",
      "--drivers",
      "--on",
      "--brief",
      "--coverage",
      "--tilings",
      "--list",
      "--seed",
      "--watch",
      "--json",
    ]);
    throw new UserError(
      `unknown option '${flags[0]}'${near ? ` (did you mean ${near}?)` : ""}; what follows -- goes to deno test`,
    );
  }
  if (options.list) return await list(names, options.kernels ? [options.kernels] : SETS, options.seed ?? 1);
  if (options.watch) return await watch(names, raw.filter((word) => word !== "--watch"));
  if (options.drivers) {
    const { kernels = null, seed = 1, on = ["*"], brief = false } = options;
    return await onDrivers(names.length > 0 ? names : ["*"], { kernels, seed, on, brief });
  }
  if (options.coverage) return await coverage(names, options);
  if (names.length > 0) return await check(select(names), options);
  await run(["run", "-A", inProject("tests/run.ts")], options.seed);
}

/** Flags of ours that `deno test` does not know. */
function withoutSeed(words: readonly string[]): string[] {
  const at = words.indexOf("--seed");
  return at < 0 ? [...words] : words.toSpliced(at, 2);
}

/** Checks a selection in both kernel sets at once, or in one. */
async function check(selection: Selection, options: TestOptions): Promise<void> {
  const { kernels, tilings = false, brief = false, json = false } = options;
  const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
  const sets = kernels ? [kernels] : SETS;
  const start = performance.now();
  // Reports that are printed as they come show how far the checks are; gathered ones do not.
  using progress = json ? new CheckProgress(sets.length) : null;
  const tests = new Set(selection.kernels.flatMap((kernel) => testOf(kernel) ?? []));
  const reports = (await Promise.all(
    sets.map((kernelSet) => checkIn({ ...selection, kernelSet, seed, tilings, brief }, progress ?? PRINTED)),
  )).flat();
  const sum = { passed: 0, failed: 0 };
  for (const report of reports) {
    const { passed, failed } = counts(report);
    sum.passed += passed;
    sum.failed += failed;
  }
  if (reports.length === 0 && tests.size === 0) {
    throw new UserError(`no sample of an op runs ${selection.kernels.join(", ")} in the ${sets.join(" or ")} kernels`);
  }
  if (json) { for (const [name, value] of Object.entries({ seed, ...sum, reports })) member(name, value); }
  else {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (reports.length > 0) line(`${sum.passed} checks passed, ${sum.failed} failed in ${seconds} s (--seed ${seed})`);
  }
  if (tests.size > 0 && !json) {
    notice(`kernels that no op's sample runs are checked by ${[...tests].join(", ")}`);
    await run(["test", "-A", "--no-check", ...[...tests].map(inProject)], options.seed);
  }
  if (sum.failed > 0) throw new ProgramFailed(1);
}

/** Says what the samples of a selection reach, or of all ops. */
async function coverage(names: readonly string[], options: TestOptions): Promise<void> {
  const { kernels, seed = 1, tilings = false } = options, whole = names.length === 0 && !kernels;
  const selection = select(names.length > 0 ? names : ["*"]), all: Coverage[] = [];
  await Promise.all(
    (kernels ? [kernels] : SETS).map((kernelSet) =>
      inThread({ ...selection, kernelSet, seed, tilings, coverage: true, beyond: whole }, (message) => {
        if (message.kind === "coverage") all.push(message.coverage);
      })
    ),
  );
  // Every tiling reaches what reasons are given for.
  showCoverage(selection, whole && !tilings, joined(all));
}

/** Reports of a run in a thread of its own, which `watcher` sees as they come. */
async function checkIn(run: CheckRun, watcher: Watcher): Promise<Checked[]> {
  const reports: Checked[] = [];
  await inThread(run, (message) => {
    if (message.kind === "planned") watcher.planned(message.count);
    if (message.kind !== "report") return;
    reports.push(message.report);
    watcher.report(message.report);
  });
  return reports;
}

/** Prints reports as they come. */
const PRINTED: Watcher = { planned: () => {}, report: show };

/** Has a thread of its own do what `run` asks for. */
async function inThread(run: CheckRun, see: (message: CheckMessage) => void): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  try {
    await new Promise<void>((resolve, reject) => {
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.onmessage = ({ data }: MessageEvent<CheckMessage>) => {
        see(data);
        if (data.kind === "done") resolve();
        if (data.kind === "failed") reject(new UserError(data.message));
      };
      worker.postMessage(run);
    });
  } finally {
    worker.terminate();
  }
}

/** Path of a file of the project. Throws {@link UserError} where only the library was imported. */
function inProject(name: string): string {
  const url = new URL(`../../${name}`, import.meta.url);
  if (url.protocol === "file:") return fileURLToPath(url);
  throw new UserError("this needs the project's folder; clone it and call ./itera there");
}

/** Runs Deno to its end, with a seed for what draws where one is given. */
async function run(args: readonly string[], seed: number | undefined): Promise<void> {
  await runDeno(args, seed === undefined ? {} : { ITERA_TEST_SEED: String(seed) });
}
