/**
 * The HDF5 file of features: `features`, float32 [N, channels, rows, columns], a row a picture, as the reference has it
 * (papers/iep-ref.md#features). The attribute `extractor` names what made it, and `checksums`, uint32 [N], has the checksum of
 * each row; the reference's own files lack both.
 */
import { UserError } from "../../../engine/base/user_error.ts";
import { Hdf5 } from "../../formats/hdf5.ts";
import { CHECKSUM, rowChecksum } from "./row_checksum.ts";

/** Name of the extractor where a file does not have one, as the reference's files. */
export const UNKNOWN_EXTRACTOR = "unknown";

/** Extractor and shape of all rows of a file. */
export interface FeatureSettings {
  /** Name and settings of the extractor that made them. */
  readonly extractor: string;
  /** Channels, rows, columns. */
  readonly shape: readonly [number, number, number];
}

const [NAME, CHECKSUMS] = ["features", "checksums"];

/** Attribute of a file that has checksums: one that names it and has none is damaged. */
const ATTRIBUTE = "checksum";

/** Bytes of rows kept in memory once they were read. */
const CACHE = 1 << 30;

/** Begins a file without rows at `path`, `named` so in messages, and closes it. */
export async function createFeatureFile(
  path: string,
  { extractor, shape }: FeatureSettings,
  named = path,
): Promise<void> {
  using file = await Hdf5.create(path, named);
  file.setAttribute("extractor", extractor);
  file.addRows(NAME, new Float32Array(), shape, [1, ...shape], false);
  addChecksums(file);
}

/**
 * Appends rows [count, channels, rows, columns] to an open file, and their checksums. A file of before there were any gets
 * those of all its rows, as they are.
 */
export function appendFeatures(
  file: Hdf5,
  data: Float32Array<ArrayBuffer>,
  { extractor, shape }: FeatureSettings,
): void {
  const length = shape.reduce((a, b) => a * b, 1), [before] = file.shape(NAME);
  if (!file.has(CHECKSUMS)) {
    addChecksums(file);
    for (let row = 0; row < before; row++) appendChecksums(file, read(file, row), { extractor, shape }, row);
  }
  file.append(NAME, data, data.length / length, shape);
  appendChecksums(file, data, { extractor, shape }, before);
}

function addChecksums(file: Hdf5): void {
  file.addRows(CHECKSUMS, new Uint32Array(), [], [1024]);
  file.setAttribute(ATTRIBUTE, CHECKSUM);
}

function appendChecksums(file: Hdf5, data: Float32Array, settings: FeatureSettings, from: number): void {
  const length = settings.shape.reduce((a, b) => a * b, 1);
  const sums = Uint32Array.from(
    { length: data.length / length },
    (_, i) => rowChecksum(data.subarray(i * length, (i + 1) * length), settings, from + i),
  );
  file.append(CHECKSUMS, sums, sums.length, []);
}

function read(file: Hdf5, row: number): Float32Array {
  const found = file.read(NAME, row, row + 1);
  return found instanceof Float32Array ? found : Float32Array.from(found as ArrayLike<number>, Number);
}

/** An open file of features. */
export class FeatureFile implements Disposable {
  readonly #file: Hdf5;
  readonly #cached = new Map<number, Float32Array<ArrayBuffer>>();
  readonly #most: number;
  /** Number of pictures. */
  readonly size: number;
  /** Extractor and shape; the reference's files do not name the extractor. */
  readonly settings: FeatureSettings;
  /** Checksum of each row; null in files of before there were any, and in the reference's. */
  readonly checksums: Uint32Array | null;

  private constructor(file: Hdf5) {
    this.#file = file;
    const [size, ...shape] = file.shape(NAME);
    if (shape.length !== 3) throw new UserError(`${file.path}: ${NAME} has ${shape.length + 1} axes, 4 are wanted`);
    this.size = size;
    this.settings = {
      extractor: String(file.attribute("extractor") ?? UNKNOWN_EXTRACTOR),
      shape: shape as [number, number, number],
    };
    this.checksums = checksumsOf(file, size);
    this.#most = Math.floor(CACHE / (4 * shape.reduce((a, b) => a * b, 1)));
  }

  /**
   * Opens a file, `named` so in messages.
   *
   * @throws {UserError} when it is missing, or holds no features.
   */
  static async open(path: string, named = path): Promise<FeatureFile> {
    const file = await Hdf5.open(path, "r", named);
    try {
      return new FeatureFile(file);
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * The features of a picture with channels last, [rows, columns, channels]; not to be changed.
   *
   * @throws {UserError} when there is no such row.
   */
  row(index: number): Float32Array<ArrayBuffer> {
    const kept = this.#cached.get(index);
    if (kept) return kept;
    if (index >= this.size) {
      throw new UserError(
        `${this.#file.path}: has ${this.size} pictures, number ${index} is asked for; extract them all`,
      );
    }
    const made = channelsLast(this.stored(index), this.settings.shape);
    if (this.#cached.size < this.#most) this.#cached.set(index, made);
    return made;
  }

  /**
   * The features of a picture as the file holds them, [channels, rows, columns].
   *
   * @throws {UserError} when they do not fit their checksum, or one of them is not finite.
   */
  stored(index: number): Float32Array {
    const found = read(this.#file, index), wrong = found.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) {
      throw new UserError(`${this.#file.path}: ${NAME}: row ${index} holds ${wrong}; extract the features anew`, {
        path: this.#file.path,
      });
    }
    if (!this.checksums || rowChecksum(found, this.settings, index) === this.checksums[index]) return found;
    throw new UserError(
      `${this.#file.path}: ${NAME}: row ${index} does not fit its checksum, so the file is damaged; make or copy it again`,
      { path: this.#file.path },
    );
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** The checksums of a file's rows; null where it has none. Throws {@link UserError} where it lost them or has too few. */
function checksumsOf(file: Hdf5, size: number): Uint32Array | null {
  const named = file.attribute(ATTRIBUTE), there = file.has(CHECKSUMS);
  if (named === undefined && !there) return null;
  const damaged = (what: string): UserError =>
    new UserError(`${file.path}: ${what}, so it is damaged; make or copy it again`, { path: file.path });
  if (!there || named === undefined) throw damaged("has lost its checksums");
  if (named !== CHECKSUM) throw damaged(`has checksums by "${named}", not ${CHECKSUM}`);
  const sums = file.read(CHECKSUMS);
  if (sums instanceof Uint32Array && sums.length === size) return sums;
  throw damaged(`has ${sums.length} checksums for ${size} rows`);
}

/** [channels, rows, columns] as [rows, columns, channels]. */
export function channelsLast(data: Float32Array, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const [channels] = shape, plane = data.length / channels;
  const out = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) for (let at = 0; at < plane; at++) out[at * channels + c] = data[c * plane + at];
  return out;
}

/** [rows, columns, channels] as [channels, rows, columns]. */
export function channelsFirst(data: Float32Array, channels: number): Float32Array<ArrayBuffer> {
  return channelsLast(data, [data.length / channels]);
}
