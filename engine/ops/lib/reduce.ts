/** Reductions over axes: shapes, columns, the kernels that fold them, samples. */
import text from "../../../shaders/reduce.wgsl" with { type: "text" };
import integerText from "../../../shaders/reduce_integer.wgsl" with { type: "text" };
import { expectTensor } from "../../op.ts";
import { expectFlag, expectOptions, type NamesOf } from "../../base/given.ts";
import { ShapeError } from "../../base/errors.ts";
import { powerAbove } from "../../buckets.ts";
import type { Device } from "../../device.ts";
import type { KernelSet } from "../../gpu/adapter.ts";
import { kernel } from "../../gpu/kernel.ts";
import { numbered } from "../../gpu/wgsl.ts";
import type { Sample } from "../../op.ts";
import { type Axes, formatShape, normaliseAxes, type Shape, sizeOf } from "../../shape.ts";
import type { Tensor, TensorMeta } from "../../tensor.ts";
import { transpose } from "../layout.ts";
import { byRows, firstOf } from "./choice.ts";
import { GROUP, indexLib, nanLib, rowAloneLib, type RowKernels, scalarLib, vec4Lib } from "./library.ts";
import { reduceByTeams } from "../reduce_teams.ts";

const parts = [indexLib, { file: "reduce.wgsl", text }] as const;
const reduceKernel = kernel("reduce", scalarLib, nanLib, rowAloneLib, ...parts);
const reduce4Kernel = kernel("reduce", { ...vec4Lib, variant: "vec4" }, nanLib, rowAloneLib, ...parts);
const rows4Kernel = kernel("reduce_rows", vec4Lib, nanLib, rowAloneLib, ...parts);
const integerKernel = kernel("reduce", indexLib, { file: "reduce_integer.wgsl", text: integerText });
const INTEGER_FOLDS = numbered(integerText, "sum", "max", "prod");

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep reduced axes with extent 1; default false. */
  readonly keepDims?: boolean;
}

const REDUCE: NamesOf<ReduceOptions> = { keepDims: true };
const VARIANCE: NamesOf<ReduceOptions & { readonly correction?: number }> = { keepDims: true, correction: true };

/** Attributes of a reduction. */
export interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

export type { Axes } from "../../shape.ts";

/** The option, which is true or false. */
export function keepDimsOf(op: string, { keepDims = false }: ReduceOptions): boolean {
  expectFlag(op, "keepDims", keepDims);
  return keepDims;
}

/** Attributes of a reduction of x over a user's axes. */
export function reduceAttrs(op: string, x: TensorMeta, axes: Axes | undefined, options: ReduceOptions): ReduceAttrs {
  expectTensor(op, x);
  expectOptions(op, options, op === "variance" || op === "std" ? VARIANCE : REDUCE);
  return { axes: normaliseAxes(op, axes, x.shape.length), keepDims: keepDimsOf(op, options) };
}

/** The shape with reduced axes of extent 1. */
export function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
}

/** Extents around the reduced axes once they are next to each other. */
export interface Columns {
  readonly outer: number;
  readonly reduced: number;
  readonly inner: number;
}

/** Shape of the result. */
export function reducedShape(shape: Shape, { axes, keepDims }: ReduceAttrs): number[] {
  return keepDims
    ? shape.map((extent, axis) => axes.includes(axis) ? 1 : extent)
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** x with the reduced axes adjacent (moved last when they are not), and the extents around them. */
export function columnsOf(x: Tensor, axes: readonly number[]): { x: Tensor; columns: Columns } {
  const { shape } = x;
  const meaningful = axes.filter((axis) => shape[axis] !== 1);
  const first = meaningful[0] ?? 0;
  const last = meaningful.at(-1) ?? -1;
  const between = shape.slice(first, last + 1).filter((e, i) => !meaningful.includes(first + i) && e !== 1);
  if (between.length > 0) {
    const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const moved = transpose(x, [...kept, ...axes]);
    const reduced = sizeOf(axes.map((axis) => shape[axis]));
    return { x: moved, columns: { outer: sizeOf(kept.map((a) => shape[a])), reduced, inner: 1 } };
  }
  return {
    x,
    columns: {
      outer: sizeOf(shape.slice(0, first)),
      reduced: sizeOf(shape.slice(first, last + 1)),
      inner: sizeOf(shape.slice(last + 1)),
    },
  };
}

/** A gradient of what {@link columnsOf} moved, in x's order of axes. */
export function movedBack(dx: Tensor, x: Tensor, moved: Tensor, axes: readonly number[]): Tensor {
  if (moved === x) return dx;
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const perm = [...kept, ...axes];
  return transpose(dx, x.shape.map((_, axis) => perm.indexOf(axis)));
}

/** Kernel and workgroups that walk along columns: a workgroup has one of neighbours on GPUs, where there is something to share out. */
export function byColumns(device: Device, kernels: RowKernels, { outer, reduced, inner }: Columns) {
  const grouped = device.kernels === "gpu" && inner === 1 && reduced >= 32;
  return byRows(device, kernels, { rows: outer * inner, grouped, adjacent: inner === 1 });
}

/**
 * Enough chunks to keep a device busy; a function of the power of two above the size, so that padding regions moves no chunk.
 * One, or a multiple of 4, so that the second pass reads whole vec4 and another image size needs no other kernel.
 */
function chunksFor({ outer, reduced, inner }: Columns, kernelSet: KernelSet): number {
  if (kernelSet === "gpu") {
    // Where the teams' kernels are left out: 2^16 invocations of a vec4 and 32 rows.
    const chunks = Math.min(2 ** 18 / (powerAbove(outer) * powerAbove(inner)), powerAbove(reduced) / 32);
    return chunks < 4 ? 1 : chunks;
  }
  const wanted = Math.ceil(2048 / Math.max(1, outer * inner));
  const chunks = Math.min(wanted, powerAbove(reduced) / 64, 1024);
  return chunks < 4 ? 1 : chunks - chunks % 4;
}

/** Numbers of the folds, as the shader has them. */
export const FOLDS = numbered(text, "sum", "max", "min", "prod");

/** Folds columns of x into y, in one pass or two; the last pass multiplies by `scale`, and adds to what y holds if `add`. */
export function reduceColumns(op: number, x: Tensor, columns: Columns, y: Tensor, scale: number, add = false): void {
  if (reduceByTeams(op, x, columns, y, scale, add)) return;
  const { device } = x;
  const { outer, reduced, inner } = columns;
  const chunks = chunksFor(columns, device.kernels);
  const target = chunks === 1 ? y : device.empty([outer, chunks, inner]);
  const pass = {
    count: outer * chunks * inner,
    reduced,
    inner,
    chunks,
    length: chunks === 1 ? reduced : Math.ceil(powerAbove(reduced) / chunks),
    scale: chunks === 1 ? scale : 1,
  };
  const constants = { OP: op, ADD: Number(add && chunks === 1) };
  const alone = { kernel: reduceKernel, size: GROUP, bind: { x, y: target }, params: pass };
  const fours = inner % 4 === 0 && {
    kernel: reduce4Kernel,
    size: GROUP,
    bind: { x, y: target },
    params: { ...pass, count: pass.count / 4, inner: inner / 4 },
  };
  const rows = inner === 1 && reduced % 4 === 0 && reduced > 0 && {
    kernel: rows4Kernel,
    size: GROUP,
    bind: { x, totals: target },
    params: { ...pass, reduced: reduced / 4, length: Math.ceil(pass.length / 4) },
  };
  const [first, ...rest] = [fours, rows, alone].filter((one) => one !== false);
  const { kernel, size, bind, params } = firstOf(device, [first, ...rest], constants);
  device.run(kernel, { bind, params, constants, grid: device.grid(params.count, size) });
  if (chunks > 1) reduceColumns(op, target, { outer, reduced: chunks, inner }, y, scale, add);
}

/** Folds columns of integers x into y, whose type says which they are. */
export function reduceIntegers(fold: "sum" | "prod" | "max" | "min", x: Tensor, columns: Columns, y: Tensor): void {
  const { device } = x;
  const { outer, reduced, inner } = columns;
  const chunks = Math.max(1, Math.min(Math.ceil(2 ** 14 / (outer * inner)), Math.ceil(reduced / 64)));
  const target = chunks === 1 ? y : device.empty([outer, chunks, inner], y.dtype);
  // The sign bit turns the order of i32 into that of u32; all bits turned, the smallest is the largest.
  const signed = y.dtype === "i32";
  const FLIP = { sum: 0, prod: 0, max: signed ? 0x80000000 : 0, min: signed ? 0x7fffffff : 0xffffffff }[fold];
  const count = outer * chunks * inner;
  device.run(integerKernel, {
    bind: { x, y: target },
    params: { count, reduced, inner, chunks },
    constants: { OP: INTEGER_FOLDS[fold === "min" ? "max" : fold], FLIP },
    grid: device.grid(count, GROUP),
  });
  if (chunks > 1) reduceIntegers(fold, target, { outer, reduced: chunks, inner }, y);
}

/** Throws {@link ShapeError} where there is nothing to reduce. */
export function nonEmpty(op: string, x: TensorMeta, axes: readonly number[]): void {
  if (axes.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(`${op}: nothing to reduce along [${axes}] of ${formatShape(x.shape)}`);
  }
}

/** Samples of a reduction, with those of integers where it takes them. */
export function reduceSamples({ withEmpty = false, integers = false } = {}): Sample<ReduceAttrs>[] {
  const cases: [number[], number[]][] = [
    [[], []],
    [[7], [0]],
    [[5, 8], [0]],
    [[5, 8], [1]],
    [[3, 5, 7], [1]],
    [[3, 5, 4], [0, 2]],
    [[2, 3, 4, 5], [0, 1, 2, 3]],
    [[1, 1031], [1]],
    [[1200, 4], [0]],
    [[4100, 3], [0]],
    [[3, 150, 8], [1]],
    [[2, 3], []],
    [[0, 3], [1]],
  ];
  if (withEmpty) cases.push([[0, 3], [0]], [[3, 0], [0]]);
  const reals = cases.flatMap(([shape, axes]) =>
    [false, true].map((keepDims) => ({ inputs: [{ shape }], attrs: { axes, keepDims } }))
  );
  if (!integers) return reals;
  const whole = (["i32", "u32"] as const).flatMap((dtype) =>
    cases.slice(2).map(([shape, axes]) => ({
      inputs: [{ shape, dtype, range: dtype === "i32" ? [-(2 ** 31), 2 ** 31] as const : [0, 2 ** 32] as const }],
      attrs: { axes, keepDims: false },
    }))
  );
  return [...reals, ...whole];
}
