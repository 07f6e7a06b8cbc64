/** The global graph in float64 (papers/iterative-reasoning.md#graph-layer). */
import { type Array64, get, linear, make, plus, relu, shaped, transposedProduct, type Weights } from "./arrays.ts";
import { gru, head, type HeadOutput64 } from "./memory.ts";

/** A box in pixels: x1, y1, x2, y2. */
export type PixelBox = readonly [number, number, number, number];

/** Sizes and options of the graph. */
export interface GraphShape {
  readonly relations: readonly string[];
  readonly bandwidth: number;
  readonly distance: "gap" | "centre";
  /** Pixels beyond which there are no edges. */
  readonly reach: number | null;
  readonly layers: number;
  readonly assignNorm: "row" | "none";
  readonly fcLayers: number;
  readonly candidate: "relu" | "tanh";
  /** Class adjacency of each type, columns send to rows, not yet normalised: [types][C][C]. */
  readonly classes: readonly (readonly (readonly number[])[])[];
}

/** Dense adjacency [relations][R][R], rows normalised. */
export function spatialAdjacency(boxes: readonly PixelBox[], shape: GraphShape): number[][][] {
  const centre = ([x1, y1, x2, y2]: PixelBox) => ({ x: (x1 + x2) / 2, y: (y1 + y2) / 2 });
  const apart = (r: PixelBox, q: PixelBox): number => {
    const [a, b] = [centre(r), centre(q)];
    const along = (low: number, high: number, otherLow: number, otherHigh: number): number =>
      Math.max(0, otherLow - high, low - otherHigh);
    return shape.distance === "centre"
      ? Math.hypot(a.x - b.x, a.y - b.y)
      : Math.hypot(along(r[0], r[2], q[0], q[2]), along(r[1], r[3], q[1], q[3]));
  };
  const area = (b: PixelBox): number => (b[2] - b[0] + 1) * (b[3] - b[1] + 1);
  const iou = (r: PixelBox, q: PixelBox): number => {
    const wide = Math.min(r[2], q[2]) - Math.max(r[0], q[0]) + 1;
    const high = Math.min(r[3], q[3]) - Math.max(r[1], q[1]) + 1;
    if (wide <= 0 || high <= 0) return 0;
    return wide * high / (area(r) + area(q) - wide * high);
  };
  const value = (name: string, r: PixelBox, q: PixelBox): number => {
    const [a, b] = [centre(r), centre(q)];
    if (shape.reach !== null && apart(r, q) > shape.reach) return 0;
    if (name === "iou") return iou(r, q);
    const holds = { left: b.x < a.x, right: b.x > a.x, top: b.y < a.y, bottom: b.y > a.y }[name];
    return holds ? Math.exp(-apart(r, q) / shape.bandwidth) : 0;
  };
  return shape.relations.map((name) =>
    rowNormalised(boxes.map((r, i) => boxes.map((q, j) => i === j ? 0 : value(name, r, q))))
  );
}

function rowNormalised(rows: readonly (readonly number[])[]): number[][] {
  return rows.map((row) => {
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((v) => v / Math.max(total, 1e-14));
  });
}

/** Σ_e A_e x W_e + b with dense A [relations][n][m]. */
function messages(adjacency: readonly (readonly (readonly number[])[])[], x: Array64, w: Array64, b: Array64): Array64 {
  const [, d, o] = w.shape;
  const rows = adjacency[0]?.length ?? x.shape[0];
  return make([rows, o], ([n, k]) => {
    let sum = b.data[k];
    adjacency.forEach((matrix, e) => {
      for (let m = 0; m < matrix[n].length; m++) {
        if (matrix[n][m] === 0) continue;
        for (let i = 0; i < d; i++) sum += matrix[n][m] * get(x, m, i) * get(w, e, i, k);
      }
    });
    return sum;
  });
}

/** Nodes of regions and classes. */
export interface Nodes64 {
  readonly regions: Array64;
  readonly classes: Array64;
}

const layer = (w: Weights, name: string, x: Array64): Array64 =>
  linear(x, w.get(`graph.${name}.weight`)!, w.get(`graph.${name}.bias`));

/** Nodes before any reasoning. */
export function initialNodes(fc7: Array64, w: Weights): Nodes64 {
  return { regions: relu(layer(w, "start", fc7)), classes: relu(layer(w, "class_start", w.get("graph.vectors")!)) };
}

/** The region nodes after reading the previous predictions. */
export function updateNodes(
  regions: Array64,
  feedback: Array64,
  fc7: Array64,
  w: Weights,
  { candidate }: GraphShape,
): Array64 {
  const input = relu(plus(layer(w, "map_prob", feedback), layer(w, "fc7_comp", fc7)));
  const x = relu(layer(w, "input2", input));
  const [n, d] = regions.shape;
  return shaped(gru(shaped(x, [n, 1, 1, d]), shaped(regions, [n, 1, 1, d]), w, "graph.gru", candidate), [n, d]);
}

/** The stacked propagation layers. */
export function reason(
  { regions, classes }: Nodes64,
  assignment: Array64,
  boxes: readonly PixelBox[],
  w: Weights,
  shape: GraphShape,
): Nodes64 {
  const spatial = spatialAdjacency(boxes, shape);
  const semantic = shape.classes.map(rowNormalised);
  let [r, c] = [regions, classes];
  for (let k = 1; k <= shape.layers; k++) {
    const own = (name: string): Array64 => w.get(`graph.layer${k}.${name}`)!;
    let sum = messages(spatial, r, own("region.weight"), own("region.bias"));
    if (semantic.length > 0) {
      const gathered = transposedProduct(assignment, linear(r, own("to_class.weight")));
      const evidence = make(gathered.shape, ([n, d]) => {
        let support = 0;
        for (let i = 0; i < assignment.shape[0]; i++) support += get(assignment, i, n);
        return get(gathered, n, d) / (shape.assignNorm === "row" ? Math.max(support, 1e-3) : 1);
      });
      const informed = relu(plus(evidence, linear(c, own("class_own.weight"), own("class_own.bias"))));
      const meaning = messages(semantic, informed, own("class.weight"), own("class.bias"));
      sum = plus(sum, relu(linear(linear(assignment, meaning), own("to_region.weight"), own("to_region.bias"))));
      c = plus(c, relu(meaning));
    }
    r = plus(r, relu(sum));
  }
  return { regions: r, classes: c };
}

/** Class scores and confidence of the region nodes. */
export function predictNodes(regions: Array64, w: Weights, shape: GraphShape): HeadOutput64 {
  return head(regions, w, "graph.head", shape.fcLayers);
}
