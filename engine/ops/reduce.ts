/** Reductions over axes: sum, mean, max, argmax. */
import argmaxText from "../../shaders/argmax.wgsl" with { type: "text" };
import text from "../../shaders/reduce.wgsl" with { type: "text" };
import { ShapeError } from "../base/errors.ts";
import type { KernelSet } from "../gpu/adapter.ts";
import { storageOf } from "../friends.ts";
import { kernel } from "../gpu/kernel.ts";
import { numbered } from "../gpu/wgsl.ts";
import { defineOp, expectDType, type Sample } from "../op.ts";
import { powerAbove } from "../buckets.ts";
import { formatShape, normaliseAxes, normaliseAxis, type Shape, sizeOf } from "../shape.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";
import { fill } from "./lib/fill.ts";
import { expandTo, reshape, transpose } from "./layout.ts";
import { GROUP, indexLib, rowAloneLib, rowKernels, vec4Lib } from "./lib/library.ts";
import { affine } from "./unary.ts";

const parts = [indexLib, { file: "reduce.wgsl", text }] as const;
const reduceKernels = rowKernels("reduce", ...parts);
const reduce4Kernel = kernel("reduce", { ...vec4Lib, variant: "vec4" }, rowAloneLib, ...parts);
const rows4Kernel = kernel("reduce_rows", vec4Lib, rowAloneLib, ...parts);
const argmaxFile = { file: "argmax.wgsl", text: argmaxText };
const argmaxKernels = rowKernels("argmax", argmaxFile);
const maxGradKernels = rowKernels("max_grad", argmaxFile);

const FOLDS = numbered(text, "sum", "max");

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep reduced axes with extent 1; default false. */
  readonly keepDims?: boolean;
}

interface Attrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Extents around the reduced axes once they are next to each other. */
interface Columns {
  readonly outer: number;
  readonly reduced: number;
  readonly inner: number;
}

function reducedShape(shape: Shape, { axes, keepDims }: Attrs): number[] {
  return keepDims
    ? shape.map((extent, axis) => axes.includes(axis) ? 1 : extent)
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** x with the reduced axes adjacent (moved last when they are not), and the extents around them. */
function columnsOf(x: Tensor, axes: readonly number[]): { x: Tensor; columns: Columns } {
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

/** True where a workgroup takes a row: on GPUs, where there is something to share out. */
function byGroup(kernelSet: KernelSet, { reduced, inner }: Columns): boolean {
  return kernelSet === "gpu" && inner === 1 && reduced >= 32;
}

/**
 * Enough chunks to keep a device busy; a function of the power of two above the size, so that padding regions moves no chunk.
 * One, or a multiple of 4, so that the second pass reads whole vec4 and another image size needs no other kernel.
 */
function chunksFor({ outer, reduced, inner }: Columns, kernelSet: KernelSet, grouped: boolean): number {
  if (kernelSet === "gpu") {
    // 2^16 invocations of a vec4 and 32 rows, or 2^11 workgroups of 128 invocations and 512 elements.
    const [busy, least] = grouped ? [2 ** 11, 512] : [2 ** 18, 32];
    const chunks = Math.min(busy / (powerAbove(outer) * powerAbove(inner)), powerAbove(reduced) / least);
    return chunks < 4 ? 1 : chunks;
  }
  const wanted = Math.ceil(2048 / Math.max(1, outer * inner));
  const chunks = Math.min(wanted, powerAbove(reduced) / 64, 1024);
  return chunks < 4 ? 1 : chunks - chunks % 4;
}

/** Folds columns of x into y, in one pass or two; the last pass multiplies by `scale`, and adds to what y holds if `add`. */
function reduceColumns(op: number, x: Tensor, columns: Columns, y: Tensor, scale: number, add = false): void {
  const { device } = x;
  const { outer, reduced, inner } = columns;
  const grouped = byGroup(device.kernels, columns);
  const chunks = chunksFor(columns, device.kernels, grouped);
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
  if (grouped) {
    const grid = device.grid(pass.count, 1);
    device.run(reduceKernels.group, { bind: { x, y: target }, params: pass, constants, grid });
  } else if (inner % 4 === 0) {
    const params = { ...pass, count: pass.count / 4, inner: inner / 4 };
    const grid = device.grid(params.count, GROUP);
    device.run(reduce4Kernel, { bind: { x, y: target }, params, constants, grid });
  } else if (inner === 1 && reduced % 4 === 0 && reduced > 0) {
    const params = { ...pass, reduced: reduced / 4, length: Math.ceil(pass.length / 4) };
    const grid = device.grid(params.count, GROUP);
    device.run(rows4Kernel, { bind: { x, totals: target }, params, constants, grid });
  } else {
    const grid = device.grid(pass.count, GROUP);
    device.run(reduceKernels.alone, { bind: { x, y: target }, params: pass, constants, grid });
  }
  if (chunks > 1) reduceColumns(op, target, { outer, reduced: chunks, inner }, y, scale, add);
}

function infer(name: string, x: TensorMeta, attrs: Attrs): TensorMeta[] {
  expectDType(name, "the input", x, "f32");
  return [{ shape: reducedShape(x.shape, attrs), dtype: "f32" }];
}

function nonEmpty(name: string, x: TensorMeta, axes: readonly number[]): void {
  if (axes.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(`${name}: nothing to reduce along [${axes}] of ${formatShape(x.shape)}`);
  }
}

function samples(withEmpty: boolean): Sample<Attrs>[] {
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
  return cases.flatMap(([shape, axes]) =>
    [false, true].map((keepDims) => ({ inputs: [{ shape }], attrs: { axes, keepDims } }))
  );
}

const keptShape = (shape: Shape, axes: readonly number[]) => shape.map((e, axis) => axes.includes(axis) ? 1 : e);

function defineSum(name: "sum" | "mean") {
  return defineOp<Attrs>({
    name,
    family: "reduction",
    infer: ([x], attrs) => {
      if (name === "mean") nonEmpty(name, x!, attrs.axes);
      return infer(name, x!, attrs);
    },
    forward: ([x], { axes }, [y]) => {
      const count = sizeOf(axes.map((axis) => x!.shape[axis]));
      sumInto(y, x!, axes, { scale: name === "mean" ? 1 / count : 1 });
    },
    backward: (call) => {
      const { shape } = call.inputMetas[0]!;
      const { axes } = call.attrs;
      const kept = reshape(call.grads[0]!, keptShape(shape, axes));
      const count = sizeOf(axes.map((axis) => shape[axis]));
      return [expandTo(name === "mean" ? affine(kept, 1 / count, 0) : kept, shape)];
    },
    samples: () => samples(name === "sum"),
  });
}

/** y = scale · Σ x over `axes`, or y plus that if `add`; y has the other axes' elements. Not recorded. */
export function sumInto(
  y: Tensor,
  x: Tensor,
  axes: readonly number[],
  { scale = 1, add = false }: { readonly scale?: number; readonly add?: boolean } = {},
): void {
  const { x: moved, columns } = columnsOf(x, axes);
  if (columns.reduced > 0) reduceColumns(FOLDS.sum, moved, columns, y, scale, add);
  else if (!add) fill(y, 0);
  storageOf(y).version++;
}

/** Gradient Σ dz over `axes` of a leaf: added to what it has collected (then null), or a tensor of its own. */
export function sumCollected(into: Tensor | null, dz: Tensor, axes: readonly number[]): Tensor | null {
  if (!into) return sum(dz, axes);
  sumInto(into, dz, axes, { add: true });
  return null;
}

const sumOp = defineSum("sum");
const meanOp = defineSum("mean");

const maxOp = defineOp<Attrs>({
  name: "max",
  family: "reduction",
  infer: ([x], attrs) => {
    nonEmpty("max", x!, attrs.axes);
    return infer("max", x!, attrs);
  },
  forward: ([x], { axes }, [y]) => {
    const { x: moved, columns } = columnsOf(x!, axes);
    reduceColumns(FOLDS.max, moved, columns, y, 1);
  },
  saves: () => ({ inputs: [0] }),
  backward: (call) => {
    const x = call.input(0);
    const { axes } = call.attrs;
    const { x: moved, columns } = columnsOf(x, axes);
    const dx = x.device.empty(moved.shape);
    const count = columns.outer * columns.inner;
    const grouped = byGroup(x.device.kernels, columns);
    x.device.run(grouped ? maxGradKernels.group : maxGradKernels.alone, {
      bind: { x: moved, dy: call.grads[0]!, y: dx },
      params: { count, reduced: columns.reduced, inner: columns.inner },
      grid: x.device.grid(count, grouped ? 1 : GROUP),
    });
    if (moved === x) return [dx];
    const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const perm = [...kept, ...axes];
    return [transpose(dx, x.shape.map((_, axis) => perm.indexOf(axis)))];
  },
  samples: () => samples(false),
  bad: [{ inputs: [{ shape: [0, 3] }], attrs: { axes: [0], keepDims: false }, message: /nothing to reduce/ }],
});

/** Sum over `axes` (all when absent); an empty sum is 0. */
export function sum(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  return sumOp([x], { axes: normaliseAxes("sum", axes, x.shape.length), keepDims: options.keepDims ?? false })[0];
}

/** Mean over `axes` (all when absent). */
export function mean(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  return meanOp([x], { axes: normaliseAxes("mean", axes, x.shape.length), keepDims: options.keepDims ?? false })[0];
}

/** Largest element over `axes` (all when absent); the gradient goes to the first of equals. */
export function max(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  return maxOp([x], { axes: normaliseAxes("max", axes, x.shape.length), keepDims: options.keepDims ?? false })[0];
}

const argmaxOp = defineOp<{ readonly axis: number; readonly keepDims: boolean }>({
  name: "argmax",
  family: "reduction",
  infer: ([x], { axis, keepDims }) => {
    expectDType("argmax", "the input", x!, "f32");
    nonEmpty("argmax", x!, [axis]);
    return [{ shape: reducedShape(x!.shape, { axes: [axis], keepDims }), dtype: "i32" }];
  },
  forward: ([x], { axis }, [y]) => {
    const outer = sizeOf(x!.shape.slice(0, axis));
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const params = { count: outer * inner, reduced: x!.shape[axis], inner };
    const grouped = byGroup(y.device.kernels, { outer, ...params });
    y.device.run(grouped ? argmaxKernels.group : argmaxKernels.alone, {
      bind: { x: x!, index: y },
      params,
      grid: y.device.grid(params.count, grouped ? 1 : GROUP),
    });
  },
  backward: { nondifferentiable: "an index" },
  samples: () =>
    ([[[7], 0], [[5, 8], 0], [[5, 8], 1], [[3, 5, 7], 1], [[3, 131], 1], [[0, 4], 1]] as const).map((
      [shape, axis],
    ) => ({
      inputs: [{ shape }],
      attrs: { axis, keepDims: false },
    })),
  bad: [{ inputs: [{ shape: [0, 3] }], attrs: { axis: 0, keepDims: false }, message: /nothing to reduce/ }],
});

/** Index of the first largest element along `axis`, as i32. */
export function argmax(x: Tensor, axis: number, options: ReduceOptions = {}): Tensor {
  return argmaxOp([x], {
    axis: normaliseAxis("argmax", axis, x.shape.length),
    keepDims: options.keepDims ?? false,
  })[0];
}
