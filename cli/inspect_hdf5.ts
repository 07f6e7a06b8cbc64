/** A file of features or of encoded expressions, in words: what it holds and whether all of it can be read. */
import { Hdf5 } from "../datasets/formats/hdf5.ts";
import { FeatureFile } from "../datasets/refplus/files/feature_file.ts";
import { RefexpFile } from "../datasets/refplus/files/refexp_file.ts";
import { line, Progress } from "./terminal/output.ts";

/** Ends of the names of such files. */
export const HDF5_NAME: RegExp = /\.(h5|hdf5)$/i;

/**
 * Prints what a file holds, once every row of it was read.
 *
 * @throws {UserError} for one that is damaged, or holds neither features nor expressions.
 */
export async function inspectHdf5(path: string): Promise<void> {
  using file = await Hdf5.open(path);
  const features = file.has("features");
  file.close();
  await (features ? inspectFeatures(path) : inspectRefexps(path));
}

async function inspectFeatures(path: string): Promise<void> {
  using file = await FeatureFile.open(path);
  const { size, settings: { extractor, shape }, checksums } = file;
  await readAll(path, size, (row) => file.stored(row));
  line(`features: ${size} rows of ${shape.join(" × ")}, made by ${extractor}`);
  line(`checksums: ${checksums ? "all rows fit theirs" : "none, so damage to its numbers would not show"}`);
}

async function inspectRefexps(path: string): Promise<void> {
  using file = await RefexpFile.open(path);
  const { size, settings, width, height, wordsAlone } = file;
  if (!wordsAlone) await readAll(path, size, (row) => file.mask(row));
  line(`expressions: ${size}, ${wordsAlone ? "words alone" : `masks of ${width} × ${height}`}`);
  line(settings ? `encoded from ${settings.source}, programs in ${settings.mode} order` : "encoded by another program");
}

/** Reads every row; the terminal gets a turn now and then. */
async function readAll(path: string, size: number, read: (row: number) => unknown): Promise<void> {
  using progress = new Progress(`reading ${path}`, "rows");
  for (let row = 0; row < size; row++) {
    read(row);
    progress.update(row + 1, size);
    if (row % 64 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
}
