/**
 * The split of ADE20K that the reference uses: text files with image names, class names and counts
 * (papers/iterative-reasoning.md#ade20k).
 */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { readAnyLines } from "../formats/text.ts";
import { isInside, OUTSIDE } from "../index/inside.ts";
import { readVocabulary } from "../knowledge/vocabulary.ts";
import type { Split } from "../types.ts";

/** The list of each split; `val.txt` is `mval.txt` and `mtest.txt` together. */
const LISTS: Readonly<Record<Split, string>> = { train: "train.txt", val: "mval.txt", test: "mtest.txt" };

const ADVICE = "docs/ade20k.md says where ADE20K's lists come from; --lists names their folder";

/** Classes and pictures of a split, from the lists. */
export interface AdeLists {
  /** Class names, background first. */
  readonly classes: readonly string[];
  /** Pictures, such as `images/training/s/street/ADE_train_00016869.jpg`. */
  readonly pictures: readonly string[];
  /** The files read. */
  readonly files: readonly string[];
}

/**
 * Reads the lists in `folder`.
 *
 * @throws {UserError} naming the file that is missing or empty.
 */
export async function readAdeLists(folder: string, split: Split): Promise<AdeLists> {
  const files = [LISTS[split], "objectnames.txt", "objectcounts.txt"].map((name) => join(folder, name));
  const pictures = await readAnyLines(files[0], ADVICE);
  if (pictures.length === 0) throw new UserError(`${files[0]}: names no picture`);
  const seen = new Set<string>();
  for (const picture of pictures) {
    const reason = !isInside(picture) ? OUTSIDE : seen.has(picture) ? "is there twice; name each picture once" : null;
    if (reason) throw new UserError(`${files[0]}: ${picture}: ${reason}`, { path: files[0] });
    seen.add(picture);
  }
  return { classes: await readVocabulary(files[1], files[2]), pictures, files };
}

/** Labels of the mirrored picture, [C]: `left_arm` becomes `right_arm` and back where both are classes. */
export function mirroredLabels(classes: readonly string[]): Int32Array<ArrayBuffer> {
  const labels = new Map(classes.map((name, label) => [name, label]));
  return Int32Array.from(classes, (name, label) => {
    const [, side, rest] = /^(left|right)_(.+)$/.exec(name) ?? [];
    return labels.get(`${side === "left" ? "right" : "left"}_${rest}`) ?? label;
  });
}
