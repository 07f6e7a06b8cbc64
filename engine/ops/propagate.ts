/** Sparse multi-relation message passing. */
import text from "../../shaders/propagate.wgsl" with { type: "text" };
import { described } from "../base/given.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { storageOf } from "../friends.ts";
import type { Slope } from "./lib/tiles.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import {
  checkGraph,
  Graph,
  type GraphData,
  relationCount,
  sparseTensors,
  StaticGraph,
  usedRelations,
} from "../sparse.ts";
import { type BackwardCall, defineOp, expectDType, expectTensor, type Sample } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";
import { ceil4 } from "./lib/channels.ts";
import { mayRun } from "./lib/choice.ts";
import { fill } from "./lib/fill.ts";
import { concat, expandTo, pad, reshape, slice } from "./layout.ts";
import { activationLibs, ACTIVATIONS, GROUP, indexLib, vec4Lib } from "./lib/library.ts";
import { layerGrads, productCollected } from "./layer_grads.ts";
import { matmul } from "./matmul.ts";
import { product } from "./product.ts";
import { sumCollected } from "./reduce.ts";

const parts = [indexLib, vec4Lib, ...activationLibs, { file: "propagate.wgsl", text }] as const;
const collectKernel = kernel("collect", ...parts);
const spreadKernel = kernel("spread", ...parts);
const collectPartsKernel = kernel("collect_parts", ...parts);
const spreadPartsKernel = kernel("spread_parts", ...parts);
const sumPartsKernel = kernel("sum_parts", ...parts);

interface Attrs {
  readonly graph: GraphData | StaticGraph;
  /** Keep what each node collected for the gradient to the weights, rather than collect it again: on GPUs. */
  readonly keeps?: boolean;
}

/** Gradients collected by the weights [relations, d, o] as one matrix. */
function matrixOf(call: BackwardCall<Attrs>): BackwardCall<Attrs>["collected"] {
  return (i) => {
    const found = call.collected(i);
    return found && i === 1 ? reshape(found, [-1, found.shape[2]]) : found;
  };
}

/** x [n, d] with d padded by zeros to a multiple of 4. */
function padWidth(x: Tensor): Tensor {
  const d = x.shape[1];
  return d % 4 === 0 ? x : pad(x, [[0, 0], [0, ceil4(d) - d]]);
}

/** Ascending numbers as runs [first, length] of neighbours: what is without edges is mostly at one end. */
function runs(numbers: readonly number[]): [first: number, length: number][] {
  const found: [number, number][] = [];
  for (const n of numbers) {
    const last = found.at(-1);
    if (last && last[0] + last[1] === n) last[1]++;
    else found.push([n, 1]);
  }
  return found;
}

/** The gradient of {@link stackedWeights}: [relations with edges, d, o] with zeros for the others. */
function unstacked(stacked: Tensor, used: readonly number[], all: number): Tensor {
  const [, d, o] = stacked.shape;
  const blocks: Tensor[] = [];
  let from = 0;
  let next = 0;
  const gap = (end: number): void => {
    if (end > next) blocks.push(stacked.device.zeros([end - next, d, o]));
  };
  for (const [first, length] of runs(used)) {
    gap(first);
    blocks.push(slice(stacked, [from, 0, 0], [length, d, o]));
    from += length;
    next = first + length;
  }
  gap(all);
  return concat(blocks, 0);
}

/** The weights of relations with edges, one above the other: [relations · d, o], d padded to a multiple of 4. */
function stackedWeights(w: Tensor, used: readonly number[]): Tensor {
  const [all, d, o] = w.shape;
  const wide = d % 4 === 0 ? w : pad(w, [[0, 0], [0, ceil4(d) - d], [0, 0]]);
  const kept = used.length === all
    ? wide
    : concat(runs(used).map(([first, length]) => slice(wide, [first, 0, 0], [length, ceil4(d), o])), 0);
  return reshape(kept, [used.length * ceil4(d), o]);
}

/** Sums of each row's senders over each relation: [rows, relations · d]. */
function collect(x: Tensor, graph: Attrs["graph"], relations: number, into?: Tensor): Tensor {
  const { device } = x;
  const wide = padWidth(x);
  const width = wide.shape[1];
  const y = into ?? device.empty([graph.rows, relations * width]);
  addUp(wide, y, graph, { direction: "forward", rows: graph.rows, relations, width4: width / 4 });
  return y;
}

/** Last steps on a gradient: added to one that is there, multiplied by a slope. */
interface Last {
  readonly into?: Tensor | null;
  readonly slope?: Slope | null;
}

/** The transpose of {@link collect}. */
function spread(
  dy: Tensor,
  graph: Attrs["graph"],
  relations: number,
  width: number,
  last: Last = {},
): Tensor {
  const wide = ceil4(width);
  const y = last.into ?? dy.device.empty([graph.cols, wide]);
  addUp(dy, y, graph, { direction: "backward", rows: graph.cols, relations, width4: wide / 4 }, last);
  return wide === width ? y : slice(y, [0, 0], [graph.cols, width]);
}

interface Sums {
  readonly direction: "forward" | "backward";
  readonly rows: number;
  readonly relations: number;
  readonly width4: number;
}

/** Sums over edges, by parts where a GPU would wait for the longest. */
function addUp(
  x: Tensor,
  y: Tensor,
  graph: Attrs["graph"],
  { direction, ...sizes }: Sums,
  { into, slope }: Last = {},
): void {
  const { device } = x;
  const { rowStart, colIndex, values, parts } = sparseTensors(device, graph, direction);
  const edges = { col_index: colIndex, values };
  const settled = { ADD: Number(into != null), SLOPE: ACTIVATIONS[slope?.activation ?? "none"] };
  const run = (which: Kernel, bind: Record<string, Tensor>, count: number): void =>
    device.run(which, {
      bind: { ...bind, activated: slope ? slope.y : null },
      params: { count, ...sizes },
      constants: which === spreadKernel || which === sumPartsKernel ? settled : {},
      grid: device.grid(count, GROUP),
    });
  const forward = direction === "forward", whole = forward ? collectKernel : spreadKernel;
  const byParts = forward ? collectPartsKernel : spreadPartsKernel;
  const mayPart = parts !== null && mayRun(device, byParts) && mayRun(device, sumPartsKernel);
  if (!mayPart || (device.kernels !== "gpu" && mayRun(device, whole))) {
    return run(whole, { ...edges, row_start: rowStart, x, y }, y.size / 4);
  }
  const partial = device.empty([parts.count, 4 * sizes.width4]);
  run(byParts, { ...edges, parts: parts.parts, x, y: partial }, partial.size / 4);
  run(sumPartsKernel, { part_start: parts.starts, x: partial, y }, y.size / 4);
}

const propagateOp = defineOp<Attrs>({
  name: "propagate",
  family: "sparse",
  infer: ([x, w, bias], { graph, keeps = false }) => {
    expectDType("propagate", "the nodes", x!, "f32");
    expectDType("propagate", "the weights", w!, "f32");
    // Others were checked when they were made.
    if (!(graph instanceof Graph || graph instanceof StaticGraph)) checkGraph(graph, "propagate");
    const relations = relationCount(graph);
    const fits = x!.shape.length === 2 && w!.shape.length === 3 && x!.shape[0] === graph.cols &&
      w!.shape[0] === relations && w!.shape[1] === x!.shape[1];
    if (!fits) {
      throw new ShapeError(
        `propagate: nodes ${formatShape(x!.shape)} and weights ${
          formatShape(w!.shape)
        } do not fit ${relations} relations [${graph.rows}, ${graph.cols}]; wanted [cols, D] and [relations, D, O]`,
      );
    }
    if (bias && !sameShape(bias.shape, [w!.shape[2]])) {
      throw new ShapeError(`propagate: bias ${formatShape(bias.shape)} does not fit ${w!.shape[2]} outputs`);
    }
    const y: TensorMeta = { shape: [graph.rows, w!.shape[2]], dtype: "f32" };
    const width = usedRelations(graph).length * ceil4(w!.shape[1]);
    return keeps ? [y, { shape: [graph.rows, width], dtype: "f32" }] : [y];
  },
  forward: ([x, w, bias = null], { graph }, [y, kept]) => {
    const used = usedRelations(graph);
    if (used.length === 0 || x!.size === 0 || w!.size === 0) {
      return bias ? y.copyFrom(expandTo(bias, y.shape)) : fill(y, 0);
    }
    const collected = collect(x!, graph, used.length, kept);
    const [rows, k] = collected.shape, n = w!.shape[2];
    product(collected, stackedWeights(w!, used), y, 1, {
      ...{ m: rows, n, k, transposeA: false, transposeB: false },
      bias,
    });
  },
  constantOutputs: [1],
  saves: (needs, { keeps = false }) => ({
    inputs: [...needs[1] && !keeps ? [0] : [], ...needs[0] ? [1] : []],
    outputs: needs[1] && keeps ? [1] : [],
  }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const { device } = dy;
    const { graph } = call.attrs;
    const used = usedRelations(graph);
    const [shapeX, shapeW] = [call.inputMetas[0]!.shape, call.inputMetas[1]!.shape];
    const [all, d, o] = shapeW;
    // The bias may be left out.
    const given = (grads: (Tensor | null)[]): (Tensor | null)[] => grads.slice(0, call.inputMetas.length);
    const shift = (): Tensor | null => call.needs[2] ? sumCollected(call.collected(2), dy, [0]) : null;
    if (used.length === 0 || dy.size === 0 || d === 0 || shapeX[0] === 0) {
      return given([call.needs[0] ? device.zeros(shapeX) : null, call.needs[1] ? device.zeros(shapeW) : null, shift()]);
    }
    const dx = (): Tensor | null => {
      const back = matmul(dy, stackedWeights(call.input(1), used), { transposeB: true });
      const settles = d % 4 === 0;
      const into = settles ? call.collected(0) : null, slope = settles ? call.slope(0) : null;
      const made = spread(back, graph, used.length, d, { into, slope });
      if (!into) return made;
      storageOf(into).version++;
      return null;
    };
    const gathered = (): Tensor => call.attrs.keeps ? call.output(1) : collect(call.input(0), graph, used.length);
    // By one product of all relations, with the bias's on GPUs.
    if (call.attrs.keeps && used.length === all && d % 4 === 0) {
      const x = call.needs[1] ? gathered() : device.empty([dy.shape[0], all * d]);
      const [w, b] = layerGrads({ ...call, collected: matrixOf(call) }, [1, 2], x, dy);
      return given([call.needs[0] ? dx() : null, w && reshape(w, shapeW), b]);
    }
    const dw = () => {
      const collected = gathered();
      const into = used.length === all && d % 4 === 0 ? call.collected(1) : null;
      if (into) {
        const added = productCollected(reshape(into, [all * d, o]), collected, dy);
        return added && reshape(added, shapeW);
      }
      const stacked = reshape(matmul(collected, dy, { transposeA: true }), [used.length, ceil4(d), o]);
      const cut = ceil4(d) === d ? stacked : slice(stacked, [0, 0, 0], [used.length, d, o]);
      return used.length === all ? cut : unstacked(cut, used, all);
    };
    return given([call.needs[0] ? dx() : null, call.needs[1] ? dw() : null, shift()]);
  },
  samples: (random) => {
    const sparse = (rows: number, cols: number, density: number) => {
      const rowPtr = [0];
      const colIdx: number[] = [];
      const values: number[] = [];
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) {
          // Skewed: the first row has edges from almost all.
          if (random() < (r === 0 ? Math.min(1, density * 4) : density)) {
            colIdx.push(c);
            values.push(2 * random() - 1);
          }
        }
        rowPtr.push(colIdx.length);
      }
      return { rowPtr, colIdx, values };
    };
    return ([
      [5, 7, 4, 6, [0.4, 0.2]],
      [6, 6, 3, 5, [0.3, 0, 0.5]],
      [1, 1, 1, 1, [1]],
      [11, 4, 8, 8, [0.9]],
      // Rows of more edges than a part has, in both directions.
      [3, 161, 4, 5, [0.25, 0, 0.7]],
      [150, 2, 7, 4, [0.6, 0.9]],
      [3, 3, 4, 4, [0, 0]],
      [5, 4, 3, 4, [0, 0.5, 0.5, 0, 0.4, 0]],
      [0, 5, 4, 3, [0.5]],
      [4, 5, 4, 3, []],
    ] as const).map(([rows, cols, d, o, densities]): Sample<Attrs> => ({
      inputs: [
        { shape: [cols, d] },
        { shape: [densities.length, d, o] },
        // Every other one has a bias.
        (rows + d) % 2 === 0 ? { shape: [o] } : null,
      ],
      attrs: {
        graph: { rows, cols, relations: densities.map((density) => sparse(rows, cols, density)), balanced: true },
        keeps: rows > 4,
      },
    }));
  },
  bad: [
    {
      inputs: [{ shape: [3, 4] }, { shape: [1, 4, 2] }, null],
      attrs: { graph: { rows: 2, cols: 5, relations: [{ rowPtr: [0, 0, 0], colIdx: [], values: [] }] } },
      message: /do not fit 1 relations/,
    },
    {
      inputs: [{ shape: [3, 4] }, { shape: [1, 4, 2] }, null],
      attrs: { graph: { rows: 2, cols: 3, relations: [{ rowPtr: [0, 1, 1], colIdx: [7], values: [1] }] } },
      message: /relation 0 is not a sparse/,
    },
    {
      inputs: [{ shape: [3, 4] }, { shape: [1, 4, 2] }, { shape: [3] }],
      attrs: { graph: { rows: 2, cols: 3, relations: [{ rowPtr: [0, 0, 0], colIdx: [], values: [] }] } },
      message: /bias \[3\] does not fit 2/,
    },
  ],
});

/**
 * Σₑ Aₑ · x · wₑ + bias: x [cols, D], w [relations, D, O], bias [O] or null → [rows, O], Aₑ [rows, cols] the graph's relations in compressed sparse
 * rows. Relations without edges cost nothing; edge weights are constants. A `Graph` stays on the device between calls;
 * `StaticGraph` may be written anew between replays of a captured step.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, Graph, propagate } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * // Node 0 receives from nodes 0 and 1 by the first relation, node 1 from node 2 by both.
 * using graph = Graph.fromTriples(2, 3, [[[0, 0, 1], [0, 1, 1], [1, 2, 0.5]], [[1, 2, 1]]]);
 * const x = device.tensor([[1], [2], [4]]), w = device.tensor([10, 100], [2, 1, 1]);
 * deepStrictEqual([...await propagate(x, graph, w).data()], [30, 420]);
 * ```
 */
export function propagate(
  x: Tensor,
  graph: GraphData | StaticGraph,
  w: Tensor,
  bias: Tensor | null = null,
): Tensor {
  const known = graph instanceof StaticGraph ||
    (typeof graph === "object" && graph !== null && Array.isArray(graph.relations));
  if (!known) throw new ArgumentError(`propagate: the graph is a Graph or a StaticGraph, not ${described(graph)}`);
  for (const t of [x, w]) expectTensor("propagate", t);
  const keeps = x.device.kernels === "gpu" && !x.device.halfSaves;
  const [y, kept] = propagateOp([x, w, bias], { graph, keeps });
  kept?.dispose();
  return y;
}
