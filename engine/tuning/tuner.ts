/** Finds the fastest tiling for a shape by measuring candidates, each checked first. */
import type { Device } from "../device.ts";
import { contextOf, setTuning, tuningOf } from "../friends.ts";
import { LANES, SHARED_COLUMNS } from "../ops/lib/blocks.ts";
import { mayTile } from "../ops/lib/choice.ts";
import { tileCandidates } from "../ops/lib/tiles.ts";
import type { Problem } from "./problem.ts";
import { blocksOf, sameBlock, type Tiling } from "./table.ts";

/** Times of one candidate. */
export interface Measured {
  readonly tiling: Tiling;
  /** Milliseconds of one run in each turn; none where its result was wrong. */
  readonly turns: readonly number[];
}

/** Result of tuning a problem. */
export interface Tuned {
  /** The candidates, the rule's choice first. */
  readonly measured: readonly Measured[];
  /** The winner; null where nothing beats the rule by enough. */
  readonly tiling: Tiling | null;
  /** The rule's time by the winner's; 1 where the rule's choice stays. */
  readonly gain: number;
}

/** Thoroughness of measuring. */
export interface TuneOptions {
  /** Turns each candidate takes. */
  readonly rounds: number;
  /** Milliseconds of work in a turn. */
  readonly turn: number;
}

/** A winner must be this much faster than what the rule chooses. */
const ENOUGH = 1.05;

/** Measures every candidate for a problem, in turns, so that what disturbs the machine disturbs all alike. */
export async function tune(device: Device, problem: Problem, options: TuneOptions): Promise<Tuned> {
  const candidates = candidatesOf(device, problem).map((tiling) => ({ tiling, turns: [] as number[], count: 0 }));
  for (const one of candidates) {
    const result = await withTiling(device, one.tiling, () => readOnce(device, problem));
    if (!problem.isRight(result, one.tiling.winograd !== undefined)) continue;
    const ms = await withTiling(device, one.tiling, () => milliseconds(device, problem, 1));
    one.count = Math.max(1, Math.min(100, Math.round(options.turn / ms)));
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const { tiling, turns, count } of candidates) {
      if (count > 0) turns.push(await withTiling(device, tiling, () => milliseconds(device, problem, count)));
    }
  }
  return judge(candidates.map(({ tiling, turns }) => ({ tiling, turns })));
}

/**
 * The winner over the first, which is the rule's. On a busy machine a kernel differs from itself by more than kernels do from
 * each other: a winner has both the best turn and most of the turns.
 */
export function judge(measured: readonly Measured[]): Tuned {
  const [rule, ...others] = measured;
  const best = (turns: readonly number[]): number => Math.min(...turns);
  const gainOf = ({ turns }: Measured): number => {
    if (turns.length === 0) return 0;
    if (rule.turns.length === 0) return 1 / best(turns) * Number.MAX_SAFE_INTEGER;
    const ratios = turns.map((ms, i) => rule.turns[i] / ms).sort((a, b) => a - b);
    return Math.min(best(rule.turns) / best(turns), ratios[(ratios.length - 1) >> 1]);
  };
  const gains = others.map(gainOf), gain = Math.max(...gains);
  return gain < ENOUGH
    ? { measured, tiling: null, gain: 1 }
    : { measured, tiling: others[gains.indexOf(gain)].tiling, gain };
}

/** Tilings to measure, that of the rule first; none with a kernel that is left out. */
export function candidatesOf(device: Device, { op, shape, rule, winograd }: Problem): Tiling[] {
  const { kernels, info } = device;
  // Where lanes can share an operand, low blocks are not worth a try.
  const worthIt = ({ rows, columns }: Pick<Tiling, "rows" | "columns">): boolean =>
    info.lanes === LANES ? rows > 4 : !SHARED_COLUMNS.includes(columns);
  const tilings = kernels === "cpu"
    ? blocksOf(kernels, op).filter(worthIt).map((block) => ({ ...block, splitK: 1 }))
    : tileCandidates(op.startsWith("matmul"), shape);
  const same = (tiling: Tiling): boolean =>
    sameBlock(tiling, rule) && tiling.splitK === rule.splitK && tiling.winograd === rule.winograd;
  const allowed = tilings.flatMap((tiling) =>
    [tiling, { ...tiling, splitK: 1 }].filter((one) => mayTile(device, op, one)).slice(0, 1)
  );
  const others = [...allowed, ...winograd];
  return [rule, ...others.filter((tiling) => !same(tiling))];
}

/** Runs `body` with one tiling for everything. */
async function withTiling<T>(device: Device, tiling: Tiling, body: () => Promise<T>): Promise<T> {
  const before = tuningOf(device);
  setTuning(device, { digest: "", find: () => tiling });
  try {
    return await body();
  } finally {
    setTuning(device, before);
  }
}

function readOnce(device: Device, problem: Problem): Promise<ArrayLike<number>> {
  using _scope = device.scope();
  return problem.run().data();
}

/** Time of one run of `count`: on the device's own clock where it has one, as waiting costs 10 ms whatever was asked. */
async function milliseconds(device: Device, problem: Problem, count: number): Promise<number> {
  const gpu = contextOf(device), clock = gpu.info.features.includes("timestamp-query");
  const stop = clock ? gpu.time() : null, start = performance.now();
  for (let i = 0; i < count; i++) {
    using _scope = device.scope();
    problem.run();
  }
  if (!stop) {
    await device.finish();
    return (performance.now() - start) / count;
  }
  const timings = await stop();
  return (timings.at(-1)!.end - timings[0].begin) / count / 1e6;
}
