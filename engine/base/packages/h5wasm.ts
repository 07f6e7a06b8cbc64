/** h5wasm: the HDF5 library as WebAssembly. Loaded on first use, because loading takes a while. */

const load = () => import("npm:h5wasm@0.10.3/node");

/** The library. */
export type Hdf5Library = Awaited<ReturnType<typeof load>>;
/** A data set of an open file. */
export type Hdf5Dataset = InstanceType<Hdf5Library["Dataset"]>;
/** An open file. */
export type Hdf5File = InstanceType<Hdf5Library["File"]>;

/** Loads the library once. Whatever fails in it throws; by itself it prints at length and goes on with zeros. */
export async function loadHdf5(): Promise<Hdf5Library> {
  const library = await load();
  (await library.ready).activate_throwing_error_handler();
  return library;
}
