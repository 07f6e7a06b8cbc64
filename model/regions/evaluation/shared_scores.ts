/** Scores of a split whose images several ranks share out among themselves. */
import type { Entry } from "../../../datasets/images/schedule.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../engine/mod.ts";
import type { Ranks } from "../../run/ranks/ranks.ts";
import type { Scores } from "./score.ts";

/**
 * The scores of all images of `order` on rank 0, from those that each rank has of every `size`-th; null on the others. An
 * image's scores do not depend on those beside it, so they are the bits that one process finds.
 */
export async function scoresOnFirst(
  ranks: Ranks,
  own: Scores,
  order: readonly Entry[],
  dataset: RegionDataset,
): Promise<Scores | null> {
  const { classes } = own, names = JSON.stringify(own.outputs.map(({ name }) => name));
  const bytes = encodeSafetensors([
    ["labels", { dtype: "I32", shape: [own.labels.length], data: own.labels }],
    ...own.outputs.map(({ probabilities }, i) =>
      [String(i), { dtype: "F32", shape: [own.labels.length, classes], data: probabilities }] as const
    ),
  ], { names });
  const all = await ranks.toFirst(bytes);
  if (!all) return null;
  const parts = all.map((part) => decodeSafetensors(part));
  // A rank without regions has no outputs.
  const outputs =
    parts.map(({ metadata }) => JSON.parse(metadata.names) as string[]).find((found) => found.length > 0) ?? [];
  const count = parts.reduce((sum, { tensors }) => sum + tensors.get("labels")!.shape[0], 0);
  const labels = new Int32Array(count);
  const joined = outputs.map((name) => ({ name, probabilities: new Float32Array(count * classes) }));
  const places = parts.map(() => 0);
  let at = 0;
  for (const [i, { index }] of order.entries()) {
    const rank = i % ranks.size,
      { tensors } = parts[rank],
      rows = dataset.record(index).labels.length,
      from = places[rank];
    if (rows === 0) continue;
    labels.set(tensors.get("labels")!.data.subarray(from, from + rows) as Int32Array, at);
    joined.forEach(({ probabilities }, k) => {
      const data = tensors.get(String(k))!.data as Float32Array;
      probabilities.set(data.subarray(from * classes, (from + rows) * classes), at * classes);
    });
    places[rank] += rows;
    at += rows;
  }
  return { outputs: joined, labels, classes };
}
