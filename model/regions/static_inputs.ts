/** Static inputs of a region classifier: images and their regions, written anew between replays of a captured step. */
import type { LoadedImage } from "../../datasets/images/loader.ts";
import { bucketSize, EXACT_UP_TO } from "../../engine/internal.ts";
import { type Device, Graph, StaticGraph, type Tensor } from "../../engine/mod.ts";
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

/** Names the bucket of images of equal size: their number, that size, and the most regions of one with padding. */
export function bucketKey(...images: readonly Pick<LoadedImage, "height" | "width" | "labels">[]): string {
  const [{ height, width }] = images;
  return `${images.length} × ${height} × ${width}, ${bucketSize(mostRegions(images))}`;
}

/** Regions of the image that has most. */
export function mostRegions(images: readonly Pick<LoadedImage, "labels">[]): number {
  return Math.max(...images.map(({ labels }) => labels.length));
}

/** Sizes and rules that the inputs are made for. */
export interface StaticRegionInputsOptions {
  /** Of the image, in pixels. */
  readonly height: number;
  /** Width of the images. */
  readonly width: number;
  /** Regions of an image; {@link bucketSize} says how many fit. */
  readonly regions: number;
  /** Images that are written at once; default 1. */
  readonly images?: number;
  /** Pixels per cell of the feature map. */
  readonly stride: number;
  /** Rule by which edges link regions; null for models without a graph. */
  readonly edges: EdgeRule | null;
}

/**
 * Images [N, H, W, 3] and regions, as many places for each, with padding. Regions beyond those of the image written are padding:
 * they crop one pixel, write nowhere, have no edges, label −1 and no share in sums over regions.
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
  /** Places for regions of an image. */
  readonly #places: number;

  /** Memory that holds nothing yet. */
  constructor(device: Device, options: StaticRegionInputsOptions) {
    const { height, width, regions, images = 1, stride, edges } = options;
    const places = bucketSize(regions), count = images * places;
    const map = [Math.ceil(height / stride), Math.ceil(width / stride)] as const;
    const memory = (...shape: number[]): Tensor => device.empty(shape).unscoped();
    this.#options = options;
    this.#places = places;
    this.image = memory(images, height, width, 3);
    this.labels = device.empty([count], "i32").unscoped();
    this.boxes = {
      count,
      images,
      map,
      normalised: memory(count, 4),
      cells: memory(count, 4),
      image: device.tensor(Int32Array.from({ length: count }, (_, r) => Math.floor(r / places))).unscoped(),
    };
    // Images that are written at once may have fewer regions than the one that has most.
    const padded = images > 1 || count > EXACT_UP_TO;
    this.real = padded ? { images, mask: memory(count, 1), share: memory(count) } : null;
    this.edges = edges && new StaticGraph(device, count, count, edges.types, edges.types * images * places ** 2);
  }

  /**
   * Replaces images, boxes, labels and edges, in stream order; each image has the size and at most the regions they were made
   * for, and there are as many.
   */
  write(...images: readonly Pick<LoadedImage, "image" | "boxes" | "labels">[]): void {
    const { stride, edges } = this.#options, places = this.#places;
    const { map } = this.boxes;
    const each = images.map(({ image, boxes, labels }) => {
      const own = labels.length, cells = padded(cellBoxes(boxes, stride), 4 * places, 0);
      for (let r = own; r < places; r++) cells.set(NOWHERE, 4 * r);
      return {
        image,
        labels: padded(labels, places, -1),
        normalised: padded(normaliseBoxes(boxes, ...map, stride), 4 * places, 0),
        cells,
        mask: new Float32Array(places).fill(1, 0, own),
        share: new Float32Array(places).fill(1 / (images.length * own), 0, own),
      };
    });
    this.image.write(joined(each.map(({ image }) => image)));
    this.labels.write(joined(each.map(({ labels }) => labels)));
    this.boxes.normalised.write(joined(each.map(({ normalised }) => normalised)));
    this.boxes.cells.write(joined(each.map(({ cells }) => cells)));
    this.real?.mask.write(joined(each.map(({ mask }) => mask)));
    this.real?.share.write(joined(each.map(({ share }) => share)));
    if (!edges) return;
    const graphs = images.map(({ boxes }) => edges.between(boxes));
    this.edges!.write(graphs.length === 1 ? graphs[0] : Graph.beside(graphs, { rows: places, cols: places }));
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    const { normalised, cells, image } = this.boxes;
    const { mask, share } = this.real ?? {};
    for (const tensor of [this.image, this.labels, normalised, cells, image, mask, share]) tensor?.dispose();
    this.edges?.[Symbol.dispose]();
  }
}

/** Arrays one after another. */
function joined<T extends Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(arrays: readonly T[]): T {
  if (arrays.length === 1) return arrays[0];
  const out = emptyLike(arrays[0], arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

function emptyLike<T extends Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(array: T, length: number): T {
  return new (array.constructor as new (n: number) => T)(length);
}

/** `values` with `filler` behind, up to `length`. */
function padded<T extends Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(
  values: T,
  length: number,
  filler: number,
): T {
  if (values.length === length) return values;
  const out = emptyLike(values, length).fill(filler) as T;
  out.set(values);
  return out;
}
