/** An image of a set with its boxes and labels: a PNG file, and a picture in notebooks. */
import { UserError } from "../../engine/base/user_error.ts";
import { printableLine } from "../../engine/base/printable.ts";
import type { RegionDataset } from "../types.ts";
import { BOX_COLOURS, type LabelledBox, labelPicture } from "./label_picture.ts";
import { imageName, pixelReader } from "./pixels.ts";
import { sizeComplaint } from "./picture_size.ts";
import type { RgbImage } from "./preprocess.ts";

/** Options of {@link showImage}. */
export interface ShowImageOptions {
  /** Words for each region, in their order; default the names of their classes. A model's answers, say. */
  readonly labels?: readonly string[];
}

/**
 * An image with its boxes drawn on it. A cell of `deno jupyter` that ends with it shows the picture.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { openContext, type ShownImage, showImage } from "@itera/itera/datasets";
 *
 * const shown: ShownImage = await showImage(openContext({ split: "val" }), 0);
 * deepStrictEqual([...shown.png.subarray(1, 4)], [..."PNG"].map((c) => c.charCodeAt(0)));
 * ```
 */
export class ShownImage {
  /** Set, split and name of the image, its size and the number of its regions, in a line. */
  readonly title: string;
  /** Boxes and the words on them. */
  readonly regions: readonly LabelledBox[];
  /** The whole PNG file. */
  readonly png: Uint8Array<ArrayBuffer>;

  /** The parts, as {@link showImage} gives them. */
  constructor(title: string, regions: readonly LabelledBox[], png: Uint8Array<ArrayBuffer>) {
    this.title = title;
    this.regions = regions;
    this.png = png;
  }

  /** The image by MIME type: its regions as text, the picture alone and with its title. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    const regions = this.regions.map(({ label, box }, r) => `${r + 1} ${label}: ${box.join(", ")}`);
    // Names are from files, and notebooks are shown in terminals too.
    const lines = [this.title, ...regions].map(printableLine);
    const png = this.png.toBase64(), title = lines[0].replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
    return {
      "text/plain": lines.join("\n"),
      "image/png": png,
      "text/html":
        `<figure><img src="data:image/png;base64,${png}" alt="${title}"><figcaption>${title}</figcaption></figure>`,
    };
  }
}

/**
 * Draws image `index` of a set, 0 to size − 1, with its boxes and their labels; boxes are in pixels of the image itself.
 * Needs the permissions `read`, `env`, `ffi` and `sys`: sharp draws.
 *
 * ```ts
 * import { ok, strictEqual } from "node:assert/strict";
 * import { openContext, showImage } from "@itera/itera/datasets";
 *
 * const set = openContext({ split: "val" });
 * const shown = await showImage(set, 3);
 * strictEqual(shown.regions.length, set.record(3).labels.length);
 * ok(shown.title.startsWith("context val 3"));
 * ```
 *
 * @throws {UserError} where there is no such image, it cannot be read, or there is not one label a region.
 */
export async function showImage(
  set: RegionDataset,
  index: number,
  { labels }: ShowImageOptions = {},
): Promise<ShownImage> {
  if (!Number.isInteger(index) || index < 0 || index >= set.size) {
    throw new UserError(`showImage: ${set.name} ${set.split} has images 0 to ${set.size - 1}, not ${index}`);
  }
  const record = set.record(index), count = record.labels.length;
  if (labels && labels.length !== count) {
    throw new UserError(`showImage: ${labels.length} labels for ${count} regions; give one each`);
  }
  const regions = Array.from(record.labels, (label, r): LabelledBox => {
    const [x1, y1, x2, y2] = record.boxes.subarray(4 * r, 4 * r + 4);
    return {
      label: labels?.[r] ?? set.classes[label],
      box: [x1, y1, x2, y2],
      colour: BOX_COLOURS[r % BOX_COLOURS.length],
    };
  });
  const title = `${set.name} ${set.split} ${index}: ${record.id}, ${record.width}×${record.height}`;
  const picture = await pictureOf(set, index), complaint = sizeComplaint(picture, record);
  if (complaint) throw new UserError(`${imageName(set.source, index)}: ${complaint}`);
  return new ShownImage(title, regions, await labelPicture(picture, regions));
}

async function pictureOf({ source }: RegionDataset, index: number): Promise<RgbImage> {
  const read = await pixelReader(source);
  try {
    return await read(index);
  } catch (error) {
    if (source.kind !== "files") throw error;
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such picture"
      : (error as Error).message.split("\n")[0];
    throw new UserError(`${imageName(source, index)}: cannot be read as a picture: ${reason}`);
  }
}
