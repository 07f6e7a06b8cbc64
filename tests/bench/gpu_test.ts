/** The script for GPU machines: its arguments, its time budget, and what it writes. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { markdownTable } from "../../bench/gpu/markdown.ts";
import { parseOptions, PHASES, UsageError } from "../../bench/gpu/options.ts";
import { peakOf } from "../../bench/gpu/peak.ts";
import { deadlineOf, type Phase, runPhases, Skip } from "../../bench/gpu/schedule.ts";
import { TestOutput } from "../../bench/gpu/test_output.ts";
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
      [["--phases", "ops,opps"], /no phase "opps"; phases are machine, checks/],
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
