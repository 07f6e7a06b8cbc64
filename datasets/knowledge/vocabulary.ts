/** Class names from a text file, as ADE20K's lists are. */
import { firstRepeated } from "../../engine/base/repeated.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { readAnyLines } from "../formats/text.ts";
import { BACKGROUND } from "../types.ts";

/** Fewest instances of a class that is kept where counts are given. */
export const MIN_COUNT = 5;

/**
 * Reads one name a line (blanks become underscores) and puts the background first. With `counts`, an aligned file of
 * instance counts, ADE20K's rule holds: line 0 is dropped, and so are names with fewer than `minCount`
 * (papers/iterative-reasoning.md#ade20k).
 *
 * @throws {UserError} naming the file.
 */
export async function readVocabulary(path: string, counts?: string, minCount = MIN_COUNT): Promise<string[]> {
  const names = (await readAnyLines(path)).map((name) => name.replaceAll(" ", "_"));
  let kept = names;
  if (counts !== undefined) {
    const numbers = (await readAnyLines(counts)).map(Number);
    if (numbers.length !== names.length || numbers.some((n) => !Number.isInteger(n))) {
      throw new UserError(`${counts}: wanted ${names.length} whole numbers, one for each line of ${path}`);
    }
    kept = names.filter((_, i) => i > 0 && numbers[i] >= minCount);
  }
  if (kept.length === 0) throw new UserError(`${path}: holds no class names`);
  const twice = firstRepeated([BACKGROUND, ...kept]);
  if (twice !== undefined) throw new UserError(`${path}: "${twice}" is there twice`);
  return [BACKGROUND, ...kept];
}
