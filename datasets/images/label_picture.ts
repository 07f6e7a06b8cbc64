/** Pictures with labelled boxes, as PNG files. */
import { Buffer } from "node:buffer";
import { fontFile } from "../../engine/base/packages/dejavu.ts";
import { loadSharp, type SharpOverlay } from "../../engine/base/packages/sharp.ts";
import { placeLabels } from "../../engine/base/place_labels.ts";
import { labelMarkup } from "./label_text.ts";
import type { RgbImage } from "./preprocess.ts";

/** A box and what to write on it. */
export interface LabelledBox {
  /** x1, y1, x2, y2 in inclusive pixels. */
  readonly box: readonly [number, number, number, number];
  /** Words on the box. */
  readonly label: string;
  /** CSS colour of box and label. */
  readonly colour: string;
}

/** Colours that keep neighbouring boxes apart, by position in a list. */
export const BOX_COLOURS = ["#d1495b", "#1667b7", "#2e8b57", "#8a5bb5", "#b86a00", "#007b8a"] as const;

/** Shorter pictures than this are enlarged, or their labels could not be read. */
const LEAST_SIDE = 640;

/** PNG of an image with boxes and labels drawn on it, enlarged by a whole factor where it is small. */
export async function labelPicture(image: RgbImage, boxes: readonly LabelledBox[]): Promise<Uint8Array<ArrayBuffer>> {
  const sharp = await loadSharp();
  const factor = Math.max(1, Math.ceil(LEAST_SIDE / Math.max(image.width, image.height)));
  const [width, height] = [image.width * factor, image.height * factor];
  const frames = boxes.map(({ box: [x1, y1, x2, y2], colour }) =>
    `<rect x="${x1 * factor}" y="${y1 * factor}" width="${(x2 - x1 + 1) * factor}" height="${
      (y2 - y1 + 1) * factor
    }" ` +
    `fill="none" stroke="${colour}" stroke-width="2"/>`
  );
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${
    frames.join("")
  }</svg>`;
  const tags = await Promise.all(boxes.map((box) => tagOf(box, width, height)));
  const places = placeLabels(
    boxes.map(({ box: [x1, y1, x2, y2] }, i) => ({
      box: [x1 * factor, y1 * factor, (x2 + 1) * factor, (y2 + 1) * factor],
      width: tags[i].width,
      height: tags[i].height,
    })),
    [width, height],
    boxes.length,
  );
  const labels = tags.map(({ png }, i): SharpOverlay => {
    const { box: [x1, y1] } = boxes[i];
    // Where none is free the label lies on another rather than nowhere: a file has no pointer to ask with.
    const [x, y] = places[i] ?? [
      Math.max(0, Math.min(x1 * factor, width - tags[i].width)),
      Math.max(0, Math.min(y1 * factor, height - tags[i].height)),
    ];
    return { input: Buffer.from(png), left: Math.round(x), top: Math.round(y) };
  });
  const raw = { width: image.width, height: image.height, channels: 3 as const };
  const enlarged = await sharp(image.rgb, { raw }).resize(width, height, { kernel: factor > 1 ? "nearest" : "cubic" })
    .png().toBuffer();
  const drawn = sharp(enlarged).composite([{ input: Buffer.from(overlay), left: 0, top: 0 }, ...labels]);
  return new Uint8Array(await drawn.png().toBuffer());
}

/** A label as a small picture, no larger than the one it stands on. */
async function tagOf(
  { label, colour }: LabelledBox,
  width: number,
  height: number,
): Promise<{ readonly png: Uint8Array; readonly width: number; readonly height: number }> {
  const sharp = await loadSharp();
  const text = await sharp({
    text: {
      text: `<span foreground="white">${labelMarkup(label)}</span>`,
      font: "DejaVu Sans 9",
      fontfile: await fontFile(),
      rgba: true,
      dpi: 96,
    },
  }).png().toBuffer({ resolveWithObject: true });
  const tag = await sharp({
    create: { width: text.info.width + 6, height: text.info.height + 6, channels: 4, background: colour },
  }).composite([{ input: text.data, left: 3, top: 3 }]).png().toBuffer({ resolveWithObject: true });
  // A label wider than the picture is cut rather than refused.
  const [w, h] = [Math.min(tag.info.width, width), Math.min(tag.info.height, height)];
  const png = await sharp(tag.data).extract({ left: 0, top: 0, width: w, height: h }).png().toBuffer();
  return { png: new Uint8Array(png), width: w, height: h };
}
