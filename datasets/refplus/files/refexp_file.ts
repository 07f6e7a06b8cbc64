/**
 * The HDF5 file of encoded expressions: the reference's data sets by their names, but masks as bits
 * (papers/iep-ref.md#encoding).
 *
 * | data set | type | shape |
 * | --- | --- | --- |
 * | `refexps`, `programs` | int32 | [N, longest], `<START>` .. `<END>`, then `<NULL>` |
 * | `image_idxs`, `orig_idxs`, `refexp_families` | int64 | [N] |
 * | `refexp_categories` | int64 | [N], index among `TEMPLATE_FILES`, -1 for others; the reference has no such set |
 * | `answers` | uint8 | [N, height, width / 8]: bits, rows at whole bytes, the leftmost pixel the highest bit |
 *
 * Expressions that came without programs have neither `programs` nor `answers`.
 *
 * Attributes: `mode`, `width`, `height`, `source` (name of the JSON file) and `vocabulary` (a digest).
 */
import { UserError } from "../../../engine/base/user_error.ts";
import { Hdf5, type Rows } from "../../formats/hdf5.ts";
import { packedWidth, packMask, unpackMask } from "./mask.ts";

/** Settings of all rows of a file. */
export interface RefexpFileSettings {
  /** Order in which programs are written. */
  readonly mode: string;
  /** Width of the masks. */
  readonly width: number;
  /** Height of the masks. */
  readonly height: number;
  /** Name of the JSON file of expressions. */
  readonly source: string;
  /** Digest of the vocabulary. */
  readonly vocabulary: string;
}

/** One encoded expression. */
export interface EncodedRefexp {
  readonly refexp: readonly number[];
  /** Empty where the file holds words alone. */
  readonly program: readonly number[];
  readonly image: number;
  readonly original: number;
  readonly family: number;
  readonly category: number;
  /** [height, width] of 0 and 1; null where the file holds words alone. */
  readonly mask: Uint8Array | null;
}

const COLUMNS = {
  image_idxs: "image",
  orig_idxs: "original",
  refexp_families: "family",
  refexp_categories: "category",
} as const;

/** Begins a file without rows at `path`, `named` so in messages, and closes it; with `programs` false for words alone. */
export async function createRefexpFile(
  path: string,
  settings: RefexpFileSettings,
  { named = path, programs = true }: { readonly named?: string; readonly programs?: boolean } = {},
): Promise<void> {
  using file = await Hdf5.create(path, named);
  for (const [name, value] of Object.entries(settings)) file.setAttribute(name, value);
  for (const name of programs ? ["refexps", "programs"] : ["refexps"]) {
    file.addRows(name, new Int32Array(), [0], [256, 32]);
  }
  for (const name of Object.keys(COLUMNS)) file.addRows(name, new BigInt64Array(), [], [1024]);
  if (!programs) return;
  // One sample a chunk: they are read one by one, in any order.
  const packed = [settings.height, packedWidth(settings.width)];
  file.addRows("answers", new Uint8Array(), packed, [1, ...packed]);
}

/** Appends rows to an open file. */
export function appendRefexps(file: Hdf5, rows: readonly EncodedRefexp[], { width, height }: RefexpFileSettings): void {
  const sequences = (name: "refexp" | "program"): [Int32Array<ArrayBuffer>, number] => {
    const longest = Math.max(...rows.map((row) => row[name].length));
    const padded = new Int32Array(rows.length * longest);
    rows.forEach((row, i) => padded.set(row[name], i * longest));
    return [padded, longest];
  };
  const append = (name: string, data: Rows, shape: readonly number[]) => file.append(name, data, rows.length, shape);
  const programs = file.has("programs");
  for (const name of programs ? ["refexp", "program"] as const : ["refexp"] as const) {
    const [data, longest] = sequences(name);
    append(`${name}s`, data, [longest]);
  }
  for (const [name, field] of Object.entries(COLUMNS)) {
    append(name, BigInt64Array.from(rows, (row) => BigInt(row[field])), []);
  }
  if (!programs) return;
  const bytes = height * packedWidth(width);
  const answers = new Uint8Array(rows.length * bytes);
  rows.forEach((row, i) => answers.set(packMask(row.mask!, width), i * bytes));
  append("answers", answers, [height, packedWidth(width)]);
}

/** The settings a file was made with; null where it lacks some, as the reference's own files do. */
export function settingsOf(file: Hdf5): RefexpFileSettings | null {
  const names = ["mode", "width", "height", "source", "vocabulary"] as const;
  const found = Object.fromEntries(names.map((name) => [name, file.attribute(name)]));
  if (names.some((name) => found[name] === undefined)) return null;
  return { ...found, width: Number(found.width), height: Number(found.height) } as RefexpFileSettings;
}

/**
 * Encoded expressions, all in memory but their masks. Reads the reference's own files too.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const folder = await Deno.makeTempDir(), output = `${folder}/val.h5`;
 * await refplus.generateRefPlus(folder, { split: "val", images: 1, refexpsPerImage: 2, maxObjects: 3 });
 * const files = { ...refplus.refPlusFiles(folder, "val"), output, outputVocabulary: `${folder}/vocabulary.json` };
 * const settings = { mode: "prefix", examples: -1, width: 48, height: 32, threshold: 1 } as const;
 * const others = { expand: false, complete: false, encodeUnknown: false };
 * await refplus.preprocessRefexps({ ...files, ...settings, ...others });
 *
 * using file = await refplus.RefexpFile.open(output);
 * strictEqual(file.size, 2);
 * deepStrictEqual([...file.images], [0, 0]);
 * strictEqual(file.mask(1).length, 32 * 48);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class RefexpFile implements Disposable {
  readonly #file: Hdf5;
  readonly #packed: boolean;
  /** Number of expressions. */
  readonly size: number;
  /** True where there are neither programs nor masks. */
  readonly wordsAlone: boolean;
  /** Words of the expressions [size, refexpLength], row-major. */
  readonly refexps: Int32Array;
  /** Tokens of the programs [size, programLength], row-major. */
  readonly programs: Int32Array;
  /** Length that expressions are padded to. */
  readonly refexpLength: number;
  /** Length that programs are padded to. */
  readonly programLength: number;
  /** Row of each expression's picture in the file of features, [size]. */
  readonly images: Int32Array;
  /** Index in the JSON file of expressions, [size]. */
  readonly originals: Int32Array;
  /** Index of the template in its file, [size]. */
  readonly families: Int32Array;
  /** Index of the category among `TEMPLATE_FILES`, [size], -1 where it is unknown. */
  readonly categories: Int32Array;
  /** Width of the masks. */
  readonly width: number;
  /** Height of the masks. */
  readonly height: number;
  /** Settings it was made with; null for the reference's files. */
  readonly settings: RefexpFileSettings | null;

  private constructor(file: Hdf5) {
    this.#file = file;
    this.settings = settingsOf(file);
    const sequences = (name: string): [Int32Array, number] => {
      const [count, length = 1] = file.shape(name);
      return [numbersOf(file, name, count * length), length];
    };
    [this.refexps, this.refexpLength] = sequences("refexps");
    this.wordsAlone = !file.has("programs") && !file.has("answers");
    [this.programs, this.programLength] = this.wordsAlone ? [new Int32Array(), 0] : sequences("programs");
    this.size = file.shape("refexps")[0];
    const rowsOf = (name: string): number => {
      const [count] = file.shape(name);
      if (count === this.size) return count;
      throw new UserError(`${file.path}: ${name}: has ${count} rows, refexps ${this.size}`, { path: file.path });
    };
    const column = (name: string): Int32Array =>
      file.has(name) ? numbersOf(file, name, rowsOf(name)) : new Int32Array(this.size).fill(-1);
    this.images = column("image_idxs");
    this.originals = column("orig_idxs");
    this.families = column("refexp_families");
    this.categories = column("refexp_categories");
    this.#packed = this.settings !== null;
    if (this.wordsAlone) {
      ({ height: this.height, width: this.width } = this.settings ?? { height: 0, width: 0 });
      return;
    }
    const [, height, width] = file.shape("answers");
    this.height = height;
    this.width = this.settings?.width ?? width;
    for (const name of ["programs", "answers"]) rowsOf(name);
    if (this.settings && (packedWidth(this.settings.width) !== width || this.settings.height !== height)) {
      throw new UserError(`${file.path}: answers: has other sizes than its settings say; encode it again`);
    }
  }

  /**
   * Opens a file, `named` so in messages.
   *
   * @throws {UserError} when it is missing, or lacks a data set.
   */
  static async open(path: string, named = path): Promise<RefexpFile> {
    const file = await Hdf5.open(path, "r", named);
    try {
      return new RefexpFile(file);
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  /** The mask of expression `index`, [height, width] of 0 and 1. */
  mask(index: number): Uint8Array<ArrayBuffer> {
    const stored = this.#file.read("answers", index, index + 1) as Uint8Array | Float64Array;
    // The reference's masks are interpolated, and cut to integers when they are loaded.
    return this.#packed ? unpackMask(stored as Uint8Array, this.width) : Uint8Array.from(stored, Math.trunc);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** Integers of any width as int32. Throws {@link UserError} for one that would become another. */
function numbersOf(file: Hdf5, name: string, length: number): Int32Array {
  const found = file.read(name);
  return Int32Array.from({ length }, (_, i) => {
    const value = Number(found[i]);
    if (value === (value | 0)) return value;
    throw new UserError(
      `${file.path}: ${name}: ${found[i]} is no whole number of 32 bits; preprocess the expressions anew`,
      {
        path: file.path,
      },
    );
  });
}
