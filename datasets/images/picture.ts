/** A prepared image back as a picture file. */
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import { CHANNELS, type Normalisation } from "./preprocess.ts";

/** PNG bytes of a prepared image [height, width, 3] at its own size. */
export async function toPng(
  image: Float32Array,
  width: number,
  height: number,
  normalise: Normalisation,
): Promise<Uint8Array> {
  const { rgb, means, deviations } = CHANNELS[normalise];
  const pixels = new Uint8ClampedArray(image.length);
  for (let i = 0; i < image.length; i += 3) {
    for (let c = 0; c < 3; c++) pixels[i + rgb[c]] = image[i + c] * deviations[c] + means[c];
  }
  const bytes = new Uint8Array(pixels.buffer);
  return new Uint8Array(await (await loadSharp())(bytes, { raw: { width, height, channels: 3 } }).png().toBuffer());
}
