/** Room on a device for an image and its regions, written anew between replays of a captured step. */
import type { LoadedImage } from "../../datasets/images/loader.ts";
import { EXACT_ROOM, roomFor } from "../../engine/internal.ts";
import { type Device, GraphSlots, type Tensor } from "../../engine/mod.ts";
import {
  cellBoxes,
  type EdgeRule,
  normaliseBoxes,
  type RealRegions,
  type RegionBoxes,
  type RegionTensors,
} from "./regions.ts";

/** A box in cells that holds no cell: what padding writes goes nowhere. */
const NOWHERE = [1, 1, -1, -1];

/** Names the room that an image needs; equal names, equal room. */
export function roomKey({ height, width, labels }: Pick<LoadedImage, "height" | "width" | "labels">): string {
  return `${height} × ${width}, ${roomFor(labels.length)}`;
}

/** What room is made for. */
export interface RegionSlotsOptions {
  /** Of the image, in pixels. */
  readonly height: number;
  readonly width: number;
  /** Regions of the image; {@link roomFor} says how many fit. */
  readonly regions: number;
  /** Pixels per cell of the feature map. */
  readonly stride: number;
  /** How regions are linked, for models with a graph. */
  readonly edges: EdgeRule | null;
}

/**
 * An image [1, H, W, 3] with room for regions. Regions beyond those of the image written are padding: they crop one pixel,
 * write nowhere, have no edges, label −1 and no share in sums over regions.
 */
export class RegionSlots implements RegionTensors, Disposable {
  readonly image: Tensor;
  readonly boxes: RegionBoxes;
  readonly edges: GraphSlots | null;
  readonly real: RealRegions | null;
  /** i32 [R]. */
  readonly labels: Tensor;
  readonly #options: RegionSlotsOptions;

  /** Empty room. */
  constructor(device: Device, options: RegionSlotsOptions) {
    const { height, width, regions, stride, edges } = options;
    const count = roomFor(regions);
    const map = [Math.ceil(height / stride), Math.ceil(width / stride)] as const;
    const room = (...shape: number[]): Tensor => device.empty(shape).unscoped();
    this.#options = options;
    this.image = room(1, height, width, 3);
    this.labels = device.empty([count], "i32").unscoped();
    this.boxes = {
      count,
      map,
      normalised: room(count, 4),
      cells: room(count, 4),
      image: device.zeros([count], { dtype: "i32" }).unscoped(),
    };
    this.real = count > EXACT_ROOM ? { mask: room(count, 1), share: room(count) } : null;
    this.edges = edges && new GraphSlots(device, count, count, edges.types);
  }

  /** Replaces image, boxes, labels and edges, in stream order; `image` has the size and at most the regions room was made for. */
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

  /** Frees the room. */
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
