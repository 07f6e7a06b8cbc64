/** Pictures of a page: images of a run's test split, or a photograph of one's own. */
import { basename } from "node:path";
import { printableLine } from "../../engine/base/printable.ts";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { ContextOptions } from "../../datasets/context/options.ts";
import { pagePicture } from "../../datasets/images/page_picture.ts";
import { pixelReader } from "../../datasets/images/pixels.ts";
import {
  CHANNELS,
  prepareImage,
  type RgbImage,
  scaleFor,
  type ScaleOptions,
} from "../../datasets/images/preprocess.ts";
import type { RegionDataset } from "../../datasets/types.ts";
import type { Box } from "./compute.ts";
import type { PageScene } from "./payload.ts";

/** A scene with its pixels. */
export interface Pictured {
  readonly scene: PageScene;
  readonly picture: RgbImage;
  /** Files for the page; null where the page draws the picture. */
  readonly files: {
    /** PNG of what the network gets. */
    readonly pixels: Uint8Array<ArrayBuffer>;
    /** The picture as people see it. */
    readonly photo: Uint8Array<ArrayBuffer>;
  } | null;
}

/** Bytes of a photograph on the page. */
const PHOTO_BYTES = 400_000;

/** The first `count` images of a split that have regions. */
export async function scenesOf(set: RegionDataset, count: number, scale: ScaleOptions): Promise<Pictured[]> {
  const found: Pictured[] = [], read = await pixelReader(set.source);
  for (let index = 0; index < set.size && found.length < count; index++) {
    const { id, boxes, labels } = set.record(index);
    if (labels.length === 0) continue;
    const all = Array.from(labels, (_, r) => boxOf(boxes.subarray(4 * r, 4 * r + 4)));
    const drawn = set.name === "context" && set.source.kind === "drawn"
      ? { drawn: { options: set.source.options as ContextOptions, index } }
      : {};
    found.push(await pictured(id, await read(index), all, Array.from(labels), scale, drawn));
  }
  if (found.length === 0) {
    throw new UserError(`${set.name} ${set.split}: no image has regions; there is nothing to show`);
  }
  return found;
}

/** A photograph with boxes of which nobody said what they are. */
export function photograph(
  path: string,
  picture: RgbImage,
  boxes: readonly Box[],
  scale: ScaleOptions,
): Promise<Pictured> {
  return pictured(basename(path), picture, boxes, boxes.map(() => null), scale, {});
}

async function pictured(
  id: string,
  original: RgbImage,
  boxes: readonly Box[],
  labels: readonly (number | null)[],
  scale: ScaleOptions,
  drawn: Pick<PageScene, "drawn">,
): Promise<Pictured> {
  const factor = scaleFor(original.width, original.height, scale);
  // The network sees no more of a larger picture: the page has it at the network's size.
  const picture = factor < 1 ? reduced(original, scale) : original;
  const { width, height } = picture;
  const scene: PageScene = {
    id: printableLine(id),
    width,
    height,
    boxes: factor < 1 ? boxes.map((box) => boxOf(box.map((v) => v * factor))) : boxes,
    labels,
    ...drawn,
  };
  if (drawn.drawn) return { scene, picture, files: null };
  const sharp = await loadSharp(), raw = { width, height, channels: 3 as const };
  const pixels = await sharp(picture.rgb, { raw }).png({ compressionLevel: 9 }).toBuffer();
  const { file } = await pagePicture(original, PHOTO_BYTES);
  return { scene, picture, files: { pixels: new Uint8Array(pixels), photo: new Uint8Array(file) } };
}

/** A picture at the network's size, to whole grey levels. */
function reduced(original: RgbImage, scale: ScaleOptions): RgbImage {
  const { image, width, height } = prepareImage(original, false, { ...scale, normalise: "caffe" });
  const { rgb, means } = CHANNELS.caffe, bytes = new Uint8Array(image.length);
  image.forEach((value, i) => bytes[i - i % 3 + rgb[i % 3]] = Math.round(value + means[i % 3]));
  return { rgb: bytes, width, height };
}

function boxOf(values: ArrayLike<number>): Box {
  return [values[0], values[1], values[2], values[3]];
}
