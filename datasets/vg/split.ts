/**
 * Splits and classes of Visual Genome. The authors' split and class list were never published
 * (papers/iterative-reasoning.md#visual-genome); where their files are not at hand, both are made anew.
 */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { exists } from "../../engine/base/files.ts";
import { firstRepeated } from "../../engine/base/repeated.ts";
import { readAnyLines } from "../formats/text.ts";
import { MIN_COUNT } from "../knowledge/vocabulary.ts";
import { RandomStream } from "../../engine/base/random.ts";
import { BACKGROUND, type Split } from "../types.ts";

/** Seed and stream of the rebuilt split. */
const [SEED, STREAM] = [3, 0x56470];
const SPLITS: readonly Split[] = ["train", "val", "test"];

/** The files a split is read from. */
export interface VgFiles {
  readonly pictures: string;
  /** The objects of the split's images; of all images where `whole`. */
  readonly objects: string;
  /** The objects of the training images, for counting; of all images where `whole`. */
  readonly training: string;
  /** One file holds the objects of all splits. */
  readonly whole: boolean;
  /** The class list, null where classes are counted. */
  readonly synsets: string | null;
}

/**
 * Finds the files in `folder`: train.json, val.json and test.json of the reference's form if all are there, objects.json
 * otherwise; synsets.txt if it is there.
 */
export async function findVgFiles(folder: string, split: Split): Promise<VgFiles> {
  const inside = (name: string): string => join(folder, name);
  const there = await Promise.all(SPLITS.map((name) => exists(inside(`${name}.json`))));
  const whole = there.includes(false);
  const objects = inside(whole ? "objects.json" : `${split}.json`);
  const files = {
    pictures: inside("image_data.json"),
    objects,
    training: whole ? objects : inside("train.json"),
    whole,
    synsets: await exists(inside("synsets.txt")) ? inside("synsets.txt") : null,
  };
  for (const file of [files.pictures, files.objects]) {
    if (!await exists(file)) {
      throw new UserError(
        `${file}: there is no such file; docs/visual-genome.md says what Visual Genome's folder holds`,
      );
    }
  }
  return files;
}

/**
 * Classes from lines `synset:count`: those with a count of at least 5, after line 0, which the reference drops whatever it
 * is; `keepFirst` keeps it.
 *
 * @throws {UserError} naming the file and line.
 */
export async function readSynsets(path: string, keepFirst: boolean): Promise<string[]> {
  const lines = await readAnyLines(path);
  const kept = lines.flatMap((line, i) => {
    const [, name, count] = /^(.*\S)\s*:\s*(\d+)$/.exec(line) ?? [];
    if (name === undefined) throw new UserError(`${path}:${i + 1}: is no class; wanted synset:count`);
    return Number(count) >= MIN_COUNT && (i > 0 || keepFirst) ? [name] : [];
  });
  if (kept.length === 0) throw new UserError(`${path}: holds no classes`);
  const classes = [BACKGROUND, ...kept], twice = firstRepeated(classes);
  if (twice !== undefined) throw new UserError(`${path}: ${twice} is there twice; give each class one line`, { path });
  return classes;
}

/** Classes seen at least 5 times, in order of their names. */
export function countedClasses(counts: ReadonlyMap<string, number>): string[] {
  return [BACKGROUND, ...[...counts].filter(([, count]) => count >= MIN_COUNT).map(([name]) => name).sort()];
}

/** The rebuilt split: image ids shuffled, the first 80 % to train on, 10 % for validation, 10 % to test. */
export function rebuiltSplit(ids: Iterable<number>, split: Split): Set<number> {
  const sorted = [...ids].sort((a, b) => a - b);
  const order = new RandomStream(SEED, STREAM).permutation(sorted.length);
  const [first, second] = [Math.floor(0.8 * sorted.length), Math.floor(0.9 * sorted.length)];
  const [from, to] = { train: [0, first], val: [first, second], test: [second, sorted.length] }[split];
  return new Set(Array.from(order.subarray(from, to), (i) => sorted[i]));
}
