/** Draws pictures off the main thread: a key in, a scene record and a PNG out. */
import sharp from "sharp";
import { HEIGHT, WIDTH } from "./camera.ts";
import type { PictureKey } from "./place.ts";
import { makePicture } from "./scene.ts";
import type { Scene } from "./types.ts";

/** A drawn picture. */
export interface DrawnPicture {
  readonly scene: Scene;
  /** The file's bytes. */
  readonly png: Uint8Array<ArrayBuffer>;
}

/** Draws a picture and packs it. */
export async function drawPng(key: PictureKey): Promise<DrawnPicture> {
  const { scene, pixels } = makePicture(key);
  const png = await sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png({ compressionLevel: 6, adaptiveFiltering: true }).toBuffer();
  return { scene, png: new Uint8Array(png) };
}

/** The worker's own scope, typed no further than needed. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<PictureKey>) => void) | null;
  postMessage(message: DrawnPicture): void;
  readonly WorkerGlobalScope?: unknown;
}

const scope = globalThis as unknown as WorkerScope;
if (scope.WorkerGlobalScope !== undefined) {
  scope.onmessage = async ({ data }) => scope.postMessage(await drawPng(data));
}
