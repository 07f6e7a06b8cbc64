/** Image files as RGB bytes. */
import { loadSharp, type SharpImage } from "../../engine/base/packages/sharp.ts";
import type { RgbImage } from "./preprocess.ts";

/**
 * Decodes an image file of any usual format; grey ones become RGB, an alpha channel is dropped. Colour profiles and marks
 * of how to turn a picture are not looked at: networks were trained on the stored numbers, and boxes lie on the stored
 * pixels. Throws what went wrong.
 */
export async function readImage(path: string): Promise<RgbImage> {
  const sharp = await loadSharp();
  // One image a thread: several are read at once already.
  sharp.concurrency(1);
  const image = sharp(await Deno.readFile(path), { ignoreIcc: true });
  // Hardly any picture is printed in inks: the others are not kept waiting for the answer.
  const [{ space }, { data, info }] = await Promise.all([
    image.metadata(),
    image.clone().toColourspace("srgb").removeAlpha().raw().toBuffer({ resolveWithObject: true }),
  ]);
  if (space === "cmyk") return await readInks(image);
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

/** Width and height that an image file states, its pixels unread. Throws what went wrong. */
export async function readSize(path: string): Promise<Pick<RgbImage, "width" | "height">> {
  const { width, height } = await (await loadSharp())(path).metadata();
  return { width, height };
}
