/** Times of two alternatives in turns, so that what disturbs the machine disturbs both, and their ratio with its spread. */

/** The middle of some numbers, and the quarters around it. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The spread of some numbers; between two the quantile is taken in proportion. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => {
    const place = part * (sorted.length - 1), below = Math.floor(place);
    return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** Times of one that is timed: milliseconds of a run, of so many runs one after another. */
export type Turn = (runs: number) => Promise<number>;

/** Times of both in ms, and the other's divided by the first's, turn by turn. */
export interface InTurns {
  readonly own: Spread;
  readonly other: Spread | null;
  readonly ratio: Spread | null;
  readonly turns: number;
}

/** Fewest turns of each, and most runs in one. */
const FEWEST = 5, MOST = 2000;

/** Takes turns for some seconds: A B, then B A, so that neither always comes first. */
export async function inTurns(own: Turn, other: Turn | null, seconds: number): Promise<InTurns> {
  await own(1);
  await other?.(1);
  // A turn is a fiftieth of the time: short enough for many, long against what starting costs.
  const once = Math.max(await own(1), await other?.(1) ?? 0, 1e-4), start = performance.now();
  const runs = Math.max(1, Math.min(MOST, Math.round(1000 * seconds / 50 / once)));
  const a: number[] = [], b: number[] = [];
  while (a.length < FEWEST || performance.now() - start < 1000 * seconds) {
    if (other && a.length % 2 === 1) b.push(await other(runs));
    a.push(await own(runs));
    if (other && b.length < a.length) b.push(await other(runs));
  }
  return {
    own: spreadOf(a),
    other: other ? spreadOf(b) : null,
    ratio: other ? spreadOf(b.map((ms, i) => ms / a[i])) : null,
    turns: a.length,
  };
}
