/** Exchanges of ranks by the MPIs of this machine, their beats, and the marks of launchers and libraries. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { launched } from "../../../../model/run/ranks/launched.ts";
import { findLibrary } from "../../../../model/run/ranks/library.ts";
import { ended, ROOT } from "../../../support/command.ts";
import { withFolder } from "../../../support/folder.ts";
import { isInstalled, startRanks, testLaunchers } from "../../../support/ranks/launchers.ts";

const TALK = join(ROOT, "tests/support/ranks/talk.ts");

/** The line of each rank that it must print: sums, bytes and values of all. */
function expected(size: number): unknown[] {
  const numbers = Array.from({ length: size }, (_, i) => i), of = (n: number) => Array(3 * n).fill(n + 1);
  const factor = numbers.reduce((sum, rank) => sum + rank + 1, 0);
  return numbers.map((rank) => ({
    rank,
    size,
    sums: [1, 2, 3, 4].map((i) => factor * i + 0.25 * size),
    again: 2 * size,
    all: numbers.map(of),
    first: rank === 0 ? numbers.map(of) : null,
    given: of(4),
    values: numbers.map((other) => `rank ${other}`),
    chosen: { by: 0 },
    anywhere: [true, false],
  }));
}

function linesOf(out: string): unknown[] {
  const lines = out.trim().split("\n").map((line) =>
    JSON.parse(line) as { rank: number; sums: unknown; again: unknown }
  );
  return lines.sort((a, b) => a.rank - b.rank);
}

testLaunchers(
  "ranks exchange numbers, bytes and values, also where one is busy longer than the time-out",
  async (launcher) => {
    for (const [size, fate] of [[2, "busy"], [3, ""]] as const) {
      const { code, out, err } = await ended(startRanks(launcher, size, [TALK, fate]));
      strictEqual(code, 0, err);
      deepStrictEqual(linesOf(out), expected(size));
      strictEqual(err, "");
    }
  },
);

testLaunchers("a rank that stands still ends all, and one line names it", async (launcher) => {
  const { code, out, err } = await ended(startRanks(launcher, 3, [TALK, "hang"]));
  ok(code !== 0 && out === "", `${code} ${out}`);
  deepStrictEqual(err.split("\n").filter((line) => line.startsWith("itera:")), [
    "itera: rank 1 has given no sign of life for 2 s: it hangs, or its host or the network is gone; " +
    "checkpoints saved before are whole",
  ]);
});

const compiler = isInstalled("cc");
Deno.test({
  name: `the standard's binary interface is called by its handles${compiler ? "" : " (skipped: there is no cc)"}`,
  ignore: !compiler,
  fn: () =>
    withFolder(async (folder) => {
      const library = join(folder, "libmpi_abi.so");
      const made = await new Deno.Command("cc", {
        args: ["-shared", "-fPIC", "-o", library, join(ROOT, "tests/support/ranks/mpi_abi_stub.c")],
      }).output();
      ok(made.success, new TextDecoder().decode(made.stderr));
      const { code, out, err } = await ended(
        new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", TALK],
          env: { ITERA_MPI: library, PMI_RANK: "0", PMI_SIZE: "2" },
          stdout: "piped",
          stderr: "piped",
        }).spawn(),
      );
      strictEqual(code, 0, err);
      const [line] = linesOf(out) as { sums: number[]; all: unknown; values: unknown }[];
      deepStrictEqual(line.sums, [1, 2, 3, 4].map((i) => 2 * (i + 0.25)));
      deepStrictEqual([line.all, line.values], [[[], []], ["rank 0", "rank 0"]]);
    }),
});

Deno.test("a launcher is known by what it sets; a process alone is no rank", () => {
  deepStrictEqual(launched({ PMI_RANK: "1", PMI_SIZE: "4" }), { rank: 1, size: 4, family: "mpich" });
  const open = { OMPI_COMM_WORLD_RANK: "0", OMPI_COMM_WORLD_SIZE: "2", PMIX_RANK: "0" };
  deepStrictEqual(launched(open), { rank: 0, size: 2, family: "openmpi" });
  const step = { SLURM_PROCID: "2", SLURM_STEP_NUM_TASKS: "3" };
  deepStrictEqual(launched(step), { rank: 2, size: 3, family: "unknown" });
  deepStrictEqual(launched({ ...step, PMI_RANK: "2", PMI_SIZE: "3" })?.family, "mpich");
  deepStrictEqual(launched({ ...step, PMIX_RANK: "2" })?.family, "openmpi");
  for (
    const alone of [{}, { PMI_RANK: "0", PMI_SIZE: "1" }, { SLURM_PROCID: "0", SLURM_NTASKS: "4" }, { PMI_RANK: "x" }]
  ) {
    strictEqual(launched(alone), null);
  }
});

Deno.test("a library that is not there is said in one line, with what to install", () => {
  throws(
    () => findLibrary("mpich", "libnothing.so.9"),
    /^UserError: ITERA_MPI: libnothing\.so\.9 cannot be opened; name /,
  );
  let message = "";
  try {
    message = findLibrary("unknown", undefined).path;
  } catch (error) {
    match(message = String(error), /^UserError: several ranks were started, .*apt-get install mpich.*ITERA_MPI$/);
  }
  ok(!message.includes("\n"));
});
