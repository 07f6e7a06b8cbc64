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
  const library = await load();
  (await library.ready).activate_throwing_error_handler();
  return library;
}
