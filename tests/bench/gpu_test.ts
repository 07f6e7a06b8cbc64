/** The script for GPU machines: its arguments, its time budget, and what it writes. */
import "../../engine/mod.ts";
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { checkItems } from "../../bench/gpu/checks.ts";
import { shareOfPeak } from "../../bench/gpu/show.ts";
import { markdownTable } from "../../bench/gpu/markdown.ts";
import { parseOptions, PHASES, UsageError } from "../../bench/gpu/options.ts";
import { peakOf } from "../../bench/gpu/peak.ts";
import { deadlineOf, type Phase, runPhases, Skip } from "../../bench/gpu/schedule.ts";
import { TestOutput } from "../../bench/gpu/test_output.ts";
import type { TuneRow } from "../../bench/gpu/report.ts";
import { QUICK_CASES } from "../../cli/tune_cases.ts";
import { formatTuning, parseTuning } from "../../engine/tuning/file.ts";
import type { TunedTiling } from "../../engine/tuning/table.ts";
import { ROOT } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("the GPU script's arguments have defaults, and phases keep their order", () => {
  deepStrictEqual(parseOptions([]), { budget: 480, phases: [...PHASES], out: undefined, quick: false, help: false });
  const asked = parseOptions(["--budget=60", "--phases", "ops,machine", "--out", "a.json", "--quick"]);
  deepStrictEqual(asked, { budget: 60, phases: ["machine", "ops"], out: "a.json", quick: true, help: false });
  for (
    const [args, message] of [
      [["--budget", "soon"], /--budget takes seconds/],
      [["--budget", "0"], /--budget takes seconds/],
      [["--budget", "1e3"], /--budget takes seconds/],
      [["--phases", "ops,opps"], /no phase "opps"; phases are machine, pytorch, checks/],
      [["--fast"], /Unknown option '--fast'; usage: /],
      [["ops"], /usage: /],
    ] as const
  ) {
    throws(() => parseOptions(args), (error: unknown) => {
      ok(error instanceof UsageError && !error.message.includes("\n"), String(error));
      match(error.message, message);
      return true;
    });
  }
});

Deno.test("what a phase leaves of its time goes to those after it", () => {
  strictEqual(deadlineOf([1, 3], 0, 400), 100);
  strictEqual(deadlineOf([3], 20, 400), 400);
  strictEqual(deadlineOf([1, 1], 500, 400), 500);
});

Deno.test("what found no time, cannot run or fails is listed, and the rest goes on", async () => {
  let clock = 0;
  const ran: string[] = [];
  const item = (name: string, takes: number, error?: Error) => ({
    name,
    run: () => {
      clock += takes;
      if (error) return Promise.reject(error);
      ran.push(name);
      return Promise.resolve();
    },
  });
  const phases: Phase[] = [
    { name: "checks", weight: 1, items: () => [item("a", 10), item("b", 50), item("c", 1)] },
    { name: "ops", weight: 1, items: () => [item("d", 1, new Skip("not here")), item("e", 1, new Error("bad\nat x"))] },
    { name: "steps", weight: 1, items: () => Promise.reject(new Skip("no packages")) },
    { name: "fused", weight: 1, items: () => [item("f", 1000)] },
    { name: "peers", weight: 1, items: () => [item("g", 1)] },
  ];
  const report = { notRun: [], failures: [] } as Parameters<typeof runPhases>[2];
  await runPhases(phases, 200, report, { now: () => clock });
  deepStrictEqual(ran, ["a", "b", "f"]);
  deepStrictEqual(report.failures, [{ phase: "ops", name: "e", message: "bad" }]);
  deepStrictEqual(report.notRun, [
    { phase: "checks", name: "c", why: "no time was left" },
    { phase: "ops", name: "d", why: "not here" },
    { phase: "steps", name: "everything", why: "no packages" },
    { phase: "peers", name: "everything", why: "no time was left" },
  ]);
});

Deno.test("an item that outlasts the budget is cut off and listed", async () => {
  const report = { notRun: [], failures: [] } as Parameters<typeof runPhases>[2];
  let stop = (): void => {};
  const long = { name: "long", run: () => new Promise<void>((resolve) => stop = resolve) };
  const next = { name: "next", run: () => Promise.resolve() };
  await runPhases([{ name: "ops", weight: 1, items: () => [long, next] }], performance.now() + 20, report);
  stop();
  deepStrictEqual(report.notRun, [
    { phase: "ops", name: "long", why: "cut off at the end of the time budget" },
    { phase: "ops", name: "next", why: "no time was left" },
  ]);
});

Deno.test("items of a phase that are no timings run side by side", async () => {
  let running = 0, most = 0;
  const items = Array.from({ length: 7 }, (_, i) => ({
    name: `${i}`,
    run: async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
    },
  }));
  const report = { notRun: [], failures: [] } as Parameters<typeof runPhases>[2];
  const run = async (more: { readonly together?: number }): Promise<number> => {
    most = 0;
    const phase: Phase = { name: "checks", weight: 1, items: () => items, ...more };
    await runPhases([phase], performance.now() + 60_000, report);
    return most;
  };
  deepStrictEqual([await run({}), await run({ together: 3 })], [1, 3]);
  deepStrictEqual(report, { notRun: [], failures: [] });
});

Deno.test("every op is checked in one part of the registry's tests, in both kernel sets", () => {
  const filters = checkItems(() => {}).flatMap(({ args }) => args.length > 0 ? [args[1]] : []);
  for (const op of ["conv2d", "addRelu", "weightedSum", "einsum", "matmul", "resize"]) {
    for (const kernels of ["gpu", "cpu"]) {
      const title = `${op} (${kernels} kernels) agrees`;
      strictEqual(filters.filter((filter) => new RegExp(filter.slice(1, -2), "i").test(title)).length, 1, title);
    }
  }
});

Deno.test("an op's share of the theoretical peak is of arithmetic or of memory, whichever is nearer", () => {
  const peak = { compute: 60e9, bandwidth: 4e9, source: "" }, row = { name: "", group: "", share: null };
  // 30 TFLOP/s and 1 TB/s by the clock, in half of that time on the device.
  strictEqual(shareOfPeak({ ...row, ms: 2, deviceMs: null, gflops: 30_000, gbps: 1000 }, peak), 0.5);
  strictEqual(shareOfPeak({ ...row, ms: 2, deviceMs: 1, gflops: 15_000, gbps: 1000 }, peak), 0.5);
  strictEqual(shareOfPeak({ ...row, ms: 2, deviceMs: null, gflops: null, gbps: 1000 }, peak), 0.25);
  strictEqual(
    shareOfPeak({ ...row, ms: 2, deviceMs: null, gflops: null, gbps: 1000 }, { ...peak, bandwidth: null }),
    null,
  );
});

Deno.test("a test run's output is counted line by line, failures with what they said", () => {
  const output = new TestOutput();
  const lines = [
    "running 5 tests from ./tests/ops/a_test.ts",
    "add (gpu kernels) agrees ... ok (12ms)",
    "mul (gpu kernels) agrees ... FAILED (3ms)",
    "slow one ... ignored (0ms)",
    "",
    " ERRORS ",
    "",
    "mul (gpu kernels) agrees => ./tests/ops/a_test.ts:12:8",
    "error: Error: 3 of 4 elements are off",
    "    at file:///a.ts:1:1",
    "",
    " FAILURES ",
    "",
    "mul (gpu kernels) agrees => ./tests/ops/a_test.ts:12:8",
  ];
  for (const line of lines) output.line(line);
  deepStrictEqual(output.passed, ["add (gpu kernels) agrees"]);
  deepStrictEqual(output.failures, [{
    title: "mul (gpu kernels) agrees",
    message: "Error: 3 of 4 elements are off",
  }]);
  strictEqual(output.open, 2);
});

Deno.test("tables are aligned Markdown", () => {
  deepStrictEqual(markdownTable(["op", "ms"], [["add", 0.01234], ["sum of rows", null]]).split("\n"), [
    "| op          |     ms |",
    "| ----------- | -----: |",
    "| add         | 0.0123 |",
    "| sum of rows |      – |",
  ]);
});

Deno.test("a chip's theoretical peak is reckoned from its driver's counts", () => {
  // NVIDIA's data sheet of the H100 SXM: 67 TFLOP/s in float32 and 3.35 TB/s.
  const h100 = {
    name: "H100",
    processors: 132,
    clockKHz: 1_980_000,
    capability: "9.0",
    memoryKHz: 2_619_000,
    busBits: 5120,
  };
  const peak = peakOf(h100)!;
  ok(Math.abs(peak.compute / 1e9 - 67) < 0.2, `${peak.compute}`);
  ok(Math.abs(peak.bandwidth! / 1e9 - 3.35) < 0.01, `${peak.bandwidth}`);
  // That of the A100: 19.5 TFLOP/s by 64 lanes a multiprocessor.
  const a100 = { ...h100, processors: 108, clockKHz: 1_410_000, capability: "8.0", memoryKHz: 0 };
  ok(Math.abs(peakOf(a100)!.compute / 1e9 - 19.5) < 0.1);
  strictEqual(peakOf(a100)!.bandwidth, null);
  strictEqual(peakOf({ ...h100, processors: 0 }), null);
});

/** Runs the launcher as its user does, from a folder of theirs. */
async function gpu(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(`${ROOT}/bench/gpu.sh`, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", DENO: Deno.execPath(), ...env },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

Deno.test("the GPU script names the machine and writes its report", () =>
  withFolder(async (folder) => {
    const { code, out, err } = await gpu(["--quick", "--phases", "machine", "--out", "found.json"], folder);
    strictEqual(code, 0, err);
    match(out, /## Machine\n\n\| .*adapter/s);
    match(out, /0 checks passed, 0 failures, 0 not run; \d+ of 480 s\nwritten to found\.json\n$/);
    const report = JSON.parse(await Deno.readTextFile(join(folder, "found.json")));
    ok(report.finished && report.quick && report.machine.adapter.description !== undefined);
    const names = report.machine.proofs.map(({ name }: { readonly name: string }) => name);
    deepStrictEqual(names, ["compute", "shader-f16", "timestamp-query", "subgroups", "immediates"]);
    strictEqual(report.machine.proofs[0].proven, true);
  }));

Deno.test("the GPU script tunes where there is no package, and its winners can be shipped", () =>
  withFolder(async (folder) => {
    const args = ["--quick", "--phases", "tune", "--out", "found.json"];
    const { code, out, err } = await gpu(args, folder, { DENO_DIR: join(folder, "deno"), ITERA_TUNING: "none" });
    strictEqual(code, 0, err);
    match(out, /## Tilings of products and convolutions\n\n\| op .+\nThe other phases go by the rules alone\.\n/s);
    const { tuning, notRun } = JSON.parse(await Deno.readTextFile(join(folder, "found.json")));
    deepStrictEqual(notRun, []);
    const rows: readonly TuneRow[] = tuning.rows, winners: readonly TunedTiling[] = tuning.winners;
    strictEqual(rows.length, QUICK_CASES.length);
    ok(rows.every(({ measured }) => measured.length > 1 && measured.every(({ turns }) => turns.length === 1)));
    // No two of these sizes share a bucket.
    deepStrictEqual(winners.map(({ tiling }) => tiling), rows.flatMap(({ tiling }) => tiling ?? []));
    deepStrictEqual(parseTuning(formatTuning({ winners }), "the report").winners, winners);
  }));

Deno.test("the GPU script says in one line what to set", () =>
  withFolder(async (folder) => {
    for (
      const [args, env, message] of [
        [
          [],
          { DENO: "nowhere/deno" },
          /^bench\/gpu\.sh: DENO is nowhere\/deno, where there is no file; set it to .+\n$/,
        ],
        [[], { VK_LOADER: "/nowhere" }, /^bench\/gpu\.sh: VK_LOADER is \/nowhere, where there is no .+; set it .+\n$/],
        [["--phases", "all"], {}, /^bench\/gpu\.sh: there is no phase "all"; phases are .+\n$/],
      ] as const
    ) {
      const { code, out, err } = await gpu(args, folder, env);
      deepStrictEqual([code, out], [2, ""], err);
      match(err, message);
    }
  }));

Deno.test("a compressed Deno beside its user is unpacked", async (t) => {
  const packer = await new Deno.Command("xz", { args: ["--version"] }).output().then(() => true, () => false);
  await t.step({
    name: "with a stand-in for Deno",
    ignore: !packer,
    fn: () =>
      withFolder(async (folder) => {
        await Deno.writeTextFile(join(folder, "deno"), '#!/bin/sh\necho "$@"\n');
        strictEqual((await new Deno.Command("xz", { args: [join(folder, "deno")] }).output()).code, 0);
        const { code, out, err } = await gpu(["--quick"], folder, { DENO: "deno.xz", TMPDIR: folder });
        strictEqual(code, 0, err);
        strictEqual(out, `run -A --quiet --no-check --no-lock --cached-only ${ROOT}/bench/gpu/main.ts --quick\n`);
      }),
  });
});

/** A program of the shell's in `folder`. */
async function script(folder: string, name: string, ...lines: string[]): Promise<string> {
  const path = join(folder, name);
  await Deno.writeTextFile(path, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  return path;
}

/** A stand-in for Deno that does `lines` for the script. */
const standIn = (folder: string, ...lines: string[]): Promise<string> =>
  script(folder, "deno", '[ "$1" = --version ] && exit', ...lines);

const GLX = "libGLX_nvidia.so.0", EGL = "libEGL_nvidia.so.0";

Deno.test({
  name: "an NVIDIA driver is described by the library that can be loaded, to old Vulkan loaders too",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (folder) => {
      const DENO = await standIn(
        folder,
        'echo "$VK_DRIVER_FILES:$VK_ICD_FILENAMES"',
        "cat $VK_DRIVER_FILES </dev/null",
      );
      const icd = join(folder, "share/vulkan/icd.d/nvidia_icd.json");
      await Deno.mkdir(join(icd, ".."), { recursive: true });
      for (const name of [GLX, EGL]) await Deno.writeTextFile(join(folder, name), "");
      await script(folder, "ldd", 'case "$1" in *"$LACKS"*) echo "	libX11.so.6 => not found" ;; esac');
      const env = {
        DENO,
        PATH: `${folder}:${Deno.env.get("PATH")}`,
        LD_LIBRARY_PATH: folder,
        TMPDIR: folder,
        XDG_DATA_DIRS: join(folder, "share"),
        VK_DRIVER_FILES: "",
        VK_ICD_FILENAMES: "",
      };
      // What lacks libX11, what the system's own description names, and what ours is to name, if there is to be one.
      for (
        const [lacks, named, wanted] of [
          ["none", null, GLX],
          ["libGLX", null, EGL],
          ["libGLX", GLX, EGL],
          ["libGLX", EGL, null],
          ["none", GLX, null],
          ["lib", GLX, null],
        ] as const
      ) {
        if (named) await Deno.writeTextFile(icd, JSON.stringify({ ICD: { library_path: named } }));
        else await Deno.remove(icd).catch(() => {});
        const { code, out, err } = await gpu([], folder, { ...env, LACKS: lacks });
        strictEqual(code, 0, err);
        const [paths, description = ""] = out.trimEnd().split("\n");
        const [files, old] = paths.split(":");
        strictEqual(files, old);
        strictEqual(description === "" ? null : JSON.parse(description).ICD.library_path, wanted, `${lacks}, ${named}`);
        if (lacks !== "lib") strictEqual(err, "");
        else match(err, /not found; libGLX_nvidia\.so\.0 lacks libX11\.so\.6; .+NVIDIA_DRIVER_CAPABILITIES=all/);
      }
      const own = await gpu([], folder, { ...env, VK_DRIVER_FILES: DENO });
      match(own.out, new RegExp(`^${DENO}:${DENO}\n`));
    }),
});

Deno.test("a run that blocks is killed with its children after its budget, and its status is 1", () =>
  withFolder(async (folder) => {
    // A child that stayed would hold the pipe open.
    const DENO = await standIn(folder, "trap '' TERM", "sleep 25 &", "sleep 25", "sleep 25");
    const start = performance.now();
    const { code, err } = await gpu(["--phases", "ops", "--budget=1.5"], folder, { DENO, GRACE: "1" });
    const seconds = (performance.now() - start) / 1000;
    strictEqual(code, 1, err);
    match(err, /^bench\/gpu\.sh: it had not ended 1 s after its budget of 1 s and was killed; .+ is saved .+\n$/);
    ok(seconds >= 2 && seconds < 20, `${seconds} s`);
  }));

Deno.test("the launcher passes on how the run ended, and ends it when it is ended itself", () =>
  withFolder(async (folder) => {
    const failed = await gpu([], folder, { DENO: await standIn(folder, "exit 3") });
    strictEqual(failed.code, 3, failed.err);
    const child = new Deno.Command(`${ROOT}/bench/gpu.sh`, {
      env: { DENO: await standIn(folder, "sleep 25 &", "echo started", "wait") },
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader(), start = performance.now();
    strictEqual(new TextDecoder().decode((await reader.read()).value), "started\n");
    child.kill("SIGTERM");
    strictEqual((await reader.read()).done, true);
    strictEqual((await child.status).code, 143);
    ok(performance.now() - start < 20_000);
  }));
