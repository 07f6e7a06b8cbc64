/** h5wasm: the HDF5 library as WebAssembly. Loaded on first use, because loading takes a while. */
import { UserError } from "../user_error.ts";

const load = () => import("npm:h5wasm@0.10.3/node");

/** The library. */
export type Hdf5Library = Awaited<ReturnType<typeof load>>;
/** A data set of an open file. */
export type Hdf5Dataset = InstanceType<Hdf5Library["Dataset"]>;
/** An open file. */
export type Hdf5File = InstanceType<Hdf5Library["File"]>;

/** Path of the file that the library fell over, if it did. */
let fallen: string | null = null;

/**
 * The error to throw where the library itself fell over a file, rather than found it wrong: its memory is then in no state to
 * read another, and says so of whole ones. Null for any other error.
 */
export function fellOver(path: string, error: unknown): UserError | null {
  if (!(error instanceof WebAssembly.RuntimeError)) return null;
  fallen ??= path;
  return new UserError(`${path}: is damaged so that the HDF5 library fell over it; make or copy it again`, {
    path,
    cause: error,
  });
}

/** The library's file system, in which every path is one of this machine's. */
interface FileSystem {
  open(path: string, ...others: unknown[]): unknown;
  readonly ErrnoError: new (code: number) => Error;
}

/** A file that another one names, which is not opened for it. */
export class OtherFileError extends Error {
  override readonly name = "OtherFileError";
}

/** Files that are not opened while {@link withoutOtherFiles} runs; null outside of it. */
let refused: string[] | null = null;
/** Files in which the library writes why something failed. */
const REASONS = /^\/tmp\/tmpfile_\w+$/;
/** Folders in which it looks for filters that it lacks, of the machine it was made on. */
const PLUGINS = /\/lib\/plugin$/;
const NO_ACCESS = 2;
let watched: FileSystem | undefined;

/** True once the library fell over a file, and opens no other. */
export function hasFallen(): boolean {
  return fallen !== null;
}

/**
 * Loads the library once. Whatever fails in it throws; by itself it prints at length and goes on with zeros.
 *
 * @throws {UserError} where it fell over an earlier file of this process.
 */
export async function loadHdf5(): Promise<Hdf5Library> {
  if (fallen !== null) {
    throw new UserError(
      `${fallen}: the HDF5 library fell over this file and opens no other now; start again without it`,
    );
  }
  const library = await load(), module = await library.ready;
  module.activate_throwing_error_handler();
  const files = (module as unknown as { readonly FS: FileSystem }).FS;
  if (watched !== files) {
    watched = files;
    const open = files.open;
    files.open = (path, ...others) => {
      if (refused === null || REASONS.test(path)) return open.call(files, path, ...others);
      if (!PLUGINS.test(path)) refused.push(path);
      throw new files.ErrnoError(NO_ACCESS);
    };
  }
  return library;
}

/**
 * Runs `body`, in which the library opens no file: what an open one names, by a link, as storage or as a part of a data set,
 * may be any on this machine, and where it is missing the library goes on with zeros.
 *
 * @throws {OtherFileError} naming a file that would have been opened.
 */
export function withoutOtherFiles<T>(body: () => T): T {
  const before = refused, own: string[] = refused = [];
  try {
    const result = body();
    if (own.length === 0) return result;
  } catch (error) {
    // Where the library itself fell over, that is what matters.
    if (own.length === 0 || error instanceof WebAssembly.RuntimeError) throw error;
  } finally {
    refused = before;
  }
  throw new OtherFileError(own[0]);
}
