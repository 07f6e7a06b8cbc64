/** The images of a step, in parts that are held at once, and in passes. */
import type { LoadedImage } from "../../datasets/images/loader.ts";
import type { TrainConfig } from "./config.ts";

/**
 * The next `batch` images in their order, in the parts that the settings ask for; a part ends where its images would take more
 * than the loader's budget, too. The parts decide what is held at once, not what is computed.
 */
export async function* inParts(
  next: () => Promise<LoadedImage>,
  { batch, accumulate, image: { budget } }: Pick<TrainConfig, "batch" | "accumulate" | "image">,
): AsyncGenerator<readonly LoadedImage[]> {
  const most = Math.ceil(batch / accumulate);
  let part: LoadedImage[] = [], bytes = 0;
  for (let i = 0; i < batch; i++) {
    const loaded = await next(), own = loaded.image.byteLength;
    if (part.length === most || part.length > 0 && bytes + own > budget * 2 ** 20) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(loaded);
    bytes += own;
  }
  yield part;
}

/** Images of a part in passes: one by one, or, stacked, those of equal size that have regions at once. */
export function inPasses(part: readonly LoadedImage[], stack: boolean): readonly (readonly LoadedImage[])[] {
  if (!stack) return part.map((image) => [image]);
  // An image without regions has no loss but 0, and none to share a pass with.
  const keyOf = ({ height, width, labels, position }: LoadedImage): string =>
    labels.length === 0 ? `alone ${position}` : `${height} × ${width}`;
  return [...Map.groupBy(part, keyOf).values()];
}
