/**
 * The HDF5 file of features: `features`, float32 [N, channels, rows, columns], a row a picture, as the reference has it
 * (papers/iep-ref.md#features). The attribute `extractor` names what made it; the reference's own files lack it.
 */
import { UserError } from "../../../engine/base/user_error.ts";
import { Hdf5 } from "../../formats/hdf5.ts";

/** Name of the extractor where a file does not have one, as the reference's files. */
export const UNKNOWN_EXTRACTOR = "unknown";

/** Extractor and shape of all rows of a file. */
export interface FeatureSettings {
  /** Name and settings of the extractor that made them. */
  readonly extractor: string;
  /** Channels, rows, columns. */
  readonly shape: readonly [number, number, number];
}

const NAME = "features";

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
}

/** Appends rows [count, channels, rows, columns] to an open file. */
export function appendFeatures(file: Hdf5, data: Float32Array<ArrayBuffer>, shape: readonly number[]): void {
  file.append(NAME, data, data.length / shape.reduce((a, b) => a * b, 1), shape);
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

  private constructor(file: Hdf5) {
    this.#file = file;
    const [size, ...shape] = file.shape(NAME);
    if (shape.length !== 3) throw new UserError(`${file.path}: ${NAME} has ${shape.length + 1} axes, 4 are wanted`);
    this.size = size;
    this.settings = {
      extractor: String(file.attribute("extractor") ?? UNKNOWN_EXTRACTOR),
      shape: shape as [number, number, number],
    };
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

  /** The features of a picture as the file holds them, [channels, rows, columns]. */
  stored(index: number): Float32Array {
    const found = this.#file.read(NAME, index, index + 1);
    return found instanceof Float32Array ? found : Float32Array.from(found as ArrayLike<number>, Number);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
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
