/** Writes the features of a folder of pictures (papers/iep-ref.md#features). */
import { UserError } from "../../../engine/base/user_error.ts";
import { FeatureJournal } from "../../../datasets/refplus/files/feature_journal.ts";
import { readPicture } from "../../../datasets/images/read_picture.ts";
import { listPictures } from "../../../datasets/refplus/files/pictures.ts";
import type { Extractor } from "./extractors.ts";

/** Input, output and limits of an extraction. */
export interface ExtractOptions {
  /** Folder of pictures. */
  readonly pictures: string;
  /** File to write. */
  readonly output: string;
  /** Pictures at most; null for all. */
  readonly limit: number | null;
  /** Pictures extracted at once. */
  readonly batch: number;
  readonly onProgress?: (done: number, of: number) => void;
}

/** Result of an extraction. */
export interface Extracted {
  /** Rows of the file, and how many of them are new. */
  readonly rows: number;
  readonly added: number;
}

/**
 * Writes a row for each picture. Goes on after the rows that an interrupted extraction left, and appends to a file of fewer
 * pictures; only a whole file gets the output's name.
 *
 * @throws {UserError} for missing or broken pictures, or an output that another extractor made.
 */
export async function extractFeatures(extractor: Extractor, options: ExtractOptions): Promise<Extracted> {
  const { output, batch, onProgress } = options;
  const all = await listPictures(options.pictures);
  const paths = options.limit === null ? all : all.slice(0, options.limit);
  using journal = await FeatureJournal.open(output, extractor.settings);
  if (journal.rows > paths.length) {
    throw new UserError(`${output}: has ${journal.rows} rows already, ${paths.length} pictures are asked for`);
  }
  const { whole } = journal;
  for (let at = journal.rows; at < paths.length; at = journal.rows) {
    const own = paths.slice(at, at + batch);
    const features = await extractor.extract(await Promise.all(own.map((path) => readPicture(path))));
    const wrong = features.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      const path = own[Math.floor(wrong * own.length / features.length)];
      throw new UserError(`${path}: its features hold ${features[wrong]}; look at the weights that make them`);
    }
    journal.append(features);
    onProgress?.(journal.rows, paths.length);
  }
  await journal.publish();
  return { rows: paths.length, added: paths.length - whole };
}
