/** The payload of a region classifier's page. */
import { DATASET_ROWS } from "../../datasets/registry.ts";
import { printableLine } from "../../engine/base/printable.ts";
import type { SafetensorsTensor } from "../../engine/mod.ts";
import type { Checkpoint } from "../../model/regions/checkpoint.ts";
import { openDevice } from "../../model/run/run_config.ts";
import { VERSION } from "../../model/run/version.ts";
import { compute, storeAnswers } from "./compute.ts";
import { pageModel, weightsAmong } from "./page_model.ts";
import { type PageFacts, type Payload, photoName, pixelsName } from "./payload.ts";
import type { Pictured } from "./scenes.ts";
import { MOST_WEIGHTS, narrowed } from "./weights.ts";

/** Options of {@link regionPayload}. */
export interface PayloadOptions {
  /** Weights in 16 bits. */
  readonly half: boolean;
  /** Bytes of weights that the page may hold; default {@link MOST_WEIGHTS}. */
  readonly mostWeights?: number;
  readonly onPicture: (done: number) => void;
  readonly onMessage: (text: string) => void;
}

/** A trained model, as far as a page needs it. */
export type Viewed = Pick<Checkpoint, "config" | "classes" | "knowledge" | "tensors" | "step" | "path">;

/** Facts, weights, pictures, and the answers that the page shows where it cannot compute. */
export async function regionPayload(
  run: string,
  checkpoint: Viewed,
  pictures: readonly Pictured[],
  { half, mostWeights = MOST_WEIGHTS, onPicture, onMessage }: PayloadOptions,
): Promise<Payload> {
  const { config, classes, knowledge } = checkpoint;
  const weights = weightsOf(checkpoint, half), size = weights.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
  const live = size <= mostWeights;
  if (!live) {
    onMessage(
      `${checkpoint.path}: ${Math.round(size / 2 ** 20)} MiB of weights are too much for a page, ` +
        "which shows what is computed here and computes nothing itself",
    );
  }
  const facts: PageFacts = {
    run: printableLine(run),
    set: DATASET_ROWS[config.dataset.dataset].title,
    version: VERSION,
    step: checkpoint.step,
    config: {
      // Paths of this machine are nobody's business.
      model: { ...config.model, weights: null },
      seed: config.seed,
      image: config.image,
      convolutions: config.convolutions,
    },
    classes: classes.map(printableLine),
    knowledge: knowledge && { types: knowledge.types, edges: knowledge.edges, dim: knowledge.dim },
    scenes: pictures.map(({ scene }) => scene),
    live,
  };
  const tensors = new Map<string, SafetensorsTensor>(live ? weights : []);
  await using device = await openDevice(config);
  using model = pageModel(device, facts, new Map(weights));
  for (const [i, { scene, picture, files }] of pictures.entries()) {
    const answers = await compute(model, picture, scene.boxes, facts.config);
    for (const [name, tensor] of storeAnswers(i, answers, scene.boxes.length)) tensors.set(name, tensor);
    for (const [name, data] of files ? [[pixelsName(i), files.pixels], [photoName(i), files.photo]] as const : []) {
      tensors.set(name, { dtype: "U8", shape: [data.length], data });
    }
    onPicture(i + 1);
  }
  return { facts, tensors };
}

/** The model's tensors of a checkpoint, without the optimiser's. */
function weightsOf({ tensors }: Viewed, half: boolean): [string, SafetensorsTensor][] {
  return weightsAmong(tensors).map(([name, tensor]) => [name, half ? narrowed(tensor) : tensor]);
}
