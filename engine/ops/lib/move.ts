/** Whole copies and transposes on GPUs, each number loaded and stored once; elsewhere copies are the driver's. */
import text from "../../../shaders/move.wgsl" with { type: "text" };
import { bytesOf } from "../../dtype.ts";
import { contextOf, storageOf } from "../../friends.ts";
import { declareKernel } from "../../gpu/kernel.ts";
import { sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { mayRun } from "./choice.ts";
import { GROUP } from "./library.ts";

const part = { file: "move.wgsl", text };
const copyKernel = declareKernel("copy_fours", { kernelSet: "gpu" }, part);
const transposeKernel = declareKernel("transpose_tiles", { kernelSet: "gpu" }, part);

/** Fours of words that an invocation copies. */
const EACH = 4;

/** Side of a transposed tile. */
const TILE = 32;

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
  const grid = [Math.ceil(columns / TILE), Math.ceil(rows / TILE), batch] as const;
  if (!swapped || Math.max(...grid) > contextOf(device).maxGroups) return false;
  device.run(transposeKernel, { bind: { x, y }, params: { count: 0, rows, columns }, grid });
  return true;
}
