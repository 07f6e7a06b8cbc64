/** Draws or decodes images off the main thread. One message in, one out; pixels are transferred, not copied. */
import type { RgbImage } from "./preprocess.ts";
import { type PreparedImage, prepareImage, type ScaleOptions } from "./preprocess.ts";
import type { ImageSource } from "../types.ts";

/** The first message: where pixels come from, and how large they become. */
export interface WorkerSetup {
  readonly source: ImageSource;
  readonly scale: ScaleOptions;
}

/** A request for one image. */
export interface WorkerRequest {
  readonly id: number;
  readonly index: number;
  readonly flipped: boolean;
}

/** Its answer: the image with its original width, or what went wrong with which file. */
export type WorkerAnswer =
  | { readonly id: number; readonly image: PreparedImage; readonly originalWidth: number }
  | { readonly id: number; readonly path: string; readonly reason: string };

async function fileReader(paths: readonly string[]): Promise<(index: number) => Promise<RgbImage>> {
  const { readImage } = await import("./read_image.ts");
  return (index) => readImage(paths[index]);
}

async function readerFor(source: ImageSource): Promise<(index: number) => Promise<RgbImage> | RgbImage> {
  if (source.kind === "files") return await fileReader(source.paths);
  const { drawContext } = await import("../context/draw.ts");
  return (index) => {
    const { pixels, width, height } = drawContext(source.options, index);
    return { rgb: pixels, width, height };
  };
}

/** The worker's own scope, typed no further than needed. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerSetup | WorkerRequest>) => void) | null;
  postMessage(message: WorkerAnswer, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
let setup: WorkerSetup | undefined;
let reader: Promise<(index: number) => Promise<RgbImage> | RgbImage> | undefined;

async function answer({ id, index, flipped }: WorkerRequest): Promise<void> {
  const { source, scale } = setup!;
  try {
    const picture = await (await reader!)(index);
    const image = prepareImage(picture, flipped, scale);
    scope.postMessage({ id, image, originalWidth: picture.width }, [image.image.buffer]);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split("\n")[0];
    const path = source.kind === "files" ? source.paths[index] : `context image ${index}`;
    scope.postMessage({ id, path, reason });
  }
}

scope.onmessage = ({ data }) => {
  if ("source" in data) {
    setup = data;
    reader = readerFor(data.source);
  } else {
    void answer(data);
  }
};
