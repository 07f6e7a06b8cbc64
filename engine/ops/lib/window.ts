/** Strides, padding and output sizes of sliding windows, shared by convolution and pooling. */
import { ArgumentError, ShapeError } from "../../base/errors.ts";
import { described } from "../../base/given.ts";
import type { Shape } from "../../shape.ts";

/** One number for rows, one for columns. */
export type Pair = readonly [number, number];

/** Explicit padding: [[top, bottom], [left, right]]. */
export type Sides = readonly [Pair, Pair];

/** Padding as callers may state it. */
export type Padding = "same" | "valid" | number | Sides;

/** Throws {@link ArgumentError} unless padding, where it is given, is stated in one of the ways there are. */
export function expectPadding(op: string, padding: unknown): void {
  if (padding === undefined || typeof padding === "number" || Array.isArray(padding)) return;
  if (padding === "same" || padding === "valid") return;
  throw new ArgumentError(
    `${op}: padding is ${described(padding)}; it is same, valid, a number or [[top, bottom], [left, right]]`,
  );
}

/** One number for both axes, or the pair as it is. */
export function pairOf(value: number | Pair): Pair {
  return typeof value === "number" ? [value, value] : value;
}

/**
 * Padding made explicit for an image [N, H, W, C] and a window whose first two extents are its size. `same` is TensorFlow's:
 * the output has ceil(size / stride) cells, the odd one goes after.
 */
export function resolvePadding(
  op: string,
  padding: Padding,
  image: Shape,
  window: Shape,
  stride: Pair,
  dilation: Pair,
): Sides {
  if (padding === "valid") return [[0, 0], [0, 0]];
  if (typeof padding === "number") return [[padding, padding], [padding, padding]];
  if (padding !== "same") return padding;
  const side = (axis: 0 | 1): Pair => {
    const size = image[axis + 1];
    const reach = (window[axis] - 1) * dilation[axis] + 1;
    if (!(stride[axis] > 0)) throw new ShapeError(`${op}: stride ${stride} must be positive`);
    const total = Math.max(0, (Math.ceil(size / stride[axis]) - 1) * stride[axis] + reach - size);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  return [side(0), side(1)];
}

/** Output cells along one axis; throws {@link ShapeError} when the window does not fit. */
export function windowOutput(
  op: string,
  size: number,
  window: number,
  stride: number,
  [before, after]: Pair,
  dilation: number,
): number {
  const whole = [stride, dilation, window].every((v) => Number.isInteger(v) && v > 0) &&
    Number.isInteger(before) && Number.isInteger(after) && before >= 0 && after >= 0;
  if (!whole) {
    throw new ShapeError(
      `${op}: window ${window}, stride ${stride}, dilation ${dilation} must be whole and positive, padding ${before}, ${after} whole and not negative`,
    );
  }
  const reach = (window - 1) * dilation + 1;
  const slack = size + before + after - reach;
  if (slack < 0) {
    throw new ShapeError(`${op}: a window of ${reach} does not fit ${size} cells padded by ${before} and ${after}`);
  }
  return Math.floor(slack / stride) + 1;
}
