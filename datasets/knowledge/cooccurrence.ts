/** Classes seen in the same images, counted on a training split. */
import type { RegionDataset } from "../types.ts";
import type { KnowledgeBuilder } from "./builder.ts";

/** Options of {@link addCooccurrence}. */
export interface CooccurrenceOptions {
  /** Images a pair must be seen in; default 5. */
  readonly minCount?: number;
}

/**
 * Adds `seen-with` edges from a to b weighted by p(b in an image | a is), for pairs seen together in enough images and more
 * often than chance would have it. Boxes of one class count once an image.
 */
export function addCooccurrence(
  builder: KnowledgeBuilder,
  dataset: RegionDataset,
  { minCount = 5 }: CooccurrenceOptions = {},
): void {
  const classes = dataset.classes.length;
  const single = new Uint32Array(classes);
  const pairs = new Map<number, number>();
  for (let i = 0; i < dataset.size; i++) {
    const present = [...new Set(dataset.record(i).labels)].sort((a, b) => a - b);
    for (const [k, a] of present.entries()) {
      single[a]++;
      for (const b of present.slice(k + 1)) pairs.set(a * classes + b, (pairs.get(a * classes + b) ?? 0) + 1);
    }
  }
  for (const [key, count] of pairs) {
    const [a, b] = [Math.floor(key / classes), key % classes];
    const lift = count * dataset.size / (single[a] * single[b]);
    if (count < minCount || lift <= 1) continue;
    const [from, to] = [dataset.classes[a], dataset.classes[b]];
    builder.add("seen-with", from, to, count / single[a]);
    builder.add("seen-with", to, from, count / single[b]);
  }
}
