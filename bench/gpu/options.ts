/** Command line of the GPU script. */
import { parseArgs } from "node:util";

/** Parts of a run, in their order. */
export const PHASES = ["machine", "pytorch", "checks", "limits", "tune", "ops", "fused", "steps", "peers"] as const;

/** One part of a run. */
export type PhaseName = typeof PHASES[number];

/** Parsed arguments. */
export interface Options {
  /** Seconds after which nothing goes on. */
  readonly budget: number;
  readonly phases: readonly PhaseName[];
  /** Path of the JSON; by default `bench/results/gpu-<time>.json`. */
  readonly out: string | undefined;
  /** Small sizes; always so on software adapters. */
  readonly quick: boolean;
  readonly help: boolean;
}

/** A mistake of the script's user; its message is one line. */
export class UsageError extends Error {
  /** Tells it apart by name. */
  override readonly name = "UsageError";
}

/** Usage of the script, for `--help` and for wrong arguments. */
export const USAGE = `usage: bench/gpu.sh [--budget SECONDS] [--phases ${PHASES.join(",")}] [--out FILE] [--quick]`;

/** Reads the arguments. Throws {@link UsageError}. */
export function parseOptions(args: readonly string[]): Options {
  const { budget, phases, out, quick, help } = values(args);
  const seconds = Number(budget);
  // The launcher reads them too, and knows no other form.
  if (!(seconds > 0) || !/^\d*\.?\d+$/.test(budget)) {
    throw new UsageError(`--budget takes seconds, such as 480; found "${budget}"`);
  }
  const wanted = phases === undefined ? [...PHASES] : phases.split(",").map((name) => name.trim());
  const unknown = wanted.find((name) => !(PHASES as readonly string[]).includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no phase "${unknown}"; phases are ${PHASES.join(", ")}`);
  return { budget: seconds, phases: PHASES.filter((name) => wanted.includes(name)), out, quick, help };
}

function values(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        budget: { type: "string", default: "480" },
        phases: { type: "string" },
        out: { type: "string" },
        quick: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values as { budget: string; phases: string | undefined; out: string | undefined; quick: boolean; help: boolean };
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(/[\n.]/)[0]}; ${USAGE}`);
  }
}
