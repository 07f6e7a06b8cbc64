/** `scores.safetensors` of a run: every probability an evaluation found, so that metrics can be computed again. */
import type { RegionDataset } from "../../../datasets/types.ts";
import { openDataset } from "../../../datasets/open.ts";
import { DATASET_ROWS, isDatasetName } from "../../../datasets/registry.ts";
import { explainReadError, readBytes } from "../../../engine/base/files.ts";
import { z } from "../../../engine/base/packages/zod.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { checkSafetensors, firstNonFinite, sameShape } from "../../../engine/internal.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "../../../engine/mod.ts";
import { jsonText } from "../../run/json_metadata.ts";
import type { Output, Scores } from "./score.ts";
import type { ScoredSet } from "./results.ts";
import { writeFileAtomic } from "../../../engine/base/atomic.ts";

const PREFIX = "probabilities.";

const factsSchema = z.object({
  model: z.string(),
  split: z.string(),
  images: jsonText(z.int().min(0)),
  classes: jsonText(z.array(z.string()).min(2)),
  outputs: jsonText(z.array(z.string()).min(1)),
  options: jsonText(z.record(z.string(), z.unknown())).optional(),
});

/** Writes labels i32 [N] and, for every output, probabilities f32 [N, C]. */
export async function saveScores(path: string, model: string, scores: Scores, set: ScoredSet): Promise<void> {
  const { outputs, labels, classes } = scores;
  const bytes = encodeSafetensors([
    ["labels", { dtype: "I32", shape: [labels.length], data: labels }],
    ...outputs.map(({ name, probabilities }) =>
      [`${PREFIX}${name}`, { dtype: "F32", shape: [labels.length, classes], data: probabilities }] as const
    ),
  ], {
    model,
    split: set.split,
    images: String(set.images),
    classes: JSON.stringify(set.classes),
    outputs: JSON.stringify(outputs.map(({ name }) => name)),
    ...set.options === null ? {} : { options: JSON.stringify(set.options) },
  }, { checksum: true });
  await writeFileAtomic(path, bytes, { check: checkSafetensors });
}

/** Reads them back. Throws {@link UserError} when the file is missing or none of ours. */
export async function readScores(
  path: string,
): Promise<{ readonly model: string; readonly scores: Scores; readonly set: ScoredSet }> {
  try {
    const bytes = await readBytes(path, "there is no such file; `itera evaluate` writes it");
    const { tensors, metadata } = decodeSafetensors(bytes);
    const { classes, outputs: names, split, model, images, options } = factsSchema.parse(metadata);
    const found = tensors.get("labels");
    if (found?.dtype !== "I32" || found.shape.length !== 1) throw new TypeError('"labels" is no list of whole numbers');
    const labels = found.data, wanted = [labels.length, classes.length];
    const outside = labels.find((label) => label < 0 || label >= classes.length);
    if (outside !== undefined) throw new TypeError(`a label is ${outside}, there are ${classes.length} classes`);
    const outputs = names.map((name): Output => {
      const tensor = tensors.get(PREFIX + name);
      if (tensor?.dtype !== "F32" || !sameShape(tensor.shape, wanted)) {
        throw new TypeError(`"${PREFIX}${name}" is [${tensor?.shape ?? "missing"}], [${wanted}] is wanted`);
      }
      return { name, probabilities: tensor.data };
    });
    const wrong = firstNonFinite(tensors);
    if (wrong) throw new TypeError(`"${wrong.name}" holds ${wrong.value}`);
    const [dataset, part] = split.split(" ");
    // A set without a folder can be drawn anew, and its generator may know the exact posteriors.
    const isDrawn = isDatasetName(dataset) && DATASET_ROWS[dataset].folder === null;
    // Every drawn image has regions: a count beyond them is a claim, and drawing would not end.
    if (isDrawn && images > labels.length) {
      throw new TypeError(`${images} images are claimed, of ${labels.length} regions`);
    }
    const drawn = isDrawn ? await openDataset({ dataset, split: part as "test", images, options }) : null;
    if (drawn?.answers) requireSame(drawn, labels);
    return {
      model,
      scores: { outputs, labels, classes: classes.length },
      set: { split, images, classes, answers: drawn?.answers?.() ?? null, options: options ?? null },
    };
  } catch (error) {
    if (error instanceof z.ZodError) {
      const [issue] = error.issues;
      throw new UserError(`${path}: holds no scores of an evaluation (${issue.path.join(".")}: ${issue.message})`);
    }
    if (error instanceof SafetensorsError || error instanceof TypeError) {
      throw new UserError(`${path}: holds no scores of an evaluation (${error.message}); evaluate anew`);
    }
    throw error instanceof UserError ? error : explainReadError(path, error);
  }
}

/** Throws where labels are not those of the drawn set, whose posteriors stand beside the scores. */
function requireSame(set: RegionDataset, labels: Int32Array): void {
  let at = 0;
  for (let i = 0; i < set.size; i++) {
    for (const label of set.record(i).labels) {
      if (labels[at++] !== label) throw new TypeError(`its labels are not those of image ${i} of ${set.name}`);
    }
  }
  if (at !== labels.length) throw new TypeError(`${labels.length} regions are scored, ${set.name} has ${at}`);
}
