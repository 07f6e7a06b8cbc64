/** Vocabulary files, with the reference's names of tables. */
import { countLines, readJson } from "../../../engine/base/json_text.ts";
import { readText } from "../../../engine/base/files.ts";
import { z } from "../../../engine/base/packages/zod.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { SPECIAL_TOKENS, type Vocabulary } from "./tokens.ts";

/** A record leaves this key out, whatever stands under it. */
const kept = z.unknown().refine((table) => !Object.hasOwn(Object(table), "__proto__"), "__proto__ is no token");

const tableSchema = kept.pipe(z.record(z.string(), z.int().min(0))).superRefine((table, context) => {
  SPECIAL_TOKENS.forEach((token, i) => {
    if (table[token] !== i) context.addIssue({ code: "custom", path: [token], message: `must be ${i}` });
  });
  const size = Object.keys(table).length;
  const indices = new Set(Object.values(table));
  if (indices.size !== size || [...indices].some((index) => index >= size)) {
    context.addIssue({ code: "custom", path: [], message: `indices must be 0..${size - 1}, each once` });
  }
});
const vocabularySchema = z.object({ refexp_token_to_idx: tableSchema, program_token_to_idx: tableSchema });

/**
 * Reads a vocabulary file.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const special = Object.fromEntries(refplus.SPECIAL_TOKENS.map((token, i) => [token, i]));
 * const vocabulary = { refexp_token_to_idx: { ...special, ball: 4 }, program_token_to_idx: { ...special, scene: 4 } };
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, JSON.stringify(vocabulary));
 * strictEqual((await refplus.readVocabulary(file)).refexp_token_to_idx.ball, 4);
 * await Deno.remove(file);
 * ```
 *
 * @throws {UserError} naming the file and the field that is wrong.
 */
export async function readVocabulary(file: string): Promise<Vocabulary> {
  const text = await readText(file);
  const read = readJson(text);
  if ("fault" in read) {
    const { at, reason } = read.fault, line = 1 + countLines(text, at);
    throw new UserError(
      `${file}: is not whole JSON (line ${line}: ${reason}); make it again with itera refplus preprocess`,
      { path: file },
    );
  }
  const parsed = vocabularySchema.safeParse(read.value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`${file}: ${issue.path.join(".") || "the file"}: ${issue.message}`, { path: file });
  }
  return { ...parsed.data, answer_token_to_idx: null };
}
