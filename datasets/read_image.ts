/** Image files as RGB bytes. */
import sharp from "sharp";
import type { RgbImage } from "./preprocess.ts";

// One image a thread: several are read at once already.
sharp.concurrency(1);

/** Decodes an image file of any usual format; grey ones become RGB, an alpha channel is dropped. Throws what went wrong. */
export async function readImage(path: string): Promise<RgbImage> {
  const bytes = await Deno.readFile(path);
  const { data, info } = await sharp(bytes).toColourspace("srgb").removeAlpha().raw().toBuffer({
    resolveWithObject: true,
  });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels, 3 are wanted`);
  return { rgb: data, width: info.width, height: info.height };
}

/** Width and height that an image file states, its pixels unread. Throws what went wrong. */
export async function readSize(path: string): Promise<Pick<RgbImage, "width" | "height">> {
  const { width, height } = await sharp(path).metadata();
  return { width, height };
}
