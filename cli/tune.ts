/** `itera tune`: measures kernels on this adapter and remembers the fastest for each op and size. */
import type { Command } from "@commander-js/extra-typings";
import { Option } from "@commander-js/extra-typings";
import { writeFileAtomic } from "../engine/base/atomic.ts";
import { UserError } from "../engine/base/user_error.ts";
import { Device } from "../engine/device.ts";
import { contextOf } from "../engine/friends.ts";
import { formatTuning, type TuningFile } from "../engine/tuning/file.ts";
import { readTuning, tuningPath } from "../engine/tuning/known.ts";
import { caseName, problemOf } from "../engine/tuning/problem.ts";
import { adapterKey, formsOf, replaceWinner, shadersOf, tilingName } from "../engine/tuning/table.ts";
import { type Measured, tune } from "../engine/tuning/tuner.ts";
import { fact, line, notice, Progress, table } from "./terminal/output.ts";
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
      await using device = await Device.open({ adapter });
      const { info, kernels } = device;
      notice(`adapter: ${info.description}${info.isFallback ? " (software)" : ""}, kernels: ${kernels}`);
      await tuneAll(device, path, ops, quick);
    });
}

/** Tunes every case, prints what came of each, and keeps winners as they are found: Ctrl-C loses none. */
async function tuneAll(device: Device, path: string, ops: readonly string[], quick: boolean): Promise<void> {
  const cases = (quick ? QUICK_CASES : CASES).filter(({ op }) => ops.some((name) => op.startsWith(name)));
  const adapter = adapterKey(device.info, device.kernels);
  const { winners: before, refused } = keptBefore(path), { refused: left } = contextOf(device);
  let kept = before.filter(({ adapter: own, op, shaders, tiling }) =>
    own !== adapter ||
    (shaders === shadersOf(op, device.kernels) && !formsOf(op, device.kernels, tiling).some((form) => left.has(form)))
  );
  const stale = before.length - kept.length;
  const rows: (string | number)[][] = [];
  let faster = 0;
  using progress = new Progress("tune", "sizes");
  for (const [i, one] of cases.entries()) {
    const name = caseName(one);
    progress.update(i, cases.length, `${one.op} ${name}`);
    using problem = problemOf(device, one);
    const { op, shape } = problem;
    const { measured, tiling, gain } = await tune(device, problem, quick ? QUICK : THOROUGH);
    for (const { tiling, turns } of measured) {
      if (turns.length === 0) {
        progress.notice(`${op} ${name}: ${tilingName(tiling)} computes wrong numbers here and is left out`);
      }
    }
    rows.push([
      op,
      name,
      measured.map(candidateName).join(", "),
      tilingName(tiling ?? measured[0].tiling),
      gain,
    ]);
    kept = replaceWinner(kept, { adapter, op, shaders: shadersOf(op, device.kernels), shape, tiling });
    if (tiling) faster++;
    await writeFileAtomic(path, formatTuning({ winners: kept, refused }));
  }
  progress.update(cases.length, cases.length);
  table({ columns: ["op", "size", "ms of each candidate", "winner", "gain"], rows });
  line(`${faster} of ${cases.length} sizes run faster than by rule`);
  const own = kept.filter((winner) => winner.adapter === adapter).length;
  const parts = [
    `${own} tilings of this adapter${own > faster ? `, ${own - faster} of them measured before` : ""}`,
    ...kept.length > own ? [`${kept.length - own} of other adapters`] : [],
    ...stale > 0 ? [`dropped: ${stale} measured with older shaders, or with kernels that are left out`] : [],
  ];
  fact("kept", parts.join("; "));
  fact("table", path);
}

const THOROUGH = { rounds: 5, turn: 50 } as const;
const QUICK = { rounds: 1, turn: 2 } as const;

/** All that a file already holds; a broken one is written anew. */
function keptBefore(path: string): TuningFile {
  try {
    return readTuning(path);
  } catch (error) {
    notice(`${(error as Error).message}; it is written anew`);
    return { winners: [], refused: [] };
  }
}

/** The candidate, its best time, and that it is the rule's where it is the first. */
function candidateName({ tiling, turns }: Measured, i: number): string {
  return `${tilingName(tiling)} ${turns.length === 0 ? "wrong" : Math.min(...turns).toPrecision(3)}${
    i === 0 ? " (rule)" : ""
  }`;
}
