/** Pixels of any image of a set, decoded from its file or drawn. */
import type { ImageSource } from "../types.ts";
import type { RgbImage } from "./preprocess.ts";

/** Exports of the module of a drawn set: image `index` of the split that `options` describe. */
export interface DrawModule<Options> {
  /** Draws picture `index` of a set. */
  readonly drawImage: (options: Options, index: number) => RgbImage | Promise<RgbImage>;
}

/** Gives the pixels of any index. */
export async function pixelReader(source: ImageSource): Promise<(index: number) => RgbImage | Promise<RgbImage>> {
  if (source.kind === "files") {
    // What decodes is loaded where something is to be decoded.
    const { readImage } = await import("./read_image.ts");
    return (index) => readImage(source.paths[index], source.pictures);
  }
  const { drawImage } = await import(source.module) as DrawModule<unknown>;
  return (index) => drawImage(source.options, index);
}

/** Name of an image in messages. */
export function imageName(source: ImageSource, index: number): string {
  return source.kind === "files" ? source.paths[index] : `drawn image ${index}`;
}
