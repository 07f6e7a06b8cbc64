/**
 * Target masks: the union of objects' masks, resized to the model's masks, one bit a pixel
 * (papers/iep-ref.md#masks).
 */

/** Source positions of each target position of an axis, resized by linear interpolation. */
interface Axis {
  readonly first: Int32Array;
  /** Equal to `first` where the other neighbour has no weight. */
  readonly second: Int32Array;
}

function axisOf(source: number, target: number): Axis {
  const first = new Int32Array(target), second = new Int32Array(target);
  for (let i = 0; i < target; i++) {
    // Pixel centres are at halves; beyond the outermost centres the border goes on.
    const at = Math.min(source - 1, Math.max(0, (i + 0.5) * source / target - 0.5));
    first[i] = Math.floor(at);
    second[i] = Math.ceil(at);
  }
  return { first, second };
}

/** Resizes masks of one size to another: a pixel is set where the interpolated mask is 1, that is, wholly inside. */
export class MaskResizer {
  readonly #x: Axis;
  readonly #y: Axis;
  readonly #sourceWidth: number;
  readonly #width: number;
  readonly #height: number;

  /** From [sourceHeight, sourceWidth] to [height, width]. */
  constructor(sourceWidth: number, sourceHeight: number, width: number, height: number) {
    this.#x = axisOf(sourceWidth, width);
    this.#y = axisOf(sourceHeight, height);
    this.#sourceWidth = sourceWidth;
    this.#width = width;
    this.#height = height;
  }

  /**
   * The labels under each target pixel of a map of labels: four planes [height, width]. A pixel of the resized mask of some
   * labels is set where all four are among them.
   */
  corners(labels: Uint8Array): Uint8Array<ArrayBuffer> {
    const plane = this.#width * this.#height, out = new Uint8Array(4 * plane);
    for (let y = 0; y < this.#height; y++) {
      const [upper, lower] = [this.#y.first[y] * this.#sourceWidth, this.#y.second[y] * this.#sourceWidth];
      for (let x = 0; x < this.#width; x++) {
        const a = this.#x.first[x], b = this.#x.second[x], at = y * this.#width + x;
        out[at] = labels[upper + a];
        out[plane + at] = labels[upper + b];
        out[2 * plane + at] = labels[lower + a];
        out[3 * plane + at] = labels[lower + b];
      }
    }
    return out;
  }

  /** The resized mask [height, width] of 0 and 1. */
  resize(mask: Uint8Array): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.#width * this.#height);
    // Objects are small: most rows are empty, and searching for their ends is much faster than looking at each pixel.
    const begin = mask.indexOf(1), end = mask.lastIndexOf(1) + 1, row = this.#sourceWidth;
    for (let y = 0; y < this.#height; y++) {
      const upper = this.#y.first[y] * row, lower = this.#y.second[y] * row;
      if (lower >= end || upper + row <= begin) continue;
      for (let x = 0, at = y * this.#width; x < this.#width; x++, at++) {
        const a = this.#x.first[x], b = this.#x.second[x];
        out[at] = mask[upper + a] & mask[upper + b] & mask[lower + a] & mask[lower + b];
      }
    }
    return out;
  }
}

/**
 * Bytes of a packed row.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * deepStrictEqual([8, 9].map(refplus.packedWidth), [1, 2]);
 * ```
 */
export function packedWidth(width: number): number {
  return Math.ceil(width / 8);
}

/**
 * Packs a mask of 0 and 1 [height, width] into bits: rows begin at whole bytes, the leftmost pixel is the highest bit.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * // Two rows of three pixels, a byte each.
 * deepStrictEqual([...refplus.packMask(Uint8Array.of(1, 0, 0, 0, 1, 1), 3)], [0b10000000, 0b01100000]);
 * ```
 */
export function packMask(mask: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const bytes = packedWidth(width), height = mask.length / width;
  const packed = new Uint8Array(bytes * height);
  for (let at = mask.indexOf(1); at >= 0; at = mask.indexOf(1, at + 1)) {
    const x = at % width;
    packed[(at - x) / width * bytes + (x >> 3)] |= 0x80 >> (x & 7);
  }
  return packed;
}

/**
 * The mask [height, width] of 0 and 1 that {@link packMask} packed.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * deepStrictEqual([...refplus.unpackMask(Uint8Array.of(0b10000000, 0b01100000), 3)], [1, 0, 0, 0, 1, 1]);
 * ```
 */
export function unpackMask(packed: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const bytes = packedWidth(width), height = packed.length / bytes;
  const mask = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) mask[at] = (packed[y * bytes + (x >> 3)] >> (7 - (x & 7))) & 1;
  }
  return mask;
}
