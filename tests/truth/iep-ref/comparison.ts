/** Comparisons of a test: all are made, and all that are off are reported together. */
import { AssertionError } from "node:assert/strict";
import { numbers } from "./formula.ts";

/** A tensor in a golden file: some of its values, and figures of all of them. */
export interface Brief {
  readonly size: number;
  /** Values at evenly spread places. */
  readonly values: readonly number[];
  readonly norm: number;
  readonly max: number;
  /** Sum of the values, each times a number by formula. */
  readonly probe: number;
}

/** The comparisons made so far. */
export class Comparison {
  readonly #off: string[] = [];
  #made = 0;

  /** Compares a measured difference with its bound; NaN is off. */
  within(name: string, worst: number, bound: number, note = ""): void {
    this.#made++;
    // Read the figures with ITERA_TRUTH=1.
    if (Deno.env.get("ITERA_TRUTH")) {
      this.#print(`${worst <= bound ? "ok " : "OFF"} ${name}: ${worst.toExponential(2)}`);
    }
    if (!(worst <= bound)) this.#off.push(`${name}: ${worst.toExponential(2)}, not within ${bound} ${note}`);
  }

  /** Compares two values that must be the same. */
  same(name: string, got: unknown, want: unknown): void {
    this.#made++;
    const [a, b] = [got, want].map((value) => JSON.stringify(value));
    if (a !== b) this.#off.push(`${name}: ${a?.slice(0, 300)}, not ${b?.slice(0, 300)}`);
  }

  /** Fails with every row that is off, and where nothing was compared. */
  done(): void {
    if (this.#made > 0 && this.#off.length === 0) return;
    throw new AssertionError({ message: [`${this.#off.length} of ${this.#made} are off:`, ...this.#off].join("\n") });
  }

  #print(text: string): void {
    Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  }
}

/** The places of a tensor of `size` values that a brief of `n` holds. */
function places(size: number, n: number): number[] {
  return Array.from({ length: n }, (_, i) => size <= n ? i : Math.floor(i * size / n));
}

let probes = new Float32Array();

/** The numbers that a brief's probe weighs values with; those of a shorter tensor are the first of a longer one's. */
function probe(size: number): Float32Array {
  if (probes.length < size) probes = numbers("probe", size, -1, 1);
  return probes;
}

/** The largest difference to a brief: of values relative to the tensor's largest, of sums to its norm. */
export function difference(got: ArrayLike<number>, want: Brief): number {
  if (got.length !== want.size) return Infinity;
  const weights = probe(want.size);
  let norm = 0, probed = 0, max = 0;
  for (let i = 0; i < got.length; i++) {
    norm += got[i] ** 2;
    probed += got[i] * weights[i];
    max = Math.max(max, Math.abs(got[i]));
  }
  const scale = want.max || 1;
  const single = places(want.size, want.values.length).map((p, i) => Math.abs(got[p] - want.values[i]) / scale);
  const all = Math.max(Math.abs(Math.sqrt(norm) - want.norm), Math.abs(probed - want.probe)) / (want.norm || 1);
  return known(Math.max(...single, all, Math.abs(max - want.max) / scale));
}

/** The largest of differences by name, and whose it is. */
export function largest(differences: Iterable<readonly [name: string, off: number]>): readonly [number, string] {
  let worst: readonly [number, string] = [0, ""];
  for (const [name, off] of differences) if (known(off) > worst[0]) worst = [known(off), name];
  return worst;
}

/** A difference that is no number is as bad as can be. */
function known(off: number): number {
  return Number.isNaN(off) ? Infinity : off;
}
