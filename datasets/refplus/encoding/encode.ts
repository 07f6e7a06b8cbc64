/** Expressions as rows of numbers, and their vocabulary (papers/iep-ref.md#encoding). */
import { UserError } from "../../../engine/base/user_error.ts";
import { functionTokens, WORDS } from "../scenes/catalogue.ts";
import { asSet } from "../language/execute.ts";
import { flatten, type ProgramMode } from "./programs.ts";
import { readRefexps } from "../files/read.ts";
import type { EncodedRefexp } from "../files/refexp_file.ts";
import { TEMPLATE_FILES } from "../language/templates.ts";
import { encodeTokens, expandTable, TokenCounter, type Vocabulary, wordsOf } from "./tokens.ts";
import { readVocabulary } from "./vocabulary_file.ts";
import type { Refexp } from "../files/types.ts";

/** Options of the encoding of expressions. */
export interface EncodeOptions {
  /** Order in which programs are written. */
  readonly mode: ProgramMode;
  /** File of expressions. */
  readonly refexps: string;
  /** Vocabulary to read; where there is none it is built from the expressions. */
  readonly inputVocabulary?: string | undefined;
  /** True adds words that the vocabulary read lacks. */
  readonly expand: boolean;
  /** True builds a vocabulary of all words and program tokens of the format, seen or not. */
  readonly complete: boolean;
  /** Fewest occurrences of a word in a vocabulary. */
  readonly threshold: number;
  /** True encodes words outside the vocabulary as `<UNK>`; they are an error otherwise. */
  readonly encodeUnknown: boolean;
}

/**
 * Reads all expressions once: the vocabulary, how many there are, and whether they have programs.
 *
 * @throws {UserError} where there are none, or some have a program and others have not.
 */
export async function gatherVocabulary(
  options: EncodeOptions,
  onRead: (done: number) => void = () => {},
): Promise<{ vocabulary: Vocabulary; count: number; programs: boolean }> {
  const { refexps, mode, inputVocabulary, expand, threshold, complete } = options;
  const given = inputVocabulary ? await readVocabulary(inputVocabulary) : null;
  const words = new TokenCounter(), nodes = new TokenCounter();
  if (complete) {
    for (let i = 0; i < threshold; i++) words.add(WORDS);
    nodes.add(functionTokens());
  }
  let count = 0, programs = false;
  for await (const { refexp, program } of readRefexps(refexps)) {
    const has = program.length > 0;
    if (count === 0) programs = has;
    else if (has !== programs) {
      throw new UserError(
        `${refexps}: refexps.${count}.program: is ${has ? "there" : "missing"}, those before have ${
          programs ? "one" : "none"
        }`,
      );
    }
    words.add(wordsOf(refexp));
    if (has) nodes.add(flatten(program, mode) ?? []);
    if (++count % 1000 === 0) onRead(count);
  }
  if (count === 0) throw new UserError(`${refexps}: has no expressions`);
  const built: Vocabulary = {
    refexp_token_to_idx: words.table(threshold),
    program_token_to_idx: nodes.table(),
    answer_token_to_idx: null,
  };
  if (!given) return { vocabulary: built, count, programs };
  const table = given.refexp_token_to_idx;
  const expanded = expand ? expandTable(table, built.refexp_token_to_idx) : table;
  return { vocabulary: { ...given, refexp_token_to_idx: expanded }, count, programs };
}

/** The row of an expression, without its index and its mask. */
export function encodeRefexp(
  refexp: Refexp,
  { refexp_token_to_idx, program_token_to_idx }: Vocabulary,
  { mode, encodeUnknown }: EncodeOptions,
  where: string,
): Omit<EncodedRefexp, "original" | "mask"> {
  const alone = refexp.program.length === 0, tokens = alone ? [] : flatten(refexp.program, mode);
  if (!tokens) throw new UserError(`${where}: its program is no chain; give --mode prefix or postfix`);
  const words = wordsOf(refexp.refexp);
  if (words.length === 0) throw new UserError(`${where}.refexp: has no words`);
  const unknownWord = (word: string): never => {
    throw new UserError(
      `${where}: the word "${word}" is not in the vocabulary; give --encode_unk 1 or --expand_vocab 1`,
    );
  };
  const unknownNode = (token: string): never => {
    throw new UserError(`${where}: the program token ${token} is not in the vocabulary; build one from this file`);
  };
  return {
    refexp: encodeTokens(words, refexp_token_to_idx, encodeUnknown ? "encode" : unknownWord),
    program: alone ? [] : encodeTokens(tokens, program_token_to_idx, unknownNode),
    image: refexp.image_index,
    family: refexp.refexp_family_index,
    category: (TEMPLATE_FILES as readonly string[]).indexOf(refexp.template_filename),
  };
}

/** The objects an expression refers to, indices from 0. Throws {@link UserError} where its program lacks the output. */
export function answerOf({ program }: Refexp, where: string): readonly number[] {
  if (program.length === 0) throw new UserError(`${where}.program: is missing, so the answer is unknown`);
  const output = program.at(-1)!._output;
  if (output === undefined) {
    throw new UserError(
      `${where}: program.${program.length - 1}._output: is missing, so the answer is unknown`,
    );
  }
  return asSet(output);
}

/** A digest of a vocabulary: rows of numbers mean nothing with another one. */
export async function digest(vocabulary: Vocabulary): Promise<string> {
  const tables = [vocabulary.refexp_token_to_idx, vocabulary.program_token_to_idx];
  const text = JSON.stringify(tables.map((table) => Object.entries(table).sort(([, a], [, b]) => a - b)));
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
