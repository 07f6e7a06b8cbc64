/** Static inputs of a region classifier: an image and its regions, written anew between replays of a captured step. */
import type { LoadedImage } from "../../datasets/images/loader.ts";
import { bucketSize, EXACT_UP_TO } from "../../engine/internal.ts";
import { type Device, StaticGraph, type Tensor } from "../../engine/mod.ts";
import {
  cellBoxes,
  type EdgeRule,
  normaliseBoxes,
  type RealRegions,
  type RegionBoxes,
  type RegionTensors,
} from "./regions.ts";

/** An empty box in cells, so that padding regions write to no cell. */
const NOWHERE = [1, 1, -1, -1];

/** Names the bucket of an image: its size, and its regions with padding. */
export function bucketKey({ height, width, labels }: Pick<LoadedImage, "height" | "width" | "labels">): string {
  return `${height} × ${width}, ${bucketSize(labels.length)}`;
}

/** Sizes and rules that the inputs are made for. */
export interface StaticRegionInputsOptions {
  /** Of the image, in pixels. */
  readonly height: number;
  /** Width of the images. */
  readonly width: number;
  /** Regions of the image; {@link bucketSize} says how many fit. */
  readonly regions: number;
  /** Pixels per cell of the feature map. */
  readonly stride: number;
  /** Rule by which edges link regions; null for models without a graph. */
  readonly edges: EdgeRule | null;
}

/**
 * An image [1, H, W, 3] and regions, with padding. Regions beyond those of the image written are padding: they crop one pixel,
 * write nowhere, have no edges, label −1 and no share in sums over regions.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 * import { StaticRegionInputs } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * const options = { height: 32, width: 48, regions: 2, stride: 8, edges: null };
 * using inputs = new StaticRegionInputs(device, options);
 * inputs.write({
 *   image: new Float32Array(32 * 48 * 3),
 *   boxes: Float32Array.of(0, 0, 16, 8, 8, 16, 24, 24),
 *   labels: Int32Array.of(1, 2),
 * });
 * deepStrictEqual([...await inputs.labels.data<"i32">()], [1, 2]);
 * // y1, x1, y2, x2 in cells of eight pixels.
 * deepStrictEqual([...await inputs.boxes.cells.data()], [0, 0, 1, 2, 2, 1, 3, 3]);
 * ```
 */
export class StaticRegionInputs implements RegionTensors, Disposable {
  readonly image: Tensor;
  /** The regions' boxes. */
  readonly boxes: RegionBoxes;
  readonly edges: StaticGraph | null;
  readonly real: RealRegions | null;
  /** i32 [R]. */
  readonly labels: Tensor;
  readonly #options: StaticRegionInputsOptions;

  /** Memory that holds nothing yet. */
  constructor(device: Device, options: StaticRegionInputsOptions) {
    const { height, width, regions, stride, edges } = options;
    const count = bucketSize(regions);
    const map = [Math.ceil(height / stride), Math.ceil(width / stride)] as const;
    const memory = (...shape: number[]): Tensor => device.empty(shape).unscoped();
    this.#options = options;
    this.image = memory(1, height, width, 3);
    this.labels = device.empty([count], "i32").unscoped();
    this.boxes = {
      count,
      map,
      normalised: memory(count, 4),
      cells: memory(count, 4),
      image: device.zeros([count], { dtype: "i32" }).unscoped(),
    };
    this.real = count > EXACT_UP_TO ? { mask: memory(count, 1), share: memory(count) } : null;
    this.edges = edges && new StaticGraph(device, count, count, edges.types);
  }

  /** Replaces image, boxes, labels and edges, in stream order; `image` has the size and at most the regions it was made for. */
  write({ image, boxes, labels }: Pick<LoadedImage, "image" | "boxes" | "labels">): void {
    const { stride, edges } = this.#options;
    const { count, map } = this.boxes;
    const own = labels.length;
    this.image.write(image);
    this.labels.write(padded(labels, count, -1));
    this.boxes.normalised.write(padded(normaliseBoxes(boxes, ...map, stride), 4 * count, 0));
    const cells = padded(cellBoxes(boxes, stride), 4 * count, 0);
    for (let r = own; r < count; r++) cells.set(NOWHERE, 4 * r);
    this.boxes.cells.write(cells);
    this.real?.mask.write(new Float32Array(count).fill(1, 0, own));
    this.real?.share.write(new Float32Array(count).fill(1 / own, 0, own));
    if (edges) this.edges!.write(edges.between(boxes));
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    const { normalised, cells, image } = this.boxes;
    const { mask, share } = this.real ?? {};
    for (const tensor of [this.image, this.labels, normalised, cells, image, mask, share]) tensor?.dispose();
    this.edges?.[Symbol.dispose]();
  }
}

/** `values` with `filler` behind, up to `length`. */
function padded<T extends Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(
  values: T,
  length: number,
  filler: number,
): T {
  if (values.length === length) return values;
  const out = new (values.constructor as new (n: number) => T)(length).fill(filler) as T;
  out.set(values);
  return out;
}
