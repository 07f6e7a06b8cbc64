/** A picture as its file holds it. */
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { HEIGHT, WIDTH } from "./camera.ts";
import type { PictureKey } from "./place.ts";
import { makePicture } from "./scene.ts";
import type { Scene } from "../files/types.ts";

/** A drawn picture. */
export interface DrawnPicture {
  readonly scene: Scene;
  /** The file's bytes. */
  readonly png: Uint8Array<ArrayBuffer>;
}

/** Draws a picture and packs it. */
export async function drawPng(key: PictureKey): Promise<DrawnPicture> {
  const { scene, pixels } = makePicture(key);
  const png = await (await loadSharp())(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png({ compressionLevel: 6, adaptiveFiltering: true }).toBuffer();
  return { scene, png: new Uint8Array(png) };
}
