/** Shape arithmetic: sizes, strides, broadcasting. Shapes are row-major, the last axis contiguous. */
import { ShapeError } from "./base/errors.ts";
import { expectNumbers } from "./base/given.ts";

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

/** A possibly negative axis as 0..rank-1; throws {@link ShapeError} naming `op` when out of range. */
export function normaliseAxis(op: string, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank) {
    throw new ShapeError(`${op}: axis ${axis} is out of range for a tensor of rank ${rank}`);
  }
  return positive;
}

/** Distinct axes in rising order, negatives resolved; `undefined` means all. */
export function normaliseAxes(op: string, axes: readonly number[] | number | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = (typeof axes === "number" ? [axes] : axes).map((axis) => normaliseAxis(op, axis, rank));
  if (new Set(list).size !== list.length) throw new ShapeError(`${op}: axes [${list}] repeat an axis`);
  return list.sort((a, b) => a - b);
}
