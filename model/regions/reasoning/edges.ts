/** Spatial edges between the regions of an image (papers/iterative-reasoning.md#region-edges). */
import { Graph, type Relation } from "../../../engine/mod.ts";
import type { GraphOptions, RegionRelation } from "./options.ts";

/** Options of {@link regionEdges}. */
export type EdgeOptions = Pick<GraphOptions, "regionEdges" | "bandwidth" | "distance" | "reach">;

type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/**
 * The region graph of boxes [R, 4] (x1, y1, x2, y2 in pixels): per relation an adjacency [R, R], row r listing the senders to r,
 * each row divided by its sum. Directions weigh by exp(−distance / bandwidth), `iou` by intersection over union; boxes further
 * apart than `reach` are not linked, whatever the relation.
 */
export function regionEdges(boxes: Float32Array, options: EdgeOptions): Graph {
  const count = boxes.length / 4;
  const all = Array.from({ length: count }, (_, r) => boxes.subarray(4 * r, 4 * r + 4) as unknown as Box);
  const relations = options.regionEdges.map((name) => relate(all, RELATIONS[name], options));
  return new Graph({ rows: count, cols: count, relations }).rowNormalised();
}

/** Weight of the edge from q to r; 0 for none. */
type Weigh = (r: Box, q: Box, options: EdgeOptions) => number;

const centre = (low: number, high: number): number => (low + high) / 2;
const x = (box: Box): number => centre(box[0], box[2]);
const y = (box: Box): number => centre(box[1], box[3]);

const directed = (holds: (r: Box, q: Box) => boolean): Weigh => (r, q, options) =>
  holds(r, q) ? Math.exp(-distance(r, q, options.distance) / options.bandwidth) : 0;

const RELATIONS: Readonly<Record<RegionRelation, Weigh>> = {
  left: directed((r, q) => x(q) < x(r)),
  right: directed((r, q) => x(q) > x(r)),
  top: directed((r, q) => y(q) < y(r)),
  bottom: directed((r, q) => y(q) > y(r)),
  iou: intersectionOverUnion,
};

function relate(boxes: readonly Box[], weigh: Weigh, options: EdgeOptions): Relation {
  const rowPtr = [0];
  const colIdx: number[] = [];
  const values: number[] = [];
  const { reach } = options;
  const near = (r: Box, q: Box): boolean => reach === null || distance(r, q, options.distance) <= reach;
  for (let r = 0; r < boxes.length; r++) {
    for (let q = 0; q < boxes.length; q++) {
      const weight = q === r || !near(boxes[r], boxes[q]) ? 0 : weigh(boxes[r], boxes[q], options);
      if (weight === 0) continue;
      colIdx.push(q);
      values.push(weight);
    }
    rowPtr.push(colIdx.length);
  }
  return { rowPtr, colIdx, values };
}

/** Pixels between two boxes (0 when they overlap), or between their centres. */
export function distance(r: Box, q: Box, kind: GraphOptions["distance"]): number {
  if (kind === "centre") return Math.hypot(x(r) - x(q), y(r) - y(q));
  const gap = (axis: 0 | 1): number => Math.max(0, q[axis] - r[axis + 2], r[axis] - q[axis + 2]);
  return Math.hypot(gap(0), gap(1));
}

/** Shared area over joint area; boxes are inclusive pixels. */
function intersectionOverUnion(r: Box, q: Box): number {
  const side = (low: number, high: number): number => Math.max(0, high - low + 1);
  const shared = side(Math.max(r[0], q[0]), Math.min(r[2], q[2])) * side(Math.max(r[1], q[1]), Math.min(r[3], q[3]));
  const area = (box: Box): number => side(box[0], box[2]) * side(box[1], box[3]);
  return shared === 0 ? 0 : shared / (area(r) + area(q) - shared);
}
