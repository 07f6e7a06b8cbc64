/** Graphs of several relations in compressed sparse rows, on the host and, once used, on a device. */
import type { Device } from "./device.ts";
import { ShapeError } from "./base/errors.ts";
import { contextOf, storageOf } from "./friends.ts";
import type { Tensor } from "./tensor.ts";

/** One relation's adjacency [rows, cols] in compressed sparse rows. */
export interface Relation {
  /** [rows + 1]: where each row's edges begin. */
  readonly rowPtr: ArrayLike<number>;
  /** [edges]: the column of each edge. */
  readonly colIdx: ArrayLike<number>;
  /** [edges]: its weight. */
  readonly values: ArrayLike<number>;
}

/** A graph as plain data. */
export interface GraphData {
  /** Nodes that receive. */
  readonly rows: number;
  /** Nodes that send. */
  readonly cols: number;
  /** One adjacency per relation. */
  readonly relations: readonly Relation[];
  /**
   * On GPUs, cut the sums over long rows into parts: for graphs some of whose nodes have many times the edges of others.
   * Default false.
   */
  readonly balanced?: boolean;
}

/** An edge: `row` receives from `col`. */
export type Triple = readonly [row: number, col: number, value: number];

/** The adjacency itself, or transposed as gradients need it. */
type Direction = "forward" | "backward";

/** One direction of a graph on a device: relations with edges only, their edges end to end. */
export interface SparseTensors {
  /** u32 [relations, rows + 1], absolute. */
  readonly rowStart: Tensor;
  /** u32 [edges]. */
  readonly colIndex: Tensor;
  /** f32 [edges]. */
  readonly values: Tensor;
  /** Sums with many edges cut into parts; null where none is wanted or needed. */
  readonly parts: SparseParts | null;
}

/** The sums over a graph's edges, cut into parts of bounded length. */
export interface SparseParts {
  /** Number of parts. */
  readonly count: number;
  /** u32 [count, 4]: first edge, end, relation, 0. */
  readonly parts: Tensor;
  /** u32 [sums + 1]: where each sum's parts begin. Forward a sum is a row's relation, backward a row. */
  readonly starts: Tensor;
}

/** Edges of a part; sums with more than twice as many are cut. */
const PART = 32;

/** One direction of a graph that is on a device; uploaded on first use. */
let graphTensors: (graph: Graph, device: Device, direction: Direction) => SparseTensors;
/** One direction of static inputs. */
let staticTensors: (graph: StaticGraph, direction: Direction) => SparseTensors;

/**
 * A graph kept on a device between uses. Dispose it when it is no longer needed.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, Graph, propagate } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * // Node 0 takes the mean of nodes 0 and 1, weighed 1 to 3; node 1 stays as it is.
 * using graph = Graph.fromTriples(2, 2, [[[0, 0, 1], [0, 1, 3], [1, 1, 5]]]).rowNormalised();
 * deepStrictEqual(Array.from(graph.relations[0].values), [0.25, 0.75, 1]);
 * const x = device.tensor([[4], [8]]), w = device.ones([1, 1, 1]);
 * deepStrictEqual([...await propagate(x, graph, w).data()], [7, 8]);
 * ```
 */
export class Graph implements GraphData, Disposable {
  /** Nodes that receive. */
  readonly rows: number;
  /** Nodes that send. */
  readonly cols: number;
  /** One adjacency per relation. */
  readonly relations: readonly Relation[];
  /** True where long rows are cut into parts on GPUs. */
  readonly balanced: boolean;
  readonly #tensors: Partial<Record<Direction, SparseTensors>> = {};

  static {
    graphTensors = (graph, device, direction) => graph.#tensors[direction] ??= upload(device, graph, direction, true);
  }

  /** Wraps plain data after checking it. */
  constructor(data: GraphData) {
    checkGraph(data);
    this.rows = data.rows;
    this.cols = data.cols;
    this.relations = data.relations;
    this.balanced = data.balanced ?? false;
  }

  /** Builds a graph from edges by relation; edges of a row keep their order, equal ones add up. */
  static fromTriples(
    rows: number,
    cols: number,
    relations: readonly (readonly Triple[])[],
    options: Pick<GraphData, "balanced"> = {},
  ): Graph {
    return new Graph({ rows, cols, relations: relations.map((t) => compress(rows, cols, t)), ...options });
  }

  /**
   * Graphs beside each other without edges between them: the nodes of the first, then those of the second, and so on. Each has
   * space for `rows` × `cols` nodes, by default as many as it has; those beyond its own have no edges. Throws {@link ShapeError}
   * where the graphs have not equally many relations, or more nodes than that.
   *
   * ```ts
   * import { deepStrictEqual } from "node:assert/strict";
   * import { Graph } from "@itera/itera/engine";
   *
   * using one = Graph.fromTriples(1, 2, [[[0, 1, 5]]]);
   * using both = Graph.beside([one, one], { rows: 2, cols: 2 });
   * deepStrictEqual([both.rows, both.cols], [4, 4]);
   * deepStrictEqual(Array.from(both.relations[0].rowPtr), [0, 1, 1, 2, 2]);
   * deepStrictEqual(Array.from(both.relations[0].colIdx), [1, 3]);
   * ```
   */
  static beside(graphs: readonly GraphData[], space: Partial<Pick<GraphData, "rows" | "cols">> = {}): Graph {
    const count = graphs[0]?.relations.length ?? 0;
    const places = graphs.map((graph) => ({ rows: graph.rows, cols: graph.cols, ...space }));
    graphs.forEach(({ rows, cols, relations }, i) => {
      if (relations.length === count && rows <= places[i].rows && cols <= places[i].cols) return;
      throw new ShapeError(
        `graph: ${relations.length} relations [${rows}, ${cols}] beside others of ${count} relations, in space for ` +
          `[${places[i].rows}, ${places[i].cols}]`,
      );
    });
    const relations = Array.from({ length: count }, (_, e): Relation => {
      const rowPtr = [0], colIdx: number[] = [], values: number[] = [];
      let first = 0;
      graphs.forEach((graph, i) => {
        const own = graph.relations[e], begin = colIdx.length;
        for (let r = 1; r <= places[i].rows; r++) rowPtr.push(begin + own.rowPtr[Math.min(r, graph.rows)]);
        for (let k = 0; k < own.colIdx.length; k++) {
          colIdx.push(first + own.colIdx[k]);
          values.push(own.values[k]);
        }
        first += places[i].cols;
      });
      return { rowPtr, colIdx, values };
    });
    const sum = (of: "rows" | "cols"): number => places.reduce((total, place) => total + place[of], 0);
    return new Graph({ rows: sum("rows"), cols: sum("cols"), relations, balanced: graphs.some((g) => g.balanced) });
  }

  /** The same graph with each row's weights divided by max(their sum, epsilon). */
  rowNormalised(epsilon = 1e-14): Graph {
    const relations = this.relations.map(({ rowPtr, colIdx, values }) => {
      const scaled = Float32Array.from(values);
      for (let r = 0; r < this.rows; r++) {
        let total = 0;
        for (let e = rowPtr[r]; e < rowPtr[r + 1]; e++) total += values[e];
        for (let e = rowPtr[r]; e < rowPtr[r + 1]; e++) scaled[e] = values[e] / Math.max(total, epsilon);
      }
      return { rowPtr, colIdx, values: scaled };
    });
    return new Graph({ rows: this.rows, cols: this.cols, relations, balanced: this.balanced });
  }

  /** Frees what was uploaded. */
  [Symbol.dispose](): void {
    for (const direction of ["forward", "backward"] as const) {
      const side = this.#tensors[direction];
      if (side) { for (const tensor of tensorsOf(side)) tensor.dispose(); }
      delete this.#tensors[direction];
    }
  }
}

/**
 * Static inputs for graphs of up to `rows` × `cols` nodes, written anew between replays of a captured step. Nodes beyond
 * those of the graph written have no edges; every relation counts as used. `edges` bounds those of all relations.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, Graph, propagate, StaticGraph } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1], [10]]), w = device.ones([1, 1, 1]);
 * using graph = new StaticGraph(device, 2, 2, 1);
 * graph.write(Graph.fromTriples(2, 2, [[[0, 1, 2], [1, 0, 1]]]));
 * using step = device.capture(() => propagate(x, graph, w));
 * deepStrictEqual([...await step.outputs.data()], [20, 1]);
 * graph.write(Graph.fromTriples(1, 2, [[[0, 0, 3]]]));
 * step.replay();
 * deepStrictEqual([...await step.outputs.data()], [3, 0]);
 * ```
 */
export class StaticGraph implements Disposable {
  /** Most nodes that receive. */
  readonly rows: number;
  /** Most nodes that send. */
  readonly cols: number;
  /** Number of relations. */
  readonly types: number;
  readonly #edges: number;
  readonly #sides: Readonly<Record<Direction, SparseTensors>>;

  static {
    staticTensors = (graph, direction) => graph.#sides[direction];
  }

  /** Memory for `edges` edges, by default for all there can be; it holds none. */
  constructor(device: Device, rows: number, cols: number, types: number, edges: number = types * rows * cols) {
    this.rows = rows;
    this.cols = cols;
    this.types = types;
    this.#edges = edges;
    const side = (receivers: number): SparseTensors => ({
      rowStart: device.zeros([types, receivers + 1], { dtype: "u32" }).unscoped(),
      colIndex: device.empty([edges], "u32").unscoped(),
      values: device.empty([edges]).unscoped(),
      parts: null,
    });
    this.#sides = { forward: side(rows), backward: side(cols) };
  }

  /** Replaces the graph, in stream order. Throws {@link ShapeError} when it does not fit. */
  write(graph: GraphData): void {
    if (graph.rows > this.rows || graph.cols > this.cols || graph.relations.length !== this.types) {
      throw new ShapeError(
        `graph: ${graph.relations.length} relations [${graph.rows}, ${graph.cols}] where there is memory for ` +
          `${this.types} relations [${this.rows}, ${this.cols}]`,
      );
    }
    const edges = graph.relations.reduce((sum, { colIdx }) => sum + colIdx.length, 0);
    if (edges > this.#edges) throw new ShapeError(`graph: ${edges} edges where there is memory for ${this.#edges}`);
    fill(this.#sides.forward, packed(this.rows, graph.relations));
    fill(this.#sides.backward, packed(this.cols, transposed(graph, graph.relations)));
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    for (const side of Object.values(this.#sides)) for (const tensor of tensorsOf(side)) tensor.dispose();
  }
}

/** Number of relations of `graph`. */
export function relationCount(graph: GraphData | StaticGraph): number {
  return graph instanceof StaticGraph ? graph.types : graph.relations.length;
}

/** Indices of relations that have edges: the others cost nothing. */
export function usedRelations(graph: GraphData | StaticGraph): number[] {
  if (graph instanceof StaticGraph) return Array.from({ length: graph.types }, (_, e) => e);
  return graph.relations.flatMap(({ colIdx }, e) => colIdx.length > 0 ? [e] : []);
}

/** One direction of a graph on a device; freed by the current scope where the graph is plain data. */
export function sparseTensors(
  device: Device,
  graph: GraphData | StaticGraph,
  direction: Direction,
): SparseTensors {
  if (graph instanceof StaticGraph) return staticTensors(graph, direction);
  if (graph instanceof Graph) return graphTensors(graph, device, direction);
  return upload(device, graph, direction, false);
}

/** Throws {@link ShapeError} naming `op` unless every relation is a well-formed [rows, cols] matrix. */
export function checkGraph({ rows, cols, relations }: GraphData, op = "graph"): void {
  relations.forEach(({ rowPtr, colIdx, values }, e) => {
    let fits = rowPtr.length === rows + 1 && rowPtr[0] === 0 && rowPtr[rows] === colIdx.length &&
      values.length === colIdx.length;
    for (let r = 0; fits && r < rows; r++) fits = rowPtr[r] <= rowPtr[r + 1];
    for (let i = 0; fits && i < colIdx.length; i++) fits = colIdx[i] >= 0 && colIdx[i] < cols;
    if (!fits) {
      throw new ShapeError(`${op}: relation ${e} is not a sparse [${rows}, ${cols}] matrix in compressed rows`);
    }
  });
}

function compress(rows: number, cols: number, triples: readonly Triple[]): Relation {
  const counts = new Uint32Array(rows + 1);
  for (const [row, col] of triples) {
    if (!(row >= 0 && row < rows && col >= 0 && col < cols)) {
      throw new ShapeError(`graph: edge (${row}, ${col}) is outside [${rows}, ${cols}]`);
    }
    counts[row + 1]++;
  }
  for (let r = 0; r < rows; r++) counts[r + 1] += counts[r];
  const next = counts.slice(0, rows);
  const colIdx = new Uint32Array(triples.length);
  const values = new Float32Array(triples.length);
  for (const [row, col, value] of triples) {
    colIdx[next[row]] = col;
    values[next[row]++] = value;
  }
  return { rowPtr: counts, colIdx, values };
}

function used(graph: GraphData): Relation[] {
  return usedRelations(graph).map((e) => graph.relations[e]);
}

function transposed({ rows, cols }: GraphData, relations: readonly Relation[]): Relation[] {
  return relations.map(({ rowPtr, colIdx, values }) => {
    const triples: Triple[] = [];
    for (let r = 0; r < rows; r++) {
      for (let e = rowPtr[r]; e < rowPtr[r + 1]; e++) triples.push([colIdx[e], r, values[e]]);
    }
    return compress(cols, rows, triples);
  });
}

/** One direction of a graph on the host, relations end to end. */
interface Packed {
  readonly rowStart: Uint32Array<ArrayBuffer>;
  readonly colIndex: Uint32Array<ArrayBuffer>;
  readonly values: Float32Array<ArrayBuffer>;
}

/** Relations end to end; rows that a relation does not have are empty. */
function packed(rows: number, relations: readonly Relation[]): Packed {
  const edges = relations.reduce((n, { colIdx }) => n + colIdx.length, 0);
  const rowStart = new Uint32Array(relations.length * (rows + 1));
  const colIndex = new Uint32Array(edges);
  const values = new Float32Array(edges);
  let at = 0;
  relations.forEach(({ rowPtr, ...relation }, e) => {
    for (let r = 0; r <= rows; r++) rowStart[e * (rows + 1) + r] = at + rowPtr[Math.min(r, rowPtr.length - 1)];
    colIndex.set(relation.colIdx, at);
    values.set(relation.values, at);
    at += relation.colIdx.length;
  });
  return { rowStart, colIndex, values };
}

function upload(
  device: Device,
  graph: GraphData,
  direction: Direction,
  keep: boolean,
): SparseTensors {
  const forward = direction === "forward", rows = forward ? graph.rows : graph.cols;
  const relations = forward ? used(graph) : transposed(graph, used(graph));
  const { rowStart, colIndex, values } = packed(rows, relations);
  const cut = graph.balanced ? partsOf(rows, relations.length, rowStart, direction) : null;
  const made = {
    rowStart: device.tensor(rowStart),
    colIndex: device.tensor(colIndex),
    values: device.tensor(values),
    parts: cut && {
      count: cut.parts.length / 4,
      parts: device.tensor(cut.parts),
      starts: device.tensor(cut.starts),
    },
  };
  if (keep) { for (const tensor of tensorsOf(made)) tensor.unscoped(); }
  return made;
}

function tensorsOf({ rowStart, colIndex, values, parts }: SparseTensors): Tensor[] {
  return [rowStart, colIndex, values, ...parts ? [parts.parts, parts.starts] : []];
}

/** Cuts a direction's sums into parts; null where none is long. */
function partsOf(rows: number, relations: number, rowStart: Uint32Array, direction: Direction) {
  const parts: number[] = [], starts = [0];
  let longest = 0;
  for (let r = 0; r < rows; r++) {
    for (let e = 0; e < relations; e++) {
      const first = rowStart[e * (rows + 1) + r], end = rowStart[e * (rows + 1) + r + 1];
      longest = Math.max(longest, end - first);
      for (let at = first; at < end; at += PART) parts.push(at, Math.min(end, at + PART), e, 0);
      if (direction === "forward") starts.push(parts.length / 4);
    }
    if (direction === "backward") starts.push(parts.length / 4);
  }
  return longest > 2 * PART ? { parts: Uint32Array.from(parts), starts: Uint32Array.from(starts) } : null;
}

/** Writes a graph to the front of `target`: what lies behind its edges is not read. */
function fill(target: SparseTensors, data: Packed): void {
  for (const name of ["rowStart", "colIndex", "values"] as const) {
    const { device } = target[name], storage = storageOf(target[name]);
    contextOf(device).upload(storage.buffer, data[name]);
    storage.version++;
  }
}
