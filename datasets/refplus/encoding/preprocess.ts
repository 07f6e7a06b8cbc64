/** Encodes expressions for training: vocabulary, token sequences and masks (papers/iep-ref.md#encoding). */
import { basename } from "node:path";
import { explainWriteError, removePartialsOf, writeFileAtomic } from "../../../engine/base/atomic.ts";
import { crc32c } from "../../../engine/base/crc32c.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { Hdf5 } from "../../formats/hdf5.ts";
import { answerOf, digest, type EncodeOptions, encodeRefexp, gatherVocabulary } from "./encode.ts";
import {
  beginOutput,
  findOutput,
  type Found,
  publishOutput,
  saveOutput,
  type Written,
} from "../files/output_copies.ts";
import { OutputLock } from "../files/output_lock.ts";
import { readRefexps } from "../files/read.ts";
import { appendRefexps, type EncodedRefexp, type RefexpFileSettings } from "../files/refexp_file.ts";
import { SceneMasks } from "../files/scene_masks.ts";
import type { Vocabulary } from "./tokens.ts";

/** Files and sizes of an encoding, as in the reference's flags. */
export interface PreprocessOptions extends EncodeOptions {
  /** Scene file; expressions without programs need none. */
  readonly scenes?: string | undefined;
  /** Expressions to encode, -1 for all. */
  readonly examples: number;
  /** Height of the masks. */
  readonly height: number;
  /** Width of the masks. */
  readonly width: number;
  /** File to write. */
  readonly output: string;
  /** File of the vocabulary to write. */
  readonly outputVocabulary?: string | undefined;
  /** Rows after which an interrupted run can go on; default 20,000. */
  readonly saveEvery?: number;
  /** Called with the number of expressions read, then encoded. */
  readonly onProgress?: (stage: "reading" | "encoding", done: number, of: number) => void;
}

/** Result of an encoding. */
export interface Preprocessed {
  /** Rows of the file. */
  readonly rows: number;
  /** Rows that are new. */
  readonly added: number;
  /** Words of the vocabulary. */
  readonly words: number;
  /** Program tokens of the vocabulary. */
  readonly programTokens: number;
}

/** Rows written at once. */
const BATCH = 500;

/**
 * Writes the vocabulary and the encoded expressions. Appends to a file that holds the first of them, and goes on where an
 * interrupted run stopped; only a whole file gets the output's name.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const folder = await Deno.makeTempDir();
 * await refplus.generateRefPlus(folder, { split: "val", images: 1, refexpsPerImage: 2, maxObjects: 3 });
 * const { rows, programTokens } = await refplus.preprocessRefexps({
 *   ...refplus.refPlusFiles(folder, "val"),
 *   mode: "prefix",
 *   examples: -1,
 *   width: 48,
 *   height: 32,
 *   output: `${folder}/val.h5`,
 *   outputVocabulary: `${folder}/vocabulary.json`,
 *   expand: false,
 *   complete: true, // all words and tokens of the format: 56 functions and 4 special tokens
 *   threshold: 1,
 *   encodeUnknown: false,
 * });
 * deepStrictEqual([rows, programTokens], [2, 60]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @throws {UserError} for broken or missing input, unknown words, or an output that other settings made or another process
 * is making.
 */
export async function preprocessRefexps(options: PreprocessOptions): Promise<Preprocessed> {
  const { output, refexps, onProgress } = options;
  if (!options.inputVocabulary && !options.outputVocabulary) {
    throw new UserError(
      "give --input_vocab_json or --output_vocab_json: the vocabulary must come from or go somewhere",
    );
  }
  if (options.expand && !options.outputVocabulary) {
    throw new UserError("--expand_vocab 1 needs --output_vocab_json: the words it adds must go somewhere");
  }
  // First of all, so that an output that cannot be made is reported at once.
  using _lock = await OutputLock.take(output);
  const { vocabulary, count, programs } = await gatherVocabulary(
    options,
    (done) => onProgress?.("reading", done, done),
  );
  const total = options.examples === -1 ? count : Math.min(count, options.examples);
  const settings: RefexpFileSettings = {
    mode: options.mode,
    width: options.width,
    height: options.height,
    source: basename(refexps),
    vocabulary: await digest(vocabulary),
  };
  const found = await findOutput(output, settings);
  if (found.rows > total) {
    throw new UserError(`${output}: has ${found.rows} rows already, ${total} are asked for; choose another name`);
  }
  if (found.rows > 0 && found.wordsAlone === programs) {
    const [has, wanted] = programs ? ["words alone", "programs"] : ["programs", "none"];
    throw new UserError(`${output}: holds ${has}, ${refexps} has ${wanted}; choose another name`);
  }
  if (programs && options.scenes === undefined) {
    throw new UserError(
      `${refexps}: has programs, whose answers are masks of scenes; give these by --input_scenes_json`,
    );
  }
  if (options.outputVocabulary) await writeVocabulary(options.outputVocabulary, vocabulary);
  if (found.whole < total) await encodeAll(options, settings, { vocabulary, programs }, found, total);
  return {
    rows: total,
    added: total - found.whole,
    words: Object.keys(vocabulary.refexp_token_to_idx).length,
    programTokens: Object.keys(vocabulary.program_token_to_idx).length,
  };
}

async function writeVocabulary(path: string, vocabulary: Vocabulary): Promise<void> {
  await removePartialsOf(path);
  await writeFileAtomic(path, JSON.stringify(vocabulary) + "\n");
}

/** Brings the file from the rows that were found to `total`. */
async function encodeAll(
  options: PreprocessOptions,
  settings: RefexpFileSettings,
  { vocabulary, programs }: { readonly vocabulary: Vocabulary; readonly programs: boolean },
  found: Found,
  total: number,
): Promise<void> {
  const { output, refexps, saveEvery = 20_000, onProgress } = options;
  const path = await beginOutput(output, found, settings, programs);
  let file = await Hdf5.open(path, "a", output);
  let crc = 0, original = 0, from = found.rows;
  const written = (): Written => ({ from, to: original, crc });
  try {
    await using masks = programs ? new SceneMasks(options.scenes!, options.width, options.height) : null;
    let sinceSaved = 0, batch: EncodedRefexp[] = [];
    for await (const refexp of readRefexps(refexps)) {
      if (original >= total) break;
      const where = `${refexps}: refexps.${original}`;
      if (original >= found.rows - 1) {
        const row = encodeRefexp(refexp, vocabulary, options, where);
        if (original < found.rows) checkLast(found, row, where, output);
        else {
          const mask = masks ? await masks.union(refexp.image_index, answerOf(refexp, where), where) : null;
          batch.push({ ...row, original, mask });
        }
      }
      original++;
      if (batch.length === 0 || (batch.length < BATCH && original < total)) continue;
      appendRefexps(file, batch, settings);
      for (const { mask } of batch) if (mask) crc = crc32c(mask, crc);
      sinceSaved += batch.length;
      batch = [];
      onProgress?.("encoding", original, total);
      if (sinceSaved < saveEvery || original === total) continue;
      file.close();
      await saveOutput(output, written());
      file = await Hdf5.open(path, "a", output);
      from = original;
      crc = sinceSaved = 0;
    }
    // A second scene of a picture may come after all that were asked for.
    if (options.examples === -1) await masks?.readRest();
    file.close();
    await publishOutput(output, written());
  } catch (error) {
    file.abandon();
    await Deno.remove(path).catch(() => {});
    throw explainWriteError(output, error);
  }
}

/** Throws {@link UserError} where the last row encoded before differs from the expression at its index now. */
function checkLast(
  { last }: Found,
  now: Omit<EncodedRefexp, "original" | "mask">,
  where: string,
  output: string,
): void {
  const same = last!.image === now.image && last!.refexp.every((token, i) => token === (now.refexp[i] ?? 0));
  if (!same) {
    throw new UserError(`${where}: is not what ${output} holds there; remove that file or choose another name`);
  }
}
