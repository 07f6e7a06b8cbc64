/** Masks drawn on pictures, and the nodes of a program side by side. */
import type { Buffer } from "node:buffer";
import { fontFile } from "../../../engine/base/packages/dejavu.ts";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { labelMarkup } from "../../images/label_text.ts";
import type { RgbImage } from "../../images/preprocess.ts";

/** The font travels with the packages: a bare machine has none. */

/** A mask of 0 and 1, [height, width], which covers a whole picture of any size. */
export interface PictureMask {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/** The mask stretched to a size, nearest neighbours: [height, width] of 0 and 1. */
export function stretchMask(mask: PictureMask, width: number, height: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y + 0.5) * mask.height / height) * mask.width;
    for (let x = 0; x < width; x++) {
      out[y * width + x] = mask.data[row + Math.floor((x + 0.5) * mask.width / width)] > 0 ? 1 : 0;
    }
  }
  return out;
}

/** The picture at half its brightness, the mask in solid red. */
export function overlayMask({ rgb, width, height }: RgbImage, mask: PictureMask): RgbImage {
  const red = stretchMask(mask, width, height);
  const out = new Uint8Array(rgb.length);
  for (let i = 0; i < out.length; i++) out[i] = rgb[i] >> 1;
  for (let at = 0; at < red.length; at++) {
    if (red[at] === 0) continue;
    out[3 * at] = 255;
    out[3 * at + 1] = out[3 * at + 2] = 0;
  }
  return { rgb: out, width, height };
}

/** PNG of a picture. */
export async function picturePng({ rgb, width, height }: RgbImage): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await loadSharp())(rgb, { raw: { width, height, channels: 3 } }).png().toBuffer());
}

/** PNG of a mask, white on black, stretched to a size. */
export async function maskPng(mask: PictureMask, width: number, height: number): Promise<Uint8Array<ArrayBuffer>> {
  const grey = stretchMask(mask, width, height).map((set) => 255 * set);
  return new Uint8Array(await (await loadSharp())(grey, { raw: { width, height, channels: 1 } }).png().toBuffer());
}

/** A picture with words under it. */
export interface Tile {
  readonly picture: RgbImage;
  readonly label: string;
}

/** Width of a tile, height of its label and tiles in a row of {@link chainPng}. */
const [TILE, LABEL, ACROSS] = [300, 22, 4];

/** PNG of pictures in rows of four, in reading order, each with its label under it. */
export async function chainPng(tiles: readonly Tile[]): Promise<Uint8Array<ArrayBuffer>> {
  const sharp = await loadSharp();
  const height = Math.round(TILE * tiles[0].picture.height / tiles[0].picture.width);
  const place = (i: number) => ({ left: i % ACROSS * TILE, top: Math.floor(i / ACROSS) * (height + LABEL) });
  const parts = await Promise.all(tiles.map(async ({ picture: { rgb, ...size }, label }, i) => {
    const { left, top } = place(i);
    const input = await sharp(rgb, { raw: { ...size, channels: 3 } }).resize(TILE, height, { fit: "fill" }).png()
      .toBuffer();
    return [{ input, left, top }, { input: await text(label), left: left + 4, top: top + height + 3 }];
  }));
  const rows = Math.ceil(tiles.length / ACROSS), width = Math.min(tiles.length, ACROSS) * TILE;
  const paper = sharp({ create: { width, height: rows * (height + LABEL), channels: 3, background: "white" } });
  return new Uint8Array(await paper.composite(parts.flat()).png().toBuffer());
}

async function text(label: string): Promise<Buffer> {
  const sharp = await loadSharp();
  const drawn = sharp({
    text: { text: labelMarkup(label), font: "DejaVu Sans 9", fontfile: await fontFile(), rgba: true, dpi: 84 },
  });
  const { data, info } = await drawn.png().toBuffer({ resolveWithObject: true });
  if (info.width <= TILE - 8) return data;
  return await sharp(data).extract({ left: 0, top: 0, width: TILE - 8, height: info.height }).png().toBuffer();
}
