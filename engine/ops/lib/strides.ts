/** Extents and strides as the broadcasting kernels take them, adjacent axes merged where all operands allow it. */
import { ShapeError } from "../../base/errors.ts";
import { formatShape, type Shape } from "../../shape.ts";

/** A broadcast as kernels see it: extents and one stride list per operand, eight axes, innermost last. */
export interface BroadcastParams {
  readonly rank: number;
  readonly outer: readonly number[];
  readonly inner: readonly number[];
  readonly strides: readonly { readonly outer: readonly number[]; readonly inner: readonly number[] }[];
}

/** Merges axes that every operand walks contiguously, drops axes of extent 1, and splits into two vec4. */
export function broadcastParams(op: string, shape: Shape, strides: readonly (readonly number[])[]): BroadcastParams {
  const extents: number[] = [];
  const merged: number[][] = strides.map(() => []);
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = extents.length - 1;
    if (last >= 0 && strides.every((s, i) => merged[i][last] === s[axis] * extent)) {
      extents[last] *= extent;
      strides.forEach((s, i) => merged[i][last] = s[axis]);
    } else {
      extents.push(extent);
      strides.forEach((s, i) => merged[i].push(s[axis]));
    }
  });
  const rank = extents.length;
  if (rank > 8) throw new ShapeError(`${op}: ${formatShape(shape)} has more than 8 axes that cannot be merged`);
  const eight = (values: readonly number[], fill: number) => [...new Array<number>(8 - rank).fill(fill), ...values];
  const split = (values: number[]) => ({ outer: values.slice(0, 4), inner: values.slice(4) });
  return { rank, ...split(eight(extents, 1)), strides: merged.map((s) => split(eight(s, 0))) };
}

/** A broadcast whose innermost axis is a multiple of four, counted in fours. */
export interface BroadcastInFours extends BroadcastParams {
  /** True for the operands with one element for each row of the innermost axis; their strides count elements. */
  readonly ones: readonly boolean[];
}

/** The same broadcast in fours; null where the innermost axis, or an operand's rows, are no multiple of four. */
export function inFours({ rank, outer, inner, strides }: BroadcastParams): BroadcastInFours | null {
  if (rank === 0 || inner[3] % 4 !== 0) return null;
  const ones = strides.map((s) => s.inner[3] === 0);
  const fits = strides.every((s, i) =>
    ones[i] || (s.inner[3] === 1 && [...s.outer, ...s.inner.slice(0, 3)].every((stride) => stride % 4 === 0))
  );
  if (!fits) return null;
  const quarter = (values: readonly number[]): number[] => values.map((stride) => stride / 4);
  return {
    rank,
    outer,
    inner: inner.with(3, inner[3] / 4),
    strides: strides.map((s, i) =>
      ones[i] ? s : { outer: quarter(s.outer), inner: [...quarter(s.inner.slice(0, 3)), 1] }
    ),
    ones,
  };
}
