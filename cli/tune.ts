/** `itera tune`: measures kernels on this adapter and remembers the fastest for each op and size. */
import type { Command } from "@commander-js/extra-typings";
import { Option } from "@commander-js/extra-typings";
import { UserError } from "../datasets/errors.ts";
import { Device } from "../engine/device.ts";
import { readTuning, tuningPath, writeTuning } from "../engine/tuning/known.ts";
import { caseName, problemOf, type TuneCase } from "../engine/tuning/problem.ts";
import { adapterKey, bucketOf, type Cut, shadersOf, type TunedCut } from "../engine/tuning/table.ts";
import { tune, type Tuned } from "../engine/tuning/tuner.ts";
import { line, notice, Progress, table } from "./output.ts";
import { CASES, QUICK_CASES } from "./tune_cases.ts";

const OPS = ["matmul", "conv2d"] as const;

/** Adds the command. */
export function addTune(program: Command): void {
  program.command("tune")
    .description("measure kernels on this adapter, each checked first, and remember the fastest for each op and size")
    .addOption(new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const))
    .addOption(new Option("--ops <names...>", "what to tune; by default all").choices(OPS))
    .option("--quick", "a few small sizes, measured once: to see that it works")
    .option(
      "--out <file>",
      "where winners are kept; by default ITERA_TUNING, else itera/tuning.json in the user's cache",
    )
    .action(async ({ adapter = "auto", ops = OPS, quick = false, out }) => {
      const path = out ?? tuningPath();
      if (path === null) throw new UserError("there is no folder to keep winners in; say which file: --out FILE");
      const before = kept(path);
      await using device = await Device.open({ adapter });
      const { info, profile } = device;
      notice(`adapter: ${info.description}${info.isFallback ? " (software)" : ""}, kernels: ${profile}`);
      const cases = (quick ? QUICK_CASES : CASES).filter(({ op }) => ops.some((name) => op.startsWith(name)));
      const key = adapterKey(info, profile);
      const found = await measure(device, cases, quick);
      // What this run measured replaces what was known of the same buckets, also where the rules turned out to be best.
      const replaced = new Set(found.map(({ op, shape }) => `${op} ${bucketOf(...shape)}`));
      const others = before.filter((winner) =>
        winner.adapter !== key ||
        (winner.shaders === shadersOf(winner.op, profile) && !replaced.has(`${winner.op} ${bucketOf(...winner.shape)}`))
      );
      const winners = found.flatMap(({ op, shape, cut }): TunedCut[] =>
        cut ? [{ adapter: key, op, shaders: shadersOf(op, profile), shape, cut }] : []
      );
      writeTuning(path, [...others, ...winners]);
      line(`${winners.length} of ${found.length} sizes run faster than by rule; kept in ${path}`);
    });
}

/** What a file already holds; a broken one is written anew. */
function kept(path: string): readonly TunedCut[] {
  try {
    return readTuning(path);
  } catch (error) {
    notice(`${(error as Error).message}; it is written anew`);
    return [];
  }
}

/** Tunes every case and prints the table; sizes whose kernels were all wrong are complained about. */
async function measure(device: Device, cases: readonly TuneCase[], quick: boolean) {
  const found: (Pick<TunedCut, "op" | "shape"> & Tuned & { readonly name: string })[] = [];
  {
    using progress = new Progress("tune", "sizes");
    for (const [i, one] of cases.entries()) {
      const name = caseName(one);
      progress.update(i, cases.length, `${one.op} ${name}`);
      using problem = problemOf(device, one);
      const tuned = await tune(device, problem, quick ? { rounds: 1, turn: 2 } : { rounds: 3, turn: 100 });
      found.push({ op: problem.op, shape: problem.shape, name, ...tuned });
      for (const { cut, ms } of tuned.measured) {
        if (ms === null) {
          progress.notice(`${one.op} ${name}: ${cutName(cut)} computes wrong numbers here and is left out`);
        }
      }
    }
    progress.update(cases.length, cases.length);
  }
  table(
    ["op", "size", "ms of each candidate", "winner", "gain"],
    found.map(({ op, name, measured, cut, gain }) => [
      op,
      name,
      measured.map((one) => `${cutName(one.cut)} ${one.ms === null ? "wrong" : one.ms.toPrecision(3)}`).join("\n"),
      cutName(cut),
      gain,
    ]),
  );
  return found;
}

/** `128×64/4`: tiles or blocks of 128 rows and 64 columns, the summed axis in 4 parts. */
function cutName(cut: Cut | null): string {
  return cut ? `${cut.rows}×${cut.columns}${cut.parts > 1 ? `/${cut.parts}` : ""}` : "rule";
}
