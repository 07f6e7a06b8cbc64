/** Pictures as files for pages: small ones as they are, photographs no larger than a page needs. */
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import type { RgbImage } from "./preprocess.ts";

/** A picture's file and its size in pixels. */
export interface PagePicture {
  readonly file: Uint8Array;
  readonly type: "image/png" | "image/webp";
  readonly width: number;
  readonly height: number;
  /** Pixels of it a pixel of the picture: 1, or less where it was made smaller. */
  readonly scale: number;
}

/** Pictures with sides up to this are drawn ones, or icons: each of their pixels counts. */
const SMALL = 320;

/** Longest side on a page. */
const LONGEST_SIDE = 1600;

/** Bytes that a picture may take: a dozen of them make a page of less than 20 MB. */
const MOST_BYTES = 1_100_000;

/** The picture as a file of at most `mostBytes`, its longer side at most 1,600 pixels. */
export async function pagePicture(
  { rgb, width, height }: RgbImage,
  mostBytes: number = MOST_BYTES,
): Promise<PagePicture> {
  const sharp = await loadSharp(), raw = { width, height, channels: 3 as const };
  if (Math.max(width, height) <= SMALL) {
    return {
      file: new Uint8Array(await sharp(rgb, { raw }).png().toBuffer()),
      type: "image/png",
      width,
      height,
      scale: 1,
    };
  }
  for (let scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));; scale *= 0.75) {
    const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
    const file = new Uint8Array(
      await sharp(rgb, { raw }).resize({ ...size, fit: "fill" }).webp({ quality: 82 }).toBuffer(),
    );
    if (file.length <= mostBytes || Math.max(size.width, size.height) < SMALL) {
      return { file, type: "image/webp", ...size, scale };
    }
  }
}
