/** Picking rows of a table, and one-hot vectors. */
import text from "../../shaders/gather.wgsl" with { type: "text" };
import { ShapeError } from "../base/errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType } from "../op.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { fill } from "./lib/fill.ts";
import { byValues, firstOf } from "./lib/choice.ts";
import { GROUP, indexFaultsLib, indexLib, scalarLib, valueKernels } from "./lib/library.ts";

const parts = [indexLib, indexFaultsLib, { file: "gather.wgsl", text }] as const;
const gatherKernels = valueKernels("gather", ...parts);
const gradKernels = valueKernels("gather_grad", ...parts);
const gradRowsKernels = valueKernels("gather_grad_rows", ...parts);
const oneHotKernel = kernel("one_hot", scalarLib, ...parts);

type NoAttrs = Record<string, never>;

const gatherOp = defineOp<NoAttrs>({
  name: "gather",
  family: "indexing",
  infer: ([x, indices]) => {
    expectDType("gather", "the table", x!, "f32", "i32", "u32");
    expectDType("gather", "the indices", indices!, "i32");
    if (x!.shape.length < 1) throw new ShapeError(`gather: a table of shape ${formatShape(x!.shape)} has no rows`);
    return [{ shape: [...indices!.shape, ...x!.shape.slice(1)], dtype: x!.dtype }];
  },
  forward: ([x, indices], _attrs, [y], device) => {
    const width = sizeOf(x!.shape.slice(1)), { kernel, per } = byValues(device, gatherKernels, width % 4 === 0);
    device.run(kernel, {
      bind: { table: x!, indices: indices!, picked: y },
      params: { count: y.size / per, rows: x!.shape[0], width: width / per, picks: indices!.size },
      grid: device.grid(y.size / per, GROUP),
    });
  },
  constantInputs: [1],
  saves: () => ({ inputs: [1] }),
  backward: (call) => {
    return [scatterAdd(call.grads[0]!, call.input(1), call.inputMetas[0]!.shape), null];
  },
  samples: () =>
    ([
      [[5, 3], [4], "f32"],
      [[7], [2, 3], "f32"],
      [[6, 4, 5], [11], "f32"],
      [[3, 8], [], "f32"],
      [[1, 1], [1], "f32"],
      [[4, 3], [0], "f32"],
      [[5, 3], [4], "i32"],
      [[5, 4], [3], "u32"],
    ] as const).map(([x, indices, dtype]) => ({
      inputs: [{ shape: x, dtype, range: dtype === "f32" ? [-1, 1] : [0, 99] }, {
        shape: indices,
        dtype: "i32",
        range: [-1, x[0]],
      }],
      attrs: {},
    })),
  bad: [{ inputs: [{ shape: [] }, { shape: [2], dtype: "i32" }], attrs: {}, message: /has no rows/ }],
});

/**
 * Workgroups that each look through a thousand picks, up to which, on a GPU, the rows of the table look for their own picks. Adding pick
 * by pick into memory, which takes an invocation a column, waits for memory at every pick; looking takes a workgroup a microsecond
 * or so for each thousand, and some thousand of them run at once.
 */
const MAX_LOOKING = 2 ** 16;

/** Columns of a workgroup that looks, in values, and picks that it looks through at once. */
const LOOKING = { columns: 128, picks: 1024 } as const;

/**
 * Adds rows dy [...indices, ...] up where `indices` say, from zeros of `shape`: the gradient of {@link gather}. Either
 * kernel adds in the order of the picks and gives the same bits.
 */
export function scatterAdd(dy: Tensor, indices: Tensor, shape: Shape): Tensor {
  const dx = dy.device.empty(shape);
  addRows(dx, dy, indices, { from: "zeros" });
  return dx;
}

/**
 * Adds rows dy [...indices, ...] to the rows of y at `indices`, in the order of the picks; from zeros, y may hold anything
 * before. Not recorded.
 */
export function addRows(y: Tensor, dy: Tensor, indices: Tensor, { from }: { readonly from: "y" | "zeros" }): void {
  const { device, shape } = y;
  const width = sizeOf(shape.slice(1));
  const nothing = y.size === 0 || indices.size === 0;
  const fours = width % 4 === 0;
  const searches = (per: number): number => shape[0] * Math.ceil(width / per / LOOKING.columns);
  const few = searches(fours ? 4 : 1) * Math.ceil(indices.size / LOOKING.picks) <= MAX_LOOKING;
  const adding = { ...byValues(device, gradKernels, fours), looks: false };
  const looking = { ...byValues(device, gradRowsKernels, fours), looks: true };
  const pays = device.kernels === "gpu" && !nothing && few;
  const { kernel, per, looks } = firstOf(device, pays ? [looking, adding] : [adding, looking]);
  if (from === "zeros" && (nothing || !looks)) fill(y, 0);
  if (nothing) return;
  const params = { count: y.size / per, rows: shape[0], width: width / per, picks: indices.size };
  const grid = looks ? device.grid(searches(per), 1) : device.grid(params.width, GROUP);
  device.run(kernel, { bind: { indices, dy, y }, params, constants: { ONTO: Number(from === "y") }, grid });
}

/**
 * Rows of x [V, ...], of any 32-bit type, at `indices` (i32, any shape) → [...indices, ...]. The index −1 gives
 * zeros and no gradient; any other out of range makes the next reading throw {@link IndexError}.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, gather } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1, 2], [3, 4], [5, 6]]), indices = device.tensor(Int32Array.of(2, 0, -1));
 * deepStrictEqual([...await gather(x, indices).data()], [5, 6, 1, 2, 0, 0]);
 * ```
 */
export function gather(x: Tensor, indices: Tensor): Tensor {
  return gatherOp([x, indices], {})[0];
}

/**
 * Vectors of a table [V, D] at `indices`: {@link gather} by the name embeddings have.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, embedding } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const table = device.tensor([[1, 2], [3, 4]]), words = device.tensor(Int32Array.of(0, 1, 1, 0), [2, 2]);
 * const vectors = embedding(table, words);
 * deepStrictEqual(vectors.shape, [2, 2, 2]);
 * deepStrictEqual([...await vectors.data()], [1, 2, 3, 4, 3, 4, 1, 2]);
 * ```
 */
export const embedding: (table: Tensor, indices: Tensor) => Tensor = gather;

const oneHotOp = defineOp<{ readonly depth: number }>({
  name: "oneHot",
  family: "indexing",
  infer: ([indices], { depth }) => {
    expectDType("oneHot", "the indices", indices!, "i32");
    if (!Number.isInteger(depth) || depth < 1) {
      throw new ShapeError(`oneHot: depth ${depth} is not a positive whole number`);
    }
    return [{ shape: [...indices!.shape, depth], dtype: "f32" }];
  },
  forward: ([indices], { depth }, [y], device) =>
    device.run(oneHotKernel, {
      bind: { indices: indices!, y },
      params: { count: y.size, rows: 0, width: depth, picks: indices!.size },
      grid: device.grid(y.size, GROUP),
    }),
  backward: { nondifferentiable: "an index" },
  samples: () =>
    ([[[5], 7], [[2, 3], 4], [[], 3], [[0], 2]] as const).map(([shape, depth]) => ({
      inputs: [{ shape, dtype: "i32", range: [-1, depth + 1] }],
      attrs: { depth },
    })),
  bad: [{ inputs: [{ shape: [2], dtype: "i32" }], attrs: { depth: 0 }, message: /not a positive/ }],
});

/**
 * Indices (i32, any shape) as vectors of `depth` with a single 1; all zeros for an index out of range.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, oneHot } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const indices = device.tensor(Int32Array.of(1, -1, 0));
 * deepStrictEqual([...await oneHot(indices, 2).data()], [0, 1, 0, 0, 1, 0]);
 * ```
 */
export function oneHot(indices: Tensor, depth: number): Tensor {
  return oneHotOp([indices], { depth })[0];
}
