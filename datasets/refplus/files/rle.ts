/** Masks as the scene files hold them: run lengths, row by row, zeros first (papers/iep-ref.md#run-lengths). */

/**
 * Run lengths of the pixels of `labels` [height, width], row-major, that are `label`: others, those, others, …, by commas.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * // Two pixels outside, two inside, one outside.
 * strictEqual(refplus.encodeRuns(Uint8Array.of(0, 0, 1, 1, 0)), "2,2,1");
 * strictEqual(refplus.encodeRuns(Uint8Array.of(2, 1, 1, 2), 2), "0,1,2,1");
 * ```
 */
export function encodeRuns(labels: Uint8Array, label = 1): string {
  const runs: number[] = [];
  let inside = false, start = 0;
  for (let i = 0; i < labels.length; i++) {
    if ((labels[i] === label) === inside) continue;
    runs.push(i - start);
    start = i;
    inside = !inside;
  }
  runs.push(labels.length - start);
  return runs.join(",");
}

/**
 * The mask that `runs` describes, `pixels` long, of 0 and 1; added to `into` where given, so that several make a union.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const mask = refplus.decodeRuns("2,2,1", 5);
 * deepStrictEqual([...mask], [0, 0, 1, 1, 0]);
 * deepStrictEqual([...refplus.decodeRuns("0,1,4", 5, mask)], [1, 0, 1, 1, 0]);
 * ```
 *
 * @throws {RangeError} when a run is no whole number or they do not sum to `pixels`.
 */
export function decodeRuns(
  runs: string,
  pixels: number,
  into: Uint8Array<ArrayBuffer> = new Uint8Array(pixels),
): Uint8Array<ArrayBuffer> {
  let at = 0, set = false;
  for (const text of runs.split(",")) {
    const length = Number(text);
    if (text.trim() === "" || !Number.isInteger(length) || length < 0) {
      throw new RangeError(`a run of "${text.slice(0, 20)}" pixels`);
    }
    if (at + length > pixels) throw new RangeError(`runs of more than ${pixels} pixels`);
    if (set) into.fill(1, at, at + length);
    at += length;
    set = !set;
  }
  if (at !== pixels) throw new RangeError(`runs of ${at} pixels, ${pixels} are wanted`);
  return into;
}
