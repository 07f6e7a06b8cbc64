/** h5wasm: the HDF5 library as WebAssembly. Loaded on first use, because loading takes a while. */
import type { Dataset, File } from "npm:h5wasm@0.10.3/node";

/** A data set of an open file. */
export type Hdf5Dataset = Dataset;
/** An open file. */
export type Hdf5File = File;

/** Loads the library once. Whatever fails in it throws; by itself it prints at length and goes on with zeros. */
export async function loadHdf5(): Promise<typeof import("npm:h5wasm@0.10.3/node")> {
  const library = await import("npm:h5wasm@0.10.3/node");
  (await library.ready).activate_throwing_error_handler();
  return library;
}
