/** The context scenes as a region-classification set: nothing is stored, every record follows from seed and index. */
import { UserError } from "../../engine/base/user_error.ts";
import { contextDistances, DISTANCE_RANGES } from "./context_distances.ts";
import { BACKGROUND, type ExactAnswers, type RegionRecord } from "../types.ts";
import type { DrawnDataset } from "../drawing/dataset.ts";
import { drawContext, type drawImage } from "./draw.ts";
import { type ContextInput, type ContextOptions, contextOptions } from "./options.ts";
import { type ContextScene, layoutScene, objectsOf } from "./layout.ts";
import { appearancePosterior, imagePosterior, pairPosterior } from "./posteriors.ts";
import { classShares, CONTEXT_TABLES, type ContextTables } from "./tables.ts";

/** The context scenes with what only their generator knows. */
export interface ContextDataset extends DrawnDataset {
  /** Options of the set, all of them. */
  readonly options: ContextOptions;
  /** Probabilities that the scenes were drawn by. */
  readonly tables: ContextTables;
  /** Scene type, pairs, looks and boxes of image `index`. */
  scene(index: number): ContextScene;
}

/** Posteriors over classes, each [N, C] row-major with column 0 zero, one row per region in dataset order. */
export interface ContextPosteriors {
  /** From an object's look alone. */
  readonly appearance: Float32Array<ArrayBuffer>;
  /** From the looks of an object and its partner and their relation. */
  readonly pair: Float32Array<ArrayBuffer>;
  /** From all pairs of the image. */
  readonly scene: Float32Array<ArrayBuffer>;
}

/**
 * Opens a split of the context scenes.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { openContext } from "@itera/itera/datasets";
 *
 * const train = openContext({ split: "train", seed: 7, images: 3 });
 * const { id, width, height, boxes, labels } = train.record(2);
 * deepStrictEqual([train.size, id, width, height], [3, "train-000002", 192, 128]);
 * strictEqual(boxes.length, 4 * labels.length);
 * // The same seed gives the same pictures.
 * deepStrictEqual(openContext({ split: "train", seed: 7, images: 3 }).record(2).boxes, boxes);
 * ```
 *
 * @throws {UserError} when an option is unknown or out of range.
 */
export function openContext(input: ContextInput): ContextDataset {
  const parsed = contextOptions.safeParse(input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UserError(`context data set: ${issue.path.join(".") || "options"}: ${issue.message}`);
  }
  return contextDataset(parsed.data, CONTEXT_TABLES);
}

/** The set that tables of one's own give. Its pixels can be drawn only where `tables` name looks that exist. */
export function contextDataset(options: ContextOptions, tables: ContextTables): ContextDataset {
  const scene = (index: number): ContextScene => {
    if (!Number.isInteger(index) || index < 0 || index >= options.images) {
      throw new RangeError(`image ${index} of a split of ${options.images}`);
    }
    return layoutScene(options, index, tables);
  };
  const set: ContextDataset = {
    name: "context",
    split: options.split,
    classes: [BACKGROUND, ...tables.names.slice(1)],
    size: options.images,
    source: {
      kind: "drawn",
      module: new URL("./draw.ts", import.meta.url).href,
      options: options satisfies Parameters<typeof drawImage>[0],
    },
    options,
    tables,
    scene,
    draw: (index) => drawContext(options, index, tables, scene(index)),
    place: (index) => tables.scenes[scene(index).scene].name,
    record(index): RegionRecord {
      const objects = objectsOf(scene(index));
      return {
        id: `${options.split}-${String(index).padStart(6, "0")}`,
        width: options.width,
        height: options.height,
        boxes: Float32Array.from(objects.flatMap((object) => object.box)),
        labels: Int32Array.from(objects, (object) => object.label),
      };
    },
    answers: () => contextAnswers(set),
  };
  return set;
}

function contextAnswers(set: ContextDataset): ExactAnswers {
  const posteriors = contextPosteriors(set), distances = contextDistances(set);
  return {
    posteriors: (["appearance", "pair", "scene"] as const).map((name) => ({ name, probabilities: posteriors[name] })),
    ranges: DISTANCE_RANGES.map(({ name }) => name),
    rangeOf: Int32Array.from(distances, (d) => DISTANCE_RANGES.findIndex(({ from, to }) => d >= from && d < to)),
  };
}

/**
 * The three exact posteriors of every region of a split.
 *
 * ```ts
 * import { ok, strictEqual } from "node:assert/strict";
 * import { contextPosteriors, openContext } from "@itera/itera/datasets";
 *
 * const val = openContext({ split: "val", images: 1 }), classes = val.classes.length;
 * const { scene } = contextPosteriors(val);
 * strictEqual(scene.length, val.record(0).labels.length * classes);
 * const first = scene.subarray(0, classes);
 * strictEqual(first[0], 0);
 * ok(Math.abs(first.reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
 * ```
 */
export function contextPosteriors(dataset: ContextDataset): ContextPosteriors {
  const { tables } = dataset;
  const shares = classShares(tables);
  const rows = { appearance: [] as Float64Array[], pair: [] as Float64Array[], scene: [] as Float64Array[] };
  for (let index = 0; index < dataset.size; index++) {
    const { pairs, order } = dataset.scene(index);
    const seen = pairs.map(({ host, guest, relation }) => ({ hostLook: host.look, guestLook: guest.look, relation }));
    const byPair = seen.map((pair) => pairPosterior(tables, pair));
    const byScene = imagePosterior(tables, seen).pairs;
    for (const code of order) {
      const role = code % 2 === 0 ? "host" : "guest";
      const pair = code >> 1;
      rows.appearance.push(appearancePosterior(tables, shares, pairs[pair][role].look));
      rows.pair.push(byPair[pair][role]);
      rows.scene.push(byScene[pair][role]);
    }
  }
  return { appearance: stacked(rows.appearance), pair: stacked(rows.pair), scene: stacked(rows.scene) };
}

function stacked(rows: readonly Float64Array[]): Float32Array<ArrayBuffer> {
  const width = rows[0].length;
  const all = new Float32Array(rows.length * width);
  rows.forEach((row, i) => all.set(row, i * width));
  return all;
}
