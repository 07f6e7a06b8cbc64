/** `scores.safetensors` of a run: every probability an evaluation found, so that metrics can be computed again. */
import { isContextDataset } from "../../../datasets/context/dataset.ts";
import { openDataset } from "../../../datasets/open.ts";
import { DATASET_ROWS, isDatasetName } from "../../../datasets/registry.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "../../../engine/mod.ts";
import type { Output, Scores } from "./score.ts";
import type { ScoredSet } from "./results.ts";
import { writeFileAtomic } from "../../../engine/base/atomic.ts";

const PREFIX = "probabilities.";

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
  });
  await writeFileAtomic(path, bytes);
}

/** Reads them back. Throws {@link UserError} when the file is missing or none of ours. */
export async function readScores(
  path: string,
): Promise<{ readonly model: string; readonly scores: Scores; readonly set: ScoredSet }> {
  try {
    const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path));
    const classes: string[] = JSON.parse(metadata.classes);
    const names: string[] = JSON.parse(metadata.outputs);
    const outputs = names.map((name): Output => ({
      name,
      probabilities: tensors.get(PREFIX + name)!.data as Float32Array<ArrayBuffer>,
    }));
    const labels = tensors.get("labels")!.data as Int32Array<ArrayBuffer>;
    const { split, model } = metadata;
    const [dataset, part] = split.split(" ");
    // A set without a folder can be drawn anew, and its generator may know the exact posteriors.
    const drawn = isDatasetName(dataset) && DATASET_ROWS[dataset].folder === null
      ? await openDataset({ dataset, split: part as "test", images: Number(metadata.images) })
      : null;
    const context = drawn && isContextDataset(drawn) ? drawn : null;
    return {
      model,
      scores: { outputs, labels, classes: classes.length },
      set: { split, images: Number(metadata.images), classes, context },
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError(`${path}: there is no such file; \`itera evaluate\` writes it`);
    }
    if (error instanceof SafetensorsError || error instanceof SyntaxError || error instanceof TypeError) {
      throw new UserError(`${path}: holds no scores of an evaluation (${error.message})`);
    }
    throw error;
  }
}
