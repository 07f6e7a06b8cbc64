/** A prepared image back as a picture file. */
import sharp from "sharp";
import { BGR_MEANS } from "./preprocess.ts";

/** PNG bytes of an image [height, width, 3] of BGR floats minus the means, at its own size. */
export async function toPng(image: Float32Array, width: number, height: number): Promise<Uint8Array> {
  const rgb = new Uint8ClampedArray(image.length);
  for (let i = 0; i < image.length; i += 3) {
    for (let c = 0; c < 3; c++) rgb[i + 2 - c] = image[i + c] + BGR_MEANS[c];
  }
  const bytes = new Uint8Array(rgb.buffer);
  return new Uint8Array(await sharp(bytes, { raw: { width, height, channels: 3 } }).png().toBuffer());
}
