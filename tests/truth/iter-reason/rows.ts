/** Comparisons with the authors' figures: all are made, then the test fails with every one that is off. */

/** A tensor of theirs: every `step`-th value, and what shows a difference in the rest. */
export interface Sampled {
  readonly shape: readonly number[];
  readonly step: number;
  readonly values: readonly number[];
  readonly norm: number;
  readonly max: number;
}

/** The comparisons of one golden file. */
export class Rows {
  readonly #off: string[] = [];
  readonly #worst = new Map<number, { diff: number; what: string }>();
  #count = 0;

  /** Holds a difference to a limit; NaN is off. */
  add(what: string, diff: number, limit: number, note = ""): void {
    this.#count++;
    if (!(diff <= limit)) this.#off.push(`${what}: ${diff.toExponential(2)}, limit ${limit.toExponential(0)} ${note}`);
    if (!(diff <= (this.#worst.get(limit)?.diff ?? -1))) this.#worst.set(limit, { diff, what });
  }

  /** Holds a tensor to theirs. */
  tensor(what: string, got: ArrayLike<number>, want: Sampled, limit: number, note = ""): void {
    this.add(what, differ(got, want), limit, note);
  }

  /** Fails with what is off; with ITERA_TRUTH set, prints the largest difference held to each limit. */
  hold(): void {
    if (Deno.env.get("ITERA_TRUTH")) {
      for (const [limit, { diff, what }] of this.#worst) {
        const text = `  limit ${limit.toExponential(0)}: at most ${diff.toExponential(2)} (${what})\n`;
        Deno.stderr.writeSync(new TextEncoder().encode(text));
      }
    }
    if (this.#count === 0) throw new Error("nothing was compared");
    if (this.#off.length > 0) {
      throw new Error(`${this.#off.length} of ${this.#count} comparisons are off:\n${this.#off.join("\n")}`);
    }
  }
}

/** Largest difference of the sampled values over the largest of theirs, or that of the norms; NaN for another size. */
export function differ(got: ArrayLike<number>, { shape, step, values, norm, max }: Sampled): number {
  if (got.length !== shape.reduce((a, b) => a * b, 1)) return NaN;
  let worst = 0, squares = 0;
  for (let i = 0; i < got.length; i++) squares += got[i] * got[i];
  values.forEach((v, k) => worst = Math.max(worst, Math.abs(got[k * step] - v)));
  // Math.max keeps NaN, so a broken value is never within a limit.
  return Math.max(worst / Math.max(max, 1e-12), Math.abs(Math.sqrt(squares) - norm) / Math.max(norm, 1e-12));
}

/** Largest difference of two lists; infinite where they differ in length. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]));
  return worst;
}
