/** Whole copies, transposes, and tensors side by side, on GPUs: each number loaded and stored once, in one dispatch. */
import joinText from "../../../shaders/join.wgsl" with { type: "text" };
import text from "../../../shaders/move.wgsl" with { type: "text" };
import { bytesOf } from "../../dtype.ts";
import { contextOf, storageOf } from "../../friends.ts";
import { declareKernel } from "../../gpu/kernel.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { mayRun } from "./choice.ts";
import { GROUP, indexLib } from "./library.ts";

const part = { file: "move.wgsl", text };
const copyKernel = declareKernel("copy_fours", { kernelSet: "gpu" }, part);
const joinParts = [indexLib, { file: "join.wgsl", text: joinText }] as const;
const joinKernel = declareKernel("join", { kernelSet: "gpu" }, ...joinParts);
const partKernel = declareKernel("part", { kernelSet: "gpu" }, ...joinParts);
const transposeKernel = declareKernel("transpose_tiles", { kernelSet: "gpu" }, part);
const transposeFoursKernel = declareKernel("transpose_fours", { kernelSet: "gpu" }, part);

/** Fours of words that an invocation copies. */
const EACH = 4;

/** Side of a transposed tile, of words and of fours. */
const TILE = { words: 32, fours: 64 } as const;

/** Copies all of x to y, of the same shape and type: on GPUs by a kernel, which reads and writes faster than drivers copy there. */
export function copyAll(y: Tensor, x: Tensor): void {
  if (y.size === 0) return;
  const { device } = y, bytes = y.size * bytesOf(y.dtype);
  if (device.kernels !== "gpu" || !mayRun(device, copyKernel)) {
    return contextOf(device).copy(storageOf(x).buffer, 0, storageOf(y).buffer, 0, Math.ceil(bytes / 4) * 4);
  }
  // Buffers are whole fours.
  const count = Math.ceil(bytes / 16);
  device.run(copyKernel, {
    bind: { fours: x, copied: y },
    params: { count, rows: 0, columns: 0 },
    grid: device.grid(Math.ceil(count / EACH), GROUP),
  });
}

/** Permutes axes by tiles where that swaps two runs of neighbouring axes, [..., rows, columns] → [..., columns, rows], on GPUs; else false. */
export function transposeByTiles(x: Tensor, y: Tensor, perm: readonly number[]): boolean {
  const { device, shape } = x;
  const kept = perm.findIndex((axis, i) => axis !== i);
  if (device.kernels !== "gpu" || kept < 0 || x.size === 0 || !mayRun(device, transposeKernel)) return false;
  const split = perm[kept], columnAxes = shape.length - split;
  const swapped = perm.slice(kept).every((axis, i) => axis === (i < columnAxes ? split + i : kept + i - columnAxes));
  const [batch, rows, columns] = [shape.slice(0, kept), shape.slice(kept, split), shape.slice(split)].map(sizeOf);
  const fours = rows % 4 === 0 && columns % 4 === 0 && mayRun(device, transposeFoursKernel);
  const side = TILE[fours ? "fours" : "words"],
    grid = [Math.ceil(columns / side), Math.ceil(rows / side), batch] as const;
  if (!swapped || Math.max(...grid) > contextOf(device).maxGroups) return false;
  if (fours) {
    const params = { count: 0, rows: rows / 4, columns: columns / 4 };
    device.run(transposeFoursKernel, { bind: { fours: x, copied: y }, params, grid });
  } else device.run(transposeKernel, { bind: { x, y }, params: { count: 0, rows, columns }, grid });
  return true;
}

/** Most tensors side by side in one dispatch. */
const ABREAST = 8;

/** Columns at which each of some tensors ends, side by side along `axis`, as the kernels take them. */
function stopsOf(shapes: readonly Shape[], axis: number): Readonly<Record<"stop_a" | "stop_b", readonly number[]>> {
  const stops: number[] = [];
  let width = 0;
  for (const shape of shapes) stops.push(width += sizeOf(shape.slice(axis)));
  while (stops.length < ABREAST) stops.push(width);
  return { stop_a: stops.slice(0, 4), stop_b: stops.slice(4) };
}

/** Fills y with tensors of 32-bit numbers side by side along `axis`, on GPUs, where they are few; else false. */
export function joinAll(y: Tensor, xs: readonly Tensor[], axis: number): boolean {
  const { device } = y;
  if (device.kernels !== "gpu" || xs.length > ABREAST || !mayRun(device, joinKernel)) return false;
  if (y.size === 0) return true;
  const bind = Object.fromEntries(Array.from({ length: ABREAST }, (_, i) => [`part${i}`, xs[i] ?? null]));
  const params = { count: y.size, ...stopsOf(xs.map(({ shape }) => shape), axis) };
  device.run(joinKernel, { bind: { ...bind, joined: y }, params, grid: device.grid(y.size, GROUP) });
  return true;
}

/** Cuts x along `axis` into tensors of 32-bit numbers that fill it, on GPUs, where they are few; else false. */
export function partAll(parts: readonly Tensor[], x: Tensor, axis: number): boolean {
  const { device } = x;
  if (device.kernels !== "gpu" || parts.length > ABREAST || !mayRun(device, partKernel)) return false;
  if (x.size === 0) return true;
  // No buffer may be bound twice to be written.
  const bind = Object.fromEntries(
    Array.from({ length: ABREAST }, (_, i) => [`piece${i}`, parts[i] ?? device.empty([4])]),
  );
  const params = { count: x.size, ...stopsOf(parts.map(({ shape }) => shape), axis) };
  device.run(partKernel, { bind: { ...bind, whole: x }, params, grid: device.grid(x.size, GROUP) });
  return true;
}
