/** Thin shaped views: `NDArray64` of differentiable scalars, `IntArray` of integers. Row-major, last axis contiguous. */
import { constant, input, type Node } from "./autodiff64.ts";
import { boundOf, valueOf } from "./tape64.ts";

/** Number of elements of a shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Position of an index in the flat array. */
export function flatIndex(shape: readonly number[], index: readonly number[]): number {
  let flat = 0;
  for (let i = 0; i < shape.length; i++) flat = flat * shape[i] + index[i];
  return flat;
}

/** Every index of a shape in row-major order; the same array is yielded again and again. */
export function* indicesOf(shape: readonly number[]): Generator<readonly number[]> {
  if (elements(shape) === 0) return;
  const index = shape.map(() => 0);
  while (true) {
    yield index;
    let axis = shape.length - 1;
    while (axis >= 0 && ++index[axis] === shape[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

/** Whole numbers: indices, labels, masks. Nothing differentiates with respect to them. */
export class IntArray {
  readonly kind = "int";
  readonly shape: readonly number[];
  readonly data: Int32Array | Uint32Array;

  constructor(shape: readonly number[], data: Int32Array | Uint32Array) {
    this.shape = [...shape];
    this.data = data;
  }

  /** The element at an index. */
  at(...index: number[]): number {
    return this.data[flatIndex(this.shape, index)];
  }
}

/** Differentiable scalars in a shape. */
export class NDArray64 {
  readonly kind = "real";
  readonly shape: readonly number[];
  /** Tape index of each element. */
  readonly nodes: Int32Array;

  constructor(shape: readonly number[], nodes: Int32Array) {
    this.shape = [...shape];
    this.nodes = nodes;
  }

  /** Exactly known values, each a new scalar on the tape. */
  static of(shape: readonly number[], values: ArrayLike<number>): NDArray64 {
    return new NDArray64(shape, Int32Array.from({ length: elements(shape) }, (_, i) => input(values[i])));
  }

  /** One scalar per index, in row-major order. */
  static from(shape: readonly number[], element: (index: readonly number[]) => Node): NDArray64 {
    const nodes = new Int32Array(elements(shape));
    let i = 0;
    for (const index of indicesOf(shape)) nodes[i++] = element(index);
    return new NDArray64(shape, nodes);
  }

  /** The scalar at an index. */
  at(...index: number[]): Node {
    return this.nodes[flatIndex(this.shape, index)];
  }

  /** Values of all elements. */
  values(): Float64Array {
    return Float64Array.from(this.nodes, valueOf);
  }

  /** Rounding error bounds of all elements in units of eps32. */
  bounds(): Float64Array {
    return Float64Array.from(this.nodes, boundOf);
  }
}

/** Inputs and outputs of a reference. */
export type Ref = NDArray64 | IntArray;

/** Narrows to differentiable scalars. */
export function real(x: Ref | null | undefined, what: string): NDArray64 {
  if (x instanceof NDArray64) return x;
  throw new Error(`reference: ${what} must be an array of reals`);
}

/** Narrows an optional input to differentiable scalars. */
export function optionalReal(x: Ref | null | undefined, what: string): NDArray64 | null {
  return x === null || x === undefined ? null : real(x, what);
}

/** Narrows to integers. */
export function whole(x: Ref | null | undefined, what: string): IntArray {
  if (x instanceof IntArray) return x;
  throw new Error(`reference: ${what} must be an array of integers`);
}

/**
 * Moves elements: each element of the result is the source element that `source` names, or `fill` where it names none
 * (null). Works on reals and integers.
 */
export function move(
  x: Ref,
  shape: readonly number[],
  source: (index: readonly number[]) => readonly number[] | null,
  fill = 0,
): Ref {
  if (x instanceof NDArray64) {
    return NDArray64.from(shape, (index) => {
      const from = source(index);
      return from ? x.nodes[flatIndex(x.shape, from)] : constant(fill);
    });
  }
  const data = x.data instanceof Uint32Array ? new Uint32Array(elements(shape)) : new Int32Array(elements(shape));
  let i = 0;
  for (const index of indicesOf(shape)) {
    const from = source(index);
    data[i++] = from ? x.data[flatIndex(x.shape, from)] : fill;
  }
  return new IntArray(shape, data);
}

/** Shape two shapes broadcast to (NumPy's rule). */
export function broadcast(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, axis) => {
    let extent = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own !== 1) extent = own;
    }
    return extent;
  });
}

/** The index in an array of `shape` that a broadcast index reads. */
export function unbroadcast(shape: readonly number[], index: readonly number[]): number[] {
  const offset = index.length - shape.length;
  return shape.map((extent, axis) => extent === 1 ? 0 : index[axis + offset]);
}

/** Whole numbers as `like` holds them: modulo 2^32. */
export function wrapped(like: IntArray, values: readonly bigint[]): Int32Array | Uint32Array {
  return like.data instanceof Uint32Array
    ? Uint32Array.from(values, (v) => Number(BigInt.asUintN(32, v)))
    : Int32Array.from(values, (v) => Number(BigInt.asIntN(32, v)));
}
