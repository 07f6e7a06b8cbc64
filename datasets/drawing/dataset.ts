/** Sets that are drawn from a seed, as those need them who write them to disk. */
import type { RegionDataset } from "../types.ts";
import type { Canvas } from "./canvas.ts";

/** A split whose pictures can be drawn here, with the region of every pixel. */
export interface DrawnDataset extends RegionDataset {
  /** Pixels and regions of image `index`. */
  draw(index: number): Canvas;
  /** Name of the folder that a layout by scenes puts image `index` into. */
  place(index: number): string;
}
