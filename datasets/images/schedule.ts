/** The order in which images are shown. Any position follows from (seed, position), so a run resumes exactly. */
import { RandomStream } from "../../engine/base/random.ts";
import type { RegionDataset } from "../types.ts";
import { UserError } from "../../engine/base/user_error.ts";

/** One image to show. */
export interface Entry {
  /** Place in the order, counted from 0 through all epochs. */
  readonly position: number;
  /** Index in the data set. */
  readonly index: number;
  /** Show it mirrored. */
  readonly flipped: boolean;
}

/** Options of {@link trainingOrder}. */
export interface TrainingOrderOptions {
  /** Seed of the order. */
  readonly seed: number;
  /** Show each image mirrored too, as an entry of its own. */
  readonly flip: boolean;
  /** Position to begin at. */
  readonly first: number;
  /** Leave out the last entry of each epoch's permutation, as the reference does; default false. */
  readonly reference?: boolean;
}

const EPOCH_STREAM = 0x0e0c;

/**
 * An endless order: a fresh random permutation per epoch of all images that have regions, mirrored copies included.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { openContext, trainingOrder } from "@itera/itera/datasets";
 *
 * const train = openContext({ split: "train", images: 2 }), options = { seed: 1, flip: true };
 * const epoch = [...trainingOrder(train, { ...options, first: 0 }).take(4)];
 * const shown = epoch.map(({ index, flipped }) => `${index}${flipped ? ", mirrored" : ""}`);
 * deepStrictEqual(shown.sort(), ["0", "0, mirrored", "1", "1, mirrored"]);
 * // A run that resumes at position 3 goes on as one that was never interrupted.
 * deepStrictEqual(trainingOrder(train, { ...options, first: 3 }).next().value, epoch[3]);
 * ```
 *
 * @throws {UserError} when no image has regions.
 */
export function* trainingOrder(dataset: RegionDataset, options: TrainingOrderOptions): Generator<Entry> {
  const usable: number[] = [];
  for (let i = 0; i < dataset.size; i++) if (dataset.record(i).labels.length > 0) usable.push(i);
  const copies = options.flip ? 2 : 1;
  const entries = usable.length * copies;
  const length = Math.max(options.reference ? entries - 1 : entries, Math.min(entries, 1));
  if (length === 0) {
    throw new UserError(`${dataset.name} ${dataset.split}: no image has regions, there is nothing to train on`);
  }
  let epoch = -1;
  let order = new Int32Array();
  for (let position = options.first;; position++) {
    const now = Math.floor(position / length);
    if (now !== epoch) {
      epoch = now;
      order = new RandomStream(options.seed, EPOCH_STREAM, epoch).permutation(entries);
    }
    const entry = order[position % length];
    yield { position, index: usable[Math.floor(entry / copies)], flipped: entry % copies === 1 };
  }
}

/**
 * Every image once, in order, unmirrored.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { evaluationOrder, openContext } from "@itera/itera/datasets";
 *
 * const val = openContext({ split: "val", images: 2 });
 * deepStrictEqual([...evaluationOrder(val)], [
 *   { position: 0, index: 0, flipped: false },
 *   { position: 1, index: 1, flipped: false },
 * ]);
 * ```
 */
export function* evaluationOrder(dataset: RegionDataset): Generator<Entry> {
  for (let index = 0; index < dataset.size; index++) yield { position: index, index, flipped: false };
}
