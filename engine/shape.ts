/** Shape arithmetic: sizes, strides, broadcasting. Shapes are row-major, the last axis contiguous. */
import { ArgumentError, ShapeError } from "./base/errors.ts";
import { described, expectNumbers } from "./base/given.ts";

/** Extents of a tensor, outermost axis first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements of a shape; 1 for a scalar, 0 when any extent is 0. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** A shape as error messages print it: `[1, 64, 64, 3]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** True where two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** The NumPy broadcast of several shapes; throws {@link ShapeError} naming `op` when they do not fit. */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const lead = rank - shape.length;
    for (let axis = 0; axis < shape.length; axis++) {
      const extent = shape[axis];
      if (extent === 1) continue;
      if (out[lead + axis] !== 1 && out[lead + axis] !== extent) {
        throw new ShapeError(`${op}: shapes ${shapes.map(formatShape).join(" and ")} do not broadcast`);
      }
      out[lead + axis] = extent;
    }
  }
  return out;
}

/** Strides with which `shape` is read at the index of its broadcast `out`: 0 along stretched axes. */
export function broadcastStrides(shape: Shape, out: Shape): number[] {
  const own = stridesOf(shape);
  const lead = out.length - shape.length;
  return out.map((_, axis) => axis < lead || shape[axis - lead] === 1 ? 0 : own[axis - lead]);
}

/** Throws unless every extent is a whole number, 0 or more. */
export function checkShape(op: string, shape: Shape): void {
  expectNumbers(op, "the shape", shape);
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 0) {
      throw new ShapeError(`${op}: ${formatShape(shape)} is not a shape; extents are whole numbers, 0 or more`);
    }
  }
}

/** Axes as a caller gives them: one, or a list; negative ones count from the end. */
export type Axes = number | readonly number[];

/** The axes given, as a list of numbers; throws {@link ArgumentError} naming `op` for anything else. */
function listed(op: string, axes: unknown): number[] {
  const list: unknown[] = Array.isArray(axes) ? axes : [axes];
  for (const axis of list) {
    if (typeof axis === "number") continue;
    throw new ArgumentError(`${op}: an axis is a number, or a list of them, not ${described(axis)}`);
  }
  return list as number[];
}

/** An axis as 0..places-1, of a tensor of `rank`. */
function fromStart(op: string, axis: number, rank: number, places = rank): number {
  const positive = axis < 0 ? axis + places : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= places) {
    throw new ShapeError(`${op}: axis ${axis} is out of range for a tensor of rank ${rank}`);
  }
  return positive;
}

/**
 * The one axis given, by itself or as a list of one, as 0..rank-1. Throws {@link ShapeError} naming `op` where it is out of
 * range or there are several, {@link ArgumentError} where it is none.
 */
export function normaliseAxis(op: string, axis: Axes, rank: number): number {
  const list = listed(op, axis);
  if (list.length !== 1) throw new ShapeError(`${op}: it takes one axis, not [${list.join(", ")}]`);
  return fromStart(op, list[0], rank);
}

/** Distinct axes in rising order, negatives resolved; `undefined` means all. A scalar has none, and takes 0 and -1 for that. */
export function normaliseAxes(op: string, axes: Axes | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = listed(op, axes).map((axis) => fromStart(op, axis, rank, Math.max(1, rank)));
  if (new Set(list).size !== list.length) throw new ShapeError(`${op}: axes [${list}] repeat an axis`);
  return rank === 0 ? [] : list.sort((a, b) => a - b);
}
