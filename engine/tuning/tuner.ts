/** Finds the fastest cut for a shape by measuring candidates, each checked first. */
import type { Device } from "../device.ts";
import { tileCandidates } from "../ops/tiles.ts";
import type { Problem } from "./problem.ts";
import { blocksOf, type Cut } from "./table.ts";

/** How one candidate did. */
export interface Measured {
  /** Null for what the rules choose without a table. */
  readonly cut: Cut | null;
  /** Milliseconds of one run at best; null where its result was wrong. */
  readonly ms: number | null;
}

/** What came of a problem. */
export interface Tuned {
  readonly measured: readonly Measured[];
  /** The winner; null where nothing beats the rules by enough. */
  readonly cut: Cut | null;
  /** How much faster the winner is than what the rules choose; 1 where they stay. */
  readonly gain: number;
}

/** How thoroughly to measure. */
export interface TuneOptions {
  /** Turns each candidate takes; its best counts. */
  readonly rounds: number;
  /** Milliseconds of work in a turn. */
  readonly turn: number;
}

/** A winner must be this much faster than what the rules choose, or noise would fill the table. */
const ENOUGH = 1.05;

/** Measures every candidate for a problem, in turns, so that what disturbs the machine disturbs all alike. */
export async function tune(device: Device, problem: Problem, options: TuneOptions): Promise<Tuned> {
  const cuts = [null, ...candidatesOf(device, problem)];
  const measured = new Map<Cut | null, { ms: number; count: number }>();
  for (const cut of cuts) {
    const result = await withCut(device, cut, () => readOnce(device, problem));
    if (!problem.isRight(result)) continue;
    const ms = await withCut(device, cut, () => milliseconds(device, problem, 1));
    measured.set(cut, { ms, count: Math.max(1, Math.min(100, Math.round(options.turn / ms))) });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const [cut, best] of measured) {
      best.ms = Math.min(best.ms, await withCut(device, cut, () => milliseconds(device, problem, best.count)));
    }
  }
  return judge(cuts.map((cut) => ({ cut, ms: measured.get(cut)?.ms ?? null })));
}

/** The winner among what was measured. */
export function judge(measured: readonly Measured[]): Tuned {
  const rules = measured.find(({ cut }) => cut === null)?.ms ?? Infinity;
  const right = measured.filter(({ ms }) => ms !== null);
  const best = right.reduce<Measured | null>((a, b) => a && a.ms! <= b.ms! ? a : b, null);
  const gain = best ? rules / best.ms! : 1;
  return gain < ENOUGH ? { measured, cut: null, gain: 1 } : { measured, cut: best!.cut, gain };
}

function candidatesOf({ profile }: Device, { op, shape }: Problem): Cut[] {
  if (profile === "cpu") return blocksOf(profile, op).map((block) => ({ ...block, parts: 1 }));
  return tileCandidates(op.startsWith("matmul"), shape);
}

/** Runs `body` with one cut for everything; null for what the rules choose. */
async function withCut<T>(device: Device, cut: Cut | null, body: () => Promise<T>): Promise<T> {
  const { gpu } = device, before = gpu.tuning;
  gpu.tuning = { digest: "", find: () => cut ?? undefined };
  try {
    return await body();
  } finally {
    gpu.tuning = before;
  }
}

function readOnce(device: Device, problem: Problem): Promise<ArrayLike<number>> {
  using _scope = device.scope();
  return problem.run().data();
}

/** Time of one run of `count`: on the device's own clock where it has one, as waiting costs 10 ms whatever was asked. */
async function milliseconds(device: Device, problem: Problem, count: number): Promise<number> {
  const { gpu } = device, clock = gpu.info.features.includes("timestamp-query");
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
