/** Images with their regions, on the host and as the ops take them. */
import type { Device, Graph, StaticGraph, Tensor } from "../../engine/mod.ts";

/** One image with its regions, on the host. */
export interface RegionInput {
  /** [height, width, 3], already centred by the channel means. */
  readonly image: Float32Array<ArrayBuffer>;
  /** Height of the image. */
  readonly height: number;
  /** Width of the image. */
  readonly width: number;
  /** [R, 4] as x1, y1, x2, y2 in pixels of this image. */
  readonly boxes: Float32Array;
}

/** The boxes of images over their feature maps of H × W cells. */
export interface RegionBoxes {
  /** R, those of all images. */
  readonly count: number;
  /** N: images, of which each has R / N of the boxes, one image's after another's. */
  readonly images: number;
  /** Feature map [H, W]. */
  readonly map: readonly [number, number];
  /** f32 [R, 4]: y1, x1, y2, x2 over (H − 1, W − 1), as `cropAndResize` takes them. */
  readonly normalised: Tensor;
  /** f32 [R, 4]: y1, x1, y2, x2 in cells, as `pasteRegions` takes them. */
  readonly cells: Tensor;
  /** i32 [R]: the image that each region lies in. */
  readonly image: Tensor;
}

/** Regions that are no padding: as a mask, and as shares of a mean over them. */
export interface RealRegions {
  /** N. */
  readonly images: number;
  /** [R, 1]: 1 for a region, 0 for padding. */
  readonly mask: Tensor;
  /** [R]: 1 / (N · regions of its image) for a region, 0 for padding. */
  readonly share: Tensor;
}

/** N images of equal size with their regions, on a device; one where nothing else is said. */
export interface RegionTensors {
  /** [N, height, width, 3]. */
  readonly image: Tensor;
  /** The regions' boxes. */
  readonly boxes: RegionBoxes;
  /** Edges between the regions; null for models without a graph. */
  readonly edges: Graph | StaticGraph | null;
  /** Null where every region is real. */
  readonly real: RealRegions | null;
}

/** True where an image is on a device already. */
export function isOnDevice(input: RegionInput | RegionTensors): input is RegionTensors {
  return !ArrayBuffer.isView(input.image);
}

/** Rule by which edges link the regions of an image. */
export interface EdgeRule {
  /** Relations. */
  readonly types: number;
  /** The graph of boxes [R, 4], x1, y1, x2, y2 in pixels. */
  between(boxes: Float32Array): Graph;
}

/** Coordinates this far outside the map still count as on its border: float rounding must not blank a border row. */
export const BOUND_TOLERANCE = 1e-4;

/**
 * Boxes as crop_and_resize takes them: [y1, x1, y2, x2] over (cells − 1), a pixel p lying at cell p / stride. A box that
 * ends at the right or lower border of the image mostly ends past the centre of the map's last cell, at more than 1, and
 * stays so, as in the authors' code: what is sampled there is 0. A map of one cell is divided by 1 instead of 0.
 */
export function normaliseBoxes(
  boxes: Float32Array,
  mapHeight: number,
  mapWidth: number,
  stride: number,
): Float32Array<ArrayBuffer> {
  const out = cellBoxes(boxes, stride);
  const high = Math.max(1, mapHeight - 1);
  const wide = Math.max(1, mapWidth - 1);
  for (let i = 0; i < out.length; i++) out[i] /= i % 2 === 0 ? high : wide;
  return out;
}

/** Boxes [x1, y1, x2, y2] in pixels as [y1, x1, y2, x2] in cells of `stride` pixels. */
export function cellBoxes(boxes: Float32Array, stride: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(boxes.length);
  for (let i = 0; i < boxes.length; i += 4) {
    for (let k = 0; k < 4; k++) out[i + k] = boxes[i + (k ^ 1)] / stride;
  }
  return out;
}

/** Uploads the boxes of an image whose feature map has `map` cells of `stride` pixels. */
export function regionBoxes(
  device: Device,
  boxes: Float32Array,
  map: readonly [number, number],
  stride: number,
): RegionBoxes {
  const count = boxes.length / 4;
  return {
    count,
    images: 1,
    map,
    normalised: device.tensor(normaliseBoxes(boxes, ...map, stride), [count, 4]),
    cells: device.tensor(cellBoxes(boxes, stride), [count, 4]),
    image: device.zeros([count], { dtype: "i32" }),
  };
}
