/** Decoding and scaling of photographs, and how long a trainer waits for them. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSharp } from "../engine/base/packages/sharp.ts";
import { openContext } from "../datasets/context/dataset.ts";
import { drawContext } from "../datasets/context/draw.ts";
import { Loader } from "../datasets/images/loader.ts";
import { openDataset } from "../datasets/open.ts";
import { trainingOrder } from "../datasets/images/schedule.ts";
import type { RegionDataset } from "../datasets/types.ts";

const sharp = await loadSharp();

/** Loading rates measured with a number of threads. */
export interface DataRow {
  readonly workers: number;
  /** Images a second, decoded, scaled and handed over, when nothing else is to be done. */
  readonly perSecond: number;
  /** Milliseconds a trainer waits for an image whose step takes as long as {@link STEP_MS}. */
  readonly waitMs: number;
}

/** Length of a training step, in ms, spent waiting for the device. */
export const STEP_MS = 100;

/** The published size of a network's input. */
const SCALE = { target: 600, max: 1000 };
const IMAGES = 120, STEPS = 40, WARM = 16;

/** Measures one and two threads on COCO's photographs if they are beside the project, else on drawn ones of their size. */
export async function dataRows(): Promise<{ readonly source: string; readonly rows: readonly DataRow[] }> {
  const folder = await Deno.makeTempDir({ prefix: "itera-bench-" });
  try {
    const photographs = join(fileURLToPath(import.meta.url), "..", "..", "..", "shared", "data", "coco-tiny");
    const there = await Deno.stat(photographs).then(() => true, () => false);
    const set = there
      ? await openDataset({ dataset: "coco", data: photographs, split: "train", cache: folder })
      : await drawn(folder);
    const rows: DataRow[] = [];
    for (const workers of [1, 2]) {
      const perSecond = 1000 * IMAGES / await take(set, workers, IMAGES, 0);
      const waitMs = await take(set, workers, STEPS, STEP_MS) / STEPS;
      rows.push({ workers, perSecond, waitMs });
    }
    return { source: there ? "COCO photographs" : "drawn pictures, 640×480", rows };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Takes images in training order, each kept for `stepMs`; returns the ms spent waiting for them, after some to warm up. */
async function take(set: RegionDataset, workers: number, images: number, stepMs: number): Promise<number> {
  const loader = new Loader(set, { scale: SCALE, workers });
  let waited = 0, count = 0, from = 0;
  for await (const _ of loader.run(trainingOrder(set, { seed: 1, flip: true, first: 0 }))) {
    if (count > WARM) waited += performance.now() - from;
    if (count++ === WARM + images) break;
    if (stepMs > 0) await new Promise((resolve) => setTimeout(resolve, stepMs));
    from = performance.now();
  }
  loader.close();
  return waited;
}

/** JPEGs of context scenes, 40 of them. */
async function drawn(folder: string): Promise<RegionDataset> {
  const set = openContext({ split: "train", images: 40, width: 640, height: 480 });
  const paths: string[] = [];
  for (let i = 0; i < set.size; i++) {
    const { pixels, width, height } = drawContext(set.options, i);
    paths.push(join(folder, `${i}.jpg`));
    await sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 92 }).toFile(paths[i]);
  }
  return { ...set, source: { kind: "files", paths } };
}
