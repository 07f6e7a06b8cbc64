/** Image files as RGB bytes: the one reader of pictures. */
import { requireFile } from "../../engine/base/files.ts";
import { loadSharp, type SharpImage } from "../../engine/base/packages/sharp.ts";
import { isPng, withEarlyExif } from "./late_exif.ts";
import type { PictureOptions } from "./picture_options.ts";
import type { RgbImage } from "./preprocess.ts";

/**
 * Decodes an image file of any usual format as the reference's reader, OpenCV, does: grey ones become RGB, 16 bits become
 * 8, an alpha channel is dropped, colour profiles are not looked at, and a picture with a mark of how to turn it (EXIF)
 * is turned. `options` say otherwise for the last two. Throws what went wrong.
 */
export async function readImage(path: string, options: PictureOptions = {}): Promise<RgbImage> {
  const { profile = "ignore", orientation = "apply" } = options;
  // A pipe that nobody writes to would be waited for without end.
  await requireFile(path);
  const sharp = await loadSharp();
  // One image a thread: several are read at once already.
  sharp.concurrency(1);
  const stored = sharp(withEarlyExif(await Deno.readFile(path)), { ignoreIcc: profile === "ignore" });
  const image = orientation === "apply" ? stored.autoOrient() : stored;
  // One after the other: the library has one place for reasons, and would name now this one's and now that one's.
  const { space, hasProfile } = await image.metadata();
  const { data, info } = await image.clone().toColourspace("srgb").removeAlpha().raw().toBuffer({
    resolveWithObject: true,
  });
  if (space === "cmyk" && !(hasProfile && profile === "convert")) return await readInks(image);
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels, 3 are wanted`);
  return { rgb: data, width: info.width, height: info.height };
}

/** Inks as OpenCV mixes them, which the reference reads pictures with. */
async function readInks(image: SharpImage): Promise<RgbImage> {
  const { data, info } = await image.pipelineColourspace("cmyk").toColourspace("cmyk").raw().toBuffer({
    resolveWithObject: true,
  });
  if (info.channels !== 4) throw new Error(`it has ${info.channels} channels, 4 inks are wanted`);
  const rgb = new Uint8Array(info.width * info.height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const light = 255 - data[from + 3];
    for (let c = 0; c < 3; c++) rgb[to++] = light - (data[from + c] * light >> 8);
  }
  return { rgb, width: info.width, height: info.height };
}

/** Input that a size is read from: the path, of which the library reads the beginning; all of a PNG, whose EXIF data may stand last. */
async function beginning(path: string): Promise<string | Uint8Array<ArrayBuffer>> {
  const first = new Uint8Array(8);
  {
    using file = await Deno.open(path);
    await file.read(first);
  }
  return isPng(first) ? withEarlyExif(await Deno.readFile(path)) : path;
}

/** Width and height that {@link readImage} gives an image file, its pixels unread. Throws what went wrong. */
export async function readSize(
  path: string,
  { orientation = "apply" }: PictureOptions = {},
): Promise<Pick<RgbImage, "width" | "height">> {
  await requireFile(path);
  const { width, height, autoOrient } = await (await loadSharp())(await beginning(path)).metadata();
  return orientation === "apply" ? { width: autoOrient.width, height: autoOrient.height } : { width, height };
}
