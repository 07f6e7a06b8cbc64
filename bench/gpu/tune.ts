/** The tuning of kernels as a phase: `itera tune` without its packages. It changes nothing but the report. */
import { CASES, QUICK_CASES } from "../../cli/tune_cases.ts";
import { tuningOf } from "../../engine/friends.ts";
import type { Device } from "../../engine/mod.ts";
import { caseName, problemOf } from "../../engine/tuning/problem.ts";
import { adapterKey, replaceWinner, shadersOf, tilingName } from "../../engine/tuning/table.ts";
import { tune } from "../../engine/tuning/tuner.ts";
import type { Report, Tuning } from "./report.ts";
import type { Item } from "./schedule.ts";

/** Shorter turns than `itera tune` takes: a machine rented for minutes is quiet, and some fifty sizes want their share. */
const THOROUGH = { rounds: 5, turn: 10 } as const;
const QUICK = { rounds: 1, turn: 2 } as const;

/** Every size that `itera tune` tunes, the large ones first: they have most to gain. */
export function tuneItems(device: Device, report: Pick<Report, "quick" | "tuning">): Item[] {
  const { info, kernels } = device, adapter = adapterKey(info, kernels);
  const options = report.quick ? QUICK : THOROUGH;
  const tuning: Tuning = report.tuning = { ...options, known: tuningOf(device).digest, rows: [], winners: [] };
  return (report.quick ? QUICK_CASES : CASES.toReversed()).map((one) => ({
    name: `${one.op} ${caseName(one)}`,
    run: async () => {
      using problem = problemOf(device, one);
      const { op, shape } = problem;
      const { measured, tiling, gain } = await tune(device, problem, options);
      tuning.rows.push({ op, name: caseName(one), measured, tiling, gain });
      tuning.winners = replaceWinner(tuning.winners, { adapter, op, shaders: shadersOf(op, kernels), shape, tiling });
      const wrong = measured.filter(({ turns }) => turns.length === 0).map(({ tiling }) => tilingName(tiling));
      if (wrong.length > 0) throw new Error(`wrong numbers come of ${wrong.join(", ")}`);
    },
  }));
}
