/** Compares numbers with those that a reference gives, each in units of its bound. */
import { isClose, toleranceOf } from "../tolerance.ts";

/** Results of a name, of a run. */
export interface Result {
  /** Output or variable. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** A result as it should be. */
export interface Wanted extends Result {
  /** Bound of each, in units of a float32 rounding. */
  readonly bounds: ArrayLike<number>;
}

/** The number that is furthest off, in units of its bound. */
export interface Worst {
  /** Output or variable that it is in. */
  readonly result: string;
  /** Its index there. */
  readonly index: readonly number[];
  /** The number as computed. */
  readonly got: number;
  /** The number as it should be. */
  readonly expected: number;
  /** Distance in units of the bound: what is wrong has more than 1. */
  readonly error: number;
}

/** Comparison of all results of a sample. */
export interface Compared {
  /** The number that is furthest off; null where there is none. */
  readonly worst: Worst | null;
  /** Numbers compared. */
  readonly numbers: number;
  /** Those of them that are off by more than their bound. */
  readonly off: number;
  /** Error of the worst of the others: of those that are not off or, where none is, of the second. */
  readonly others: number;
  /** A result that is missing, or of another shape, in words. */
  readonly differs: string | null;
}

/** Index of element `at`. */
export function indexOf(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (let axis = shape.length - 1, rest = at; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return index;
}

/** Distance in units of the bound; infinite for what is not finite and should be. */
export function errorOf(got: number, want: number, bound: number): number {
  const close = isClose(got, want, bound), ratio = Math.abs(got - want) / toleranceOf(bound);
  if (!Number.isFinite(ratio)) return close ? 0 : Infinity;
  return close ? Math.min(ratio, 1) : ratio;
}

/** Compares results with what they should be. */
export function compare(got: readonly Result[], want: readonly Wanted[]): Compared {
  let worst: Worst | null = null, numbers = 0, off = 0, within = 0, second = 0;
  for (const expected of want) {
    const own = got.find(({ name }) => name === expected.name);
    if (!own || `${own.shape}` !== `${expected.shape}`) {
      const found = own ? `is [${own.shape}]` : "is missing";
      const differs = `${expected.name} ${found}, expected [${expected.shape}]`;
      return { worst: null, numbers: 0, off: 0, others: 0, differs };
    }
    for (let i = 0; i < expected.values.length; i++) {
      const error = errorOf(own.values[i], expected.values[i], expected.bounds[i]);
      numbers++;
      if (error > 1) off++;
      else within = Math.max(within, error);
      if (worst && error <= worst.error) second = Math.max(second, error);
      if (worst && error <= worst.error) continue;
      second = worst ? Math.max(second, worst.error) : 0;
      const index = indexOf(i, expected.shape);
      worst = { result: expected.name, index, got: own.values[i], expected: expected.values[i], error };
    }
  }
  return { worst, numbers, off, others: off > 0 ? within : second, differs: null };
}

/** A comparison in words. */
export function compared({ worst, numbers, off, others, differs }: Compared): string {
  if (differs) return differs;
  if (!worst) return "nothing to compare";
  const { result, index, got, expected, error } = worst;
  const place = `${result} at [${index.join(", ")}]: got ${got}, expected ${expected}`;
  const size = Number.isFinite(error) ? `${brief(error)} of its bound` : "no number within any bound";
  const rest = numbers > Math.max(off, 1)
    ? `; the ${off > 0 ? "right ones" : "others"} within ${brief(others)} of theirs`
    : "";
  return `${off > 0 ? `${off} of ${numbers} numbers are off, worst ` : "worst "}${place}, ${size}${rest}`;
}

function brief(error: number): string {
  return error === 0 ? "0" : error >= 1000 ? error.toExponential(1) : error.toPrecision(2);
}

/** Elements whose bits differ between two runs, of one result. */
export interface Differing {
  readonly result: string;
  readonly count: number;
  readonly of: number;
  /** The first of them. */
  readonly at: number;
  readonly index: readonly number[];
  readonly values: readonly [number, number];
}

/** Bits of an array, an element each as its own number. */
function bitsOf(values: ArrayLike<number>): ArrayLike<number> {
  if (values instanceof Float32Array) return new Uint32Array(values.buffer, values.byteOffset, values.length);
  if (values instanceof Float16Array) return new Uint16Array(values.buffer, values.byteOffset, values.length);
  return values;
}

/** The first result whose bits differ between two runs; null where none does. */
export function differing(first: readonly Result[], second: readonly Result[]): Differing | null {
  for (const { name, values, shape } of first) {
    const other = second.find((result) => result.name === name);
    const a = bitsOf(values), b = bitsOf(other?.values ?? []);
    const places = Array.from(a).flatMap((bits, i) => bits === b[i] ? [] : [i]);
    if (places.length === 0) continue;
    const [at] = places;
    return {
      result: name,
      count: places.length,
      of: a.length,
      at,
      index: indexOf(at, shape),
      values: [values[at], other?.values[at] ?? NaN],
    };
  }
  return null;
}

/** Bits of an element of a result. */
export function bitsAt(results: readonly Result[], name: string, at: number): number {
  return bitsOf(results.find((result) => result.name === name)?.values ?? [])[at];
}
