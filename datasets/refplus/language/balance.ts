/** Balance of templates, and of the numbers of objects each refers to (papers/iep-ref.md#balance). */
import type { RandomStream } from "../../../engine/base/random.ts";
import { MOST_OBJECTS } from "../scenes/catalogue.ts";
import { type Template, TEMPLATES } from "./templates.ts";

/** Tallies of the pictures of one block so far. */
export class Balance {
  readonly #used = new Map<string, number>();
  readonly #counts = new Map<string, number[]>();

  /** Counts an expression of a template, by file and index, that refers to `count` objects. */
  add(file: string, index: number, count: number): void {
    const key = `${file} ${index}`;
    this.#used.set(key, (this.#used.get(key) ?? 0) + 1);
    this.#tally(key)[count]++;
  }

  /**
   * True where one more expression of a template that refers to `count` objects keeps the balance: no number of objects may
   * be more than a tenth above the second most frequent one, nor above five times the median.
   */
  allows({ file, index }: Template, count: number): boolean {
    const tally = this.#tally(`${file} ${index}`);
    const sorted = [...tally].sort((a, b) => a - b);
    const median = Math.max(sorted[sorted.length >> 1], 5);
    return tally[count] <= 1.1 * sorted[sorted.length - 2] && tally[count] <= 5 * median;
  }

  /** All templates, those used least first; the order of equals is drawn. */
  order(random: RandomStream): Template[] {
    const used = ({ file, index }: Template): number => this.#used.get(`${file} ${index}`) ?? 0;
    return Array.from(random.permutation(TEMPLATES.length), (i) => TEMPLATES[i]).sort((a, b) => used(a) - used(b));
  }

  #tally(key: string): number[] {
    const found = this.#counts.get(key);
    if (found) return found;
    const fresh = new Array<number>(MOST_OBJECTS + 1).fill(0);
    this.#counts.set(key, fresh);
    return fresh;
  }
}
