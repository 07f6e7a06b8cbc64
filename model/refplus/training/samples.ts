/** Expressions with their pictures' features, as batches for both models. */
import { UserError } from "../../../engine/base/user_error.ts";
import { digest } from "../../../datasets/refplus/encoding/encode.ts";
import { FeatureFile, UNKNOWN_EXTRACTOR } from "../../../datasets/refplus/files/feature_file.ts";
import { RefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import { NULL, START, tokenList, UNKNOWN, type Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import type { Device, Tensor } from "../../../engine/mod.ts";
import { type Sequences } from "../generator/program_generator.ts";
import { isWhole, parsePrefix, ProgramTokens, type ProgramTree } from "../engine/program_tree.ts";

/** An opened split. */
export class Samples implements Disposable {
  readonly #refexps: RefexpFile;
  readonly #features: FeatureFile | null;
  /** Number of expressions used. */
  readonly size: number;

  private constructor(refexps: RefexpFile, features: FeatureFile | null, size: number) {
    this.#refexps = refexps;
    this.#features = features;
    this.size = size;
  }

  /**
   * Opens a split; uses only the first `limit` expressions.
   *
   * @throws {UserError} when a file is missing or empty, or was encoded with another vocabulary.
   */
  static async open(
    refexps: string,
    features: string | null,
    vocabulary: Vocabulary,
    limit: number | null = null,
  ): Promise<Samples> {
    const opened = await RefexpFile.open(refexps);
    try {
      if (opened.wordsAlone) {
        throw new UserError(
          `${refexps}: holds words alone, its expressions came without programs; give expressions that have them`,
          { path: refexps },
        );
      }
      if (opened.size === 0) throw new UserError(`${refexps}: has no expressions`, { path: refexps });
      if (opened.settings && opened.settings.vocabulary !== await digest(vocabulary)) {
        throw new UserError(`${refexps}: was encoded with another vocabulary; preprocess it with this one`);
      }
      if (opened.settings && opened.settings.mode !== "prefix") {
        throw new UserError(
          `${refexps}: has its programs in ${opened.settings.mode} order; preprocess it with --mode prefix`,
        );
      }
      checkTokens(refexps, "refexps", opened.refexps, opened.refexpLength, vocabulary.refexp_token_to_idx);
      checkTokens(refexps, "programs", opened.programs, opened.programLength, vocabulary.program_token_to_idx);
      const size = Math.min(opened.size, limit ?? Infinity);
      checkPrograms(refexps, opened, size, vocabulary);
      return new Samples(opened, features === null ? null : await openFeatures(features, refexps, opened, size), size);
    } catch (error) {
      opened[Symbol.dispose]();
      throw error;
    }
  }

  /** Channels, rows and columns of the features; null where there are none. */
  get shape(): readonly [number, number, number] | null {
    return this.#features?.settings.shape ?? null;
  }

  /** Name of the extractor that made the features. */
  get extractor(): string {
    return this.#features?.settings.extractor ?? UNKNOWN_EXTRACTOR;
  }

  /** Height and width of the masks. */
  get maskSize(): readonly [number, number] {
    return [this.#refexps.height, this.#refexps.width];
  }

  /** Index of each expression's category among the template files, −1 where it is unknown. */
  get categories(): Int32Array {
    return this.#refexps.categories;
  }

  /** Pictures of expressions, as scenes and features number them. */
  pictures(indices: readonly number[]): number[] {
    return indices.map((index) => this.#refexps.images[index]);
  }

  /** Index of each expression in its JSON file. */
  get originals(): Int32Array {
    return this.#refexps.originals;
  }

  /** Words of an expression, special tokens included; nodes of its program, special tokens not. */
  lengths(index: number): { readonly words: number; readonly nodes: number } {
    const used = (data: Int32Array, length: number): number =>
      data.subarray(index * length, (index + 1) * length).findLastIndex((token) => token !== NULL) + 1;
    const { refexps, refexpLength, programs, programLength } = this.#refexps;
    return { words: used(refexps, refexpLength), nodes: used(programs, programLength) - 2 };
  }

  /** Occurrences of each of `tokens` program tokens. */
  tokenCounts(tokens: number): Uint32Array {
    const { programs, programLength } = this.#refexps, counts = new Uint32Array(tokens);
    for (const token of programs.subarray(0, this.size * programLength)) counts[token]++;
    return counts;
  }

  /** Expressions, padded to the longest of them. */
  words(indices: readonly number[]): Sequences {
    return rows(this.#refexps.refexps, this.#refexps.refexpLength, indices);
  }

  /** Programs, padded to the longest of them. */
  programs(indices: readonly number[]): Sequences {
    return rows(this.#refexps.programs, this.#refexps.programLength, indices);
  }

  /** Annotated programs to run. */
  trees(indices: readonly number[], tokens: ProgramTokens): ProgramTree[] {
    return treesOf(this.programs(indices), tokens);
  }

  /** Features [count, rows, columns, channels] of the expressions' pictures. */
  features(device: Device, indices: readonly number[]): Tensor {
    const [channels, height, width] = this.#features!.settings.shape;
    const each = channels * height * width, data = new Float32Array(indices.length * each);
    indices.forEach((index, i) => data.set(this.#features!.row(this.#refexps.images[index]), i * each));
    return device.tensor(data, [indices.length, height, width, channels]);
  }

  /** Masks [count · height · width] of 0 and 1. */
  masks(indices: readonly number[]): Int32Array<ArrayBuffer> {
    const [height, width] = this.maskSize;
    const data = new Int32Array(indices.length * height * width);
    indices.forEach((index, i) => data.set(this.#refexps.mask(index), i * height * width));
    return data;
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    this.#refexps[Symbol.dispose]();
    this.#features?.[Symbol.dispose]();
  }
}

/** The reference's files do not name their vocabulary; a token outside this one shows that they have another. */
function checkTokens(
  path: string,
  name: string,
  tokens: Int32Array,
  length: number,
  table: Readonly<Record<string, number>>,
): void {
  const size = Object.keys(table).length, at = tokens.findIndex((token) => token < 0 || token >= size);
  if (at < 0) return;
  throw new UserError(
    `${path}: ${name}.${Math.floor(at / length)} has the token ${tokens[at]} of a vocabulary of ${size}; ` +
      "preprocess it with this one",
  );
}

/** The reference's files do not say in which order they have programs, and only one can be run. */
function checkPrograms(path: string, file: RefexpFile, size: number, vocabulary: Vocabulary): void {
  const tokens = new ProgramTokens(tokenList(vocabulary.program_token_to_idx));
  const { programs, programLength: length } = file;
  for (let i = 0; i < size; i++) {
    const row = programs.subarray(i * length, (i + 1) * length);
    const used = [...row.subarray(row[0] === START ? 1 : 0, row.findLastIndex((token) => token !== NULL) + 1)];
    if (isWhole(used, tokens) || used.includes(UNKNOWN)) continue;
    throw new UserError(
      `${path}: programs.${i} is no program in prefix order; preprocess the expressions with --mode prefix`,
      { path },
    );
  }
}

/** Features with a row for each picture of the first `size` expressions. */
async function openFeatures(path: string, refexps: string, file: RefexpFile, size: number): Promise<FeatureFile> {
  const features = await FeatureFile.open(path), { images } = file;
  for (let i = 0; i < size; i++) {
    if (images[i] >= 0 && images[i] < features.size) continue;
    features[Symbol.dispose]();
    throw new UserError(
      `${path}: has features of ${features.size} pictures, ${refexps} asks for picture ${images[i]}; extract them all`,
      { path },
    );
  }
  return features;
}

/** Token sequences as programs to run, with `<START>` in front or without. */
export function treesOf({ data, count, length }: Sequences, tokens: ProgramTokens): ProgramTree[] {
  return Array.from({ length: count }, (_, n) => {
    const row = data.subarray(n * length, (n + 1) * length);
    return parsePrefix(row[0] === START ? row.subarray(1) : row, tokens);
  });
}

function rows(data: Int32Array, length: number, indices: readonly number[]): Sequences {
  const all = indices.map((index) => data.subarray(index * length, (index + 1) * length));
  const longest = Math.max(...all.map((row) => row.findLastIndex((token) => token !== NULL) + 1));
  const out = new Int32Array(indices.length * longest);
  all.forEach((row, i) => out.set(row.subarray(0, longest), i * longest));
  return { data: out, count: indices.length, length: longest };
}
