/** HDF5 files on disk: opened with clear errors, and data sets that grow by rows. */
import { resolve } from "node:path";
import { type Hdf5Dataset, type Hdf5File, loadHdf5 } from "../../engine/base/packages/h5wasm.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { openFile } from "../../engine/base/files.ts";
import { isHdf5, statedSize, SUPERBLOCK } from "./hdf5_superblock.ts";

/** Arrays that a data set can hold here. */
export type Rows =
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>;

/** h5wasm's name of an array's type. */
function typeName(like: Rows): string {
  if (like instanceof Float32Array) return "<f";
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

/** An open HDF5 file; closes itself at the end of its block. */
export class Hdf5 implements Disposable {
  readonly #file: Hdf5File;
  #open = true;
  /** Path of the file. */
  readonly path: string;

  private constructor(path: string, file: Hdf5File) {
    this.path = path;
    this.#file = file;
  }

  /** Begins a file; one that is there is emptied. The folder must exist. */
  static async create(path: string): Promise<Hdf5> {
    const { File } = await loadHdf5();
    // The library reports what it cannot open on standard error at length: the file system is asked first.
    await Deno.writeFile(path, new Uint8Array());
    return new Hdf5(path, new File(resolve(path), "w"));
  }

  /**
   * Opens a file to read, or to append.
   *
   * @throws {UserError} when it is missing, no HDF5 file, cut short or damaged.
   */
  static async open(path: string, mode: "r" | "a" = "r"): Promise<Hdf5> {
    await requireWhole(path);
    const { File, ready } = await loadHdf5();
    const library = await ready;
    // Otherwise the library prints what is wrong at length, and goes on with a file that is not open.
    library.activate_throwing_error_handler();
    try {
      const file = new File(resolve(path), mode);
      // What is in a file is looked at only when it is asked for.
      file.keys();
      return new Hdf5(path, file);
    } catch (cause) {
      throw new UserError(`${path}: is damaged; make or copy it again`, { path, cause });
    } finally {
      library.deactivate_throwing_error_handler();
    }
  }

  /**
   * Adds a data set of no rows, to which {@link Hdf5.append} adds some; `chunk` is the shape that is stored as one. Numbers
   * that hardly shrink, such as features, are better not packed.
   */
  addRows(name: string, like: Rows, width: readonly number[], chunk: readonly number[], packed = true): void {
    this.#file.create_dataset({
      name,
      data: like.subarray(0, 0) as Uint8Array,
      dtype: typeName(like),
      shape: [0, ...width],
      // Rows may become wider too: sequences are padded to the longest there is.
      maxshape: [null, ...width.map(() => null)],
      chunks: [...chunk],
      ...packed ? { compression: "gzip" as const, compression_opts: 4 } : {},
    });
  }

  /** Appends rows of `width`; where it is larger than before, earlier rows are padded with zeros. */
  append(name: string, rows: Rows, count: number, width: readonly number[]): void {
    const dataset = this.dataset(name);
    const [before, ...widths] = dataset.shape!;
    const wider = widths.map((w, i) => Math.max(w, width[i]));
    dataset.resize([before + count, ...wider]);
    const region = [[before, before + count], ...width.map((w) => [0, w])] as [number, number][];
    // The library takes any typed array that fits the type; its declaration does not say so.
    dataset.write_slice(region, rows as unknown as Uint8Array);
  }

  /**
   * A data set by its name.
   *
   * @throws {UserError} when there is none.
   */
  dataset(name: string): Hdf5Dataset {
    const found = this.#file.get(name);
    if (!found || !("type" in found) || found.type !== "Dataset") {
      throw new UserError(`${this.path}: ${name}: there is no such data set`);
    }
    return found as Hdf5Dataset;
  }

  /** True where there is a data set of that name. */
  has(name: string): boolean {
    return this.#file.keys().includes(name);
  }

  /** Sets an attribute of the whole file. */
  setAttribute(name: string, value: string | number): void {
    this.#file.create_attribute(name, value);
  }

  /** An attribute of the whole file; undefined where there is none. */
  attribute(name: string): unknown {
    return this.#file.attrs[name]?.value;
  }

  /** Closes the file, with all that was written on disk. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.flush();
    this.#file.close();
  }
}
