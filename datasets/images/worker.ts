/** Draws or decodes images off the main thread. One message in, one out; pixels are transferred, not copied. */
import { tellFailures } from "../thread.ts";
import { type PreparedImage, prepareImage, type ScaleOptions } from "./preprocess.ts";
import { sizeComplaint } from "./picture_size.ts";
import type { ImageSource } from "../types.ts";
import { imageName, pixelReader } from "./pixels.ts";

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
  /** Size that the picture was annotated at. */
  readonly width: number;
  readonly height: number;
}

/** Its answer: the image with its original width, or what went wrong with which file. */
export type WorkerAnswer =
  | { readonly id: number; readonly image: PreparedImage; readonly originalWidth: number }
  | { readonly id: number; readonly path: string; readonly reason: string };

/** The worker's own scope, typed no further than needed. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerSetup | WorkerRequest>) => void) | null;
  postMessage(message: WorkerAnswer, transfer?: Transferable[]): void;
}

tellFailures();
const scope = globalThis as unknown as WorkerScope;
let setup: WorkerSetup | undefined;
let reader: ReturnType<typeof pixelReader> | undefined;

async function answer({ id, index, flipped, ...annotated }: WorkerRequest): Promise<void> {
  const { source, scale } = setup!;
  try {
    const picture = await (await reader!)(index);
    const complaint = sizeComplaint(picture, annotated);
    if (complaint) return scope.postMessage({ id, path: imageName(source, index), reason: complaint });
    const image = prepareImage(picture, flipped, scale);
    scope.postMessage({ id, image, originalWidth: picture.width }, [image.image.buffer]);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split("\n")[0];
    scope.postMessage({ id, path: imageName(source, index), reason: `cannot be read as an image: ${reason}` });
  }
}

scope.onmessage = ({ data }) => {
  if ("source" in data) {
    setup = data;
    reader = pixelReader(data.source);
  } else {
    void answer(data);
  }
};
