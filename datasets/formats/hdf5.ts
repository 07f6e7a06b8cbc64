/** HDF5 files on disk: opened with clear errors, and data sets that grow by rows. */
import { resolve } from "node:path";
import {
  fellOver,
  type Hdf5Dataset,
  type Hdf5File,
  loadHdf5,
  OtherFileError,
  withoutOtherFiles,
} from "../../engine/base/packages/h5wasm.ts";
import { explainWriteError } from "../../engine/base/atomic.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { openFile } from "../../engine/base/files.ts";
import { hasBrokenHeap } from "./hdf5_heaps.ts";
import { isHdf5, statedSize, SUPERBLOCK } from "./hdf5_superblock.ts";

/** Arrays that a data set can hold here. */
export type Rows =
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>;

/** h5wasm's name of an array's type. */
function typeName(like: Rows): string {
  if (like instanceof Float32Array) return "<f";
  if (like instanceof Uint32Array) return "<I";
  return like instanceof Int32Array ? "<i" : like instanceof Uint8Array ? "<B" : "<q";
}

/** Throws {@link UserError} unless there is an HDF5 file as long as it says it is. */
async function requireWhole(path: string): Promise<void> {
  using file = await openFile(path);
  const start = new Uint8Array(SUPERBLOCK);
  const found = start.subarray(0, await file.read(start) ?? 0);
  if (!isHdf5(found)) throw new UserError(`${path}: is not an HDF5 file; make or download it again`, { path });
  const { size } = await file.stat();
  if (size < (statedSize(found) ?? 0)) throw new UserError(`${path}: is not whole; make or copy it again`, { path });
}

/** Bytes of rows that a file may hold beyond what its own bytes pack: deflate makes at most 1032 of one. */
const [UNPACKED, DEFLATE] = [16 * 2 ** 20, 1032];

/** Classes of HDF5's types that are numbers. */
const [INTEGER, FLOAT] = [0, 1];

/** Numbers of a data set as they are read. */
export type Numbers = ArrayLike<number> | ArrayLike<bigint>;

/** An open HDF5 file; closes itself at the end of its block. Every method throws {@link UserError} where the library fails. */
export class Hdf5 implements Disposable {
  readonly #file: Hdf5File;
  #open = true;
  /** True once something could not be written: what is on disk is worth nothing then. */
  #spoilt = false;
  #brokenHeap: boolean | null = null;
  /** Path of the file, as messages have it. */
  readonly path: string;

  private constructor(path: string, file: Hdf5File) {
    this.path = path;
    this.#file = file;
  }

  /** Begins a file; one that is there is emptied. The folder must exist. `named` is its path in messages. */
  static async create(path: string, named = path): Promise<Hdf5> {
    const { File } = await loadHdf5();
    try {
      await Deno.writeFile(path, new Uint8Array());
      return new Hdf5(named, new File(resolve(path), "w"));
    } catch (error) {
      throw fellOver(named, error) ?? explainWriteError(named, error);
    }
  }

  /**
   * Opens a file to read, or to append. `named` is its path in messages.
   *
   * @throws {UserError} when it is missing, no HDF5 file, cut short or damaged.
   */
  static async open(path: string, mode: "r" | "a" = "r", named = path): Promise<Hdf5> {
    await requireWhole(path);
    const { File } = await loadHdf5();
    try {
      const file = new File(resolve(path), mode);
      // What is in a file is looked at only when it is asked for.
      file.keys();
      return new Hdf5(named, file);
    } catch (cause) {
      throw fellOver(named, cause) ?? damaged(named, "", cause);
    }
  }

  /**
   * Adds a data set of no rows, to which {@link Hdf5.append} adds some; `chunk` is the shape that is stored as one. Numbers
   * that hardly shrink, such as features, are better not packed.
   */
  addRows(name: string, like: Rows, width: readonly number[], chunk: readonly number[], packed = true): void {
    this.#writing(name, () =>
      this.#file.create_dataset({
        name,
        data: like.subarray(0, 0) as Uint8Array,
        dtype: typeName(like),
        shape: [0, ...width],
        // Rows may become wider too: sequences are padded to the longest there is.
        maxshape: [null, ...width.map(() => null)],
        chunks: [...chunk],
        ...packed ? { compression: "gzip" as const, compression_opts: 4 } : {},
      }));
  }

  /** Appends rows of `width`; where it is larger than before, earlier rows are padded with zeros. */
  append(name: string, rows: Rows, count: number, width: readonly number[]): void {
    const dataset = this.#dataset(name);
    const [before, ...widths] = dataset.shape!;
    const wider = widths.map((w, i) => Math.max(w, width[i]));
    this.#writing(`${name}: row ${before}`, () => {
      dataset.resize([before + count, ...wider]);
      const region = [[before, before + count], ...width.map((w) => [0, w])] as [number, number][];
      // The library takes any typed array that fits the type; its declaration does not say so.
      dataset.write_slice(region, rows as unknown as Uint8Array);
    });
  }

  /** Extents of a data set, rows first. */
  shape(name: string): number[] {
    return this.#checked(name).shape!;
  }

  /** The numbers of rows `from` to `to` of a data set; by default all. */
  read(name: string, from = 0, to = Infinity): Numbers {
    const dataset = this.#checked(name), end = Math.min(to, dataset.shape![0]);
    try {
      return withoutOtherFiles(() => dataset.slice([[from, end]])) as Numbers;
    } catch (error) {
      const fallen = fellOver(this.path, error);
      if (fallen) throw fallen;
      if (error instanceof OtherFileError) throw this.#elsewhere(name, error);
      // Which row it is shows when they are read one by one.
      for (let row = from; row + 1 < end; row++) this.read(name, row, row + 1);
      throw this.#unreadable(`${name}: row ${Math.max(from, end - 1)}`, dataset, error);
    }
  }

  /** A data set of numbers that can be read here, and not of more than the file can hold. */
  #checked(name: string): Hdf5Dataset {
    const dataset = this.#dataset(name), { type, size, shape } = this.#looking(name, () => dataset.metadata);
    const place = `${this.path}: ${name}`;
    if (!shape || shape.length === 0 || (type !== INTEGER && type !== FLOAT)) {
      throw new UserError(`${place}: holds no rows of numbers`, { path: this.path });
    }
    if (type === FLOAT && size < 4) {
      throw new UserError(`${place}: has numbers of ${8 * size} bits; store them as float32`, { path: this.path });
    }
    const bytes = shape.reduce((product, extent) => product * extent, size);
    if (bytes > UNPACKED + DEFLATE * this.#size()) {
      throw new UserError(`${place}: claims ${bytes} bytes, more than the file can hold`, { path: this.path });
    }
    return dataset;
  }

  #size(): number {
    return Deno.statSync(this.#file.filename).size;
  }

  #dataset(name: string): Hdf5Dataset {
    const found: unknown = this.has(name) ? this.#looking(name, () => this.#file.get(name)) : null;
    if ((found as Hdf5Dataset | null)?.type !== "Dataset") {
      throw new UserError(`${this.path}: ${name}: there is no such data set`, { path: this.path });
    }
    return found as Hdf5Dataset;
  }

  /** True where there is a data set of that name. */
  has(name: string): boolean {
    return this.#looking(name, () => this.#file.keys()).includes(name);
  }

  /** Result of a look at what the file says of itself; the library may fail there too. */
  #looking<T>(name: string, look: () => T): T {
    try {
      return withoutOtherFiles(look);
    } catch (cause) {
      if (cause instanceof OtherFileError) throw this.#elsewhere(name, cause);
      throw fellOver(this.path, cause) ?? damaged(this.path, `${name}: `, cause);
    }
  }

  #elsewhere(name: string, { message }: OtherFileError): UserError {
    return new UserError(`${this.path}: ${name}: lies in another file, ${message}; store its numbers in this one`, {
      path: this.path,
    });
  }

  /** Sets an attribute of the whole file. */
  setAttribute(name: string, value: string | number): void {
    this.#writing(name, () => this.#file.create_attribute(name, value));
  }

  /** An attribute of the whole file; undefined where there is none. */
  attribute(name: string): unknown {
    return this.#looking(name, () => {
      // On files that are being written the library's own are still in memory.
      this.#brokenHeap ??= hasBrokenHeap(this.#file.filename);
      if (this.#brokenHeap) throw new Error("a heap of texts does not lead to its end");
      return this.#file.attrs[name]?.value;
    });
  }

  /** Closes the file, with all that was written on disk. */
  close(): void {
    if (!this.#open) return;
    if (this.#spoilt) return this.abandon();
    this.#open = false;
    this.#writing("closing", () => {
      this.#file.flush();
      this.#file.close();
    });
  }

  /** Closes a file that is worth nothing any more, whatever it says. */
  abandon(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.#file.close();
    } catch (error) {
      // Why it is worth nothing was reported when it happened.
      fellOver(this.path, error);
    }
  }

  /** Same as {@link Hdf5.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #writing(place: string, write: () => unknown): void {
    try {
      write();
    } catch (error) {
      this.#spoilt = true;
      const fallen = fellOver(this.path, error);
      if (fallen) throw fallen;
      const explained = explainWriteError(this.path, error);
      if (explained !== error) throw explained;
      throw new UserError(`${this.path}: ${place}: cannot be written (${reasonOf(error)})`, {
        path: this.path,
        cause: error,
      });
    }
  }

  #unreadable(place: string, dataset: Hdf5Dataset, cause: unknown): UserError {
    const filter = this.#looking(place, () => dataset.filters).find(({ id }) => !FILTERS.includes(id));
    const missing = filter && /filter/.test(String(cause));
    const why = missing
      ? `is packed by the filter ${filter.name || filter.id}, which is not here; store it with gzip or unpacked`
      : `cannot be read (${reasonOf(cause)}); make or copy the file again`;
    return new UserError(`${this.path}: ${place}: ${why}`, { path: this.path, cause });
  }
}

function damaged(path: string, place: string, cause: unknown): UserError {
  return new UserError(`${path}: ${place}is damaged; make or copy it again`, { path, cause });
}

/** Filters that the library has: deflate, shuffle, checksum, and packing of small numbers. */
const FILTERS: readonly number[] = [1, 2, 3, 5, 6];

/** The innermost of the reasons that the library lists. */
function reasonOf(error: unknown): string {
  const lines = String((error as Error)?.message ?? error).split("\n");
  const reason = lines.filter((line) => /^\s*#\d+/.test(line)).at(-1) ?? lines[0];
  return reason.replace(/^.*\(\): /, "").slice(0, 120).trim();
}
