/** The hop scenes as a region-classification set: nothing is stored, every record follows from seed and index. */
import { UserError } from "../../engine/base/user_error.ts";
import { BACKGROUND, type ExactAnswers, type RegionDataset, type RegionRecord } from "../types.ts";
import type { DrawnDataset } from "../drawing/dataset.ts";
import { drawHops, type drawImage } from "./draw.ts";
import { type HopObject, type HopScene, layoutHops } from "./layout.ts";
import { type HopInput, type HopOptions, hopOptions } from "./options.ts";
import { classPosteriors } from "./posteriors.ts";
import { HOP_TABLES, hopClasses, type HopTables } from "./tables.ts";

/** The hop scenes with what only their generator knows. */
export interface HopDataset extends DrawnDataset {
  /** Options of the set, all of them. */
  readonly options: HopOptions;
  /** Chances that the scenes were drawn by. */
  readonly tables: HopTables;
  /** Objects and links of image `index`. */
  scene(index: number): HopScene;
}

/** Probability of the true class from which on an object counts as decided. */
const DECIDED = 0.95;

/**
 * Opens a split of the hop scenes: chains of objects of which a witness shows its class, and every other object's class follows from
 * its neighbour's. So the class of an object h links from its witness takes h steps of reasoning (papers/hop-scenes.md#what-is-drawn).
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { openHops } from "@itera/itera/datasets";
 *
 * const train = openHops({ split: "train", seed: 7, images: 3 });
 * deepStrictEqual([train.size, train.classes.length], [3, 17]);
 * const { objects, links } = train.scene(2);
 * strictEqual(train.record(2).labels.length, objects.length);
 * // A forest: fewer links than objects.
 * strictEqual(links.length < objects.length, true);
 * ```
 *
 * @throws {UserError} when an option is unknown or out of range.
 */
export function openHops(input: HopInput): HopDataset {
  const parsed = hopOptions.safeParse(input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UserError(`hop scenes: ${issue.path.join(".") || "options"}: ${issue.message}`);
  }
  const options = parsed.data, tables = HOP_TABLES;
  const scene = (index: number): HopScene => {
    if (!Number.isInteger(index) || index < 0 || index >= options.images) {
      throw new RangeError(`image ${index} of a split of ${options.images}`);
    }
    return layoutHops(options, index, tables);
  };
  const set: HopDataset = {
    name: "hops",
    split: options.split,
    classes: hopClasses(tables, BACKGROUND),
    size: options.images,
    source: {
      kind: "drawn",
      module: new URL("./draw.ts", import.meta.url).href,
      options: options satisfies Parameters<typeof drawImage>[0],
    },
    options,
    tables,
    scene,
    draw: (index) => drawHops(options, index, scene(index)),
    place: () => "hops",
    record(index): RegionRecord {
      const { objects } = scene(index);
      return {
        id: `${options.split}-${String(index).padStart(6, "0")}`,
        width: options.width,
        height: options.height,
        boxes: Float32Array.from(objects.flatMap(({ box }) => box)),
        labels: Int32Array.from(objects, (object) => labelOf(object, tables)),
      };
    },
    answers: () => hopAnswers(set),
  };
  return set;
}

/** True for hop scenes. */
export function isHops(dataset: RegionDataset): dataset is HopDataset {
  return dataset.name === "hops";
}

/** Label of an object, from 1. */
export function labelOf({ group, member }: Pick<HopObject, "group" | "member">, { members }: HopTables): number {
  return 1 + group * members + member;
}

/**
 * Posteriors by links: from an object's own look, then from all looks at most 1, 2, … links away, to the longest chain. An object's
 * distance is the fewest links by which the posterior that knows everything is sure of the truth.
 */
function hopAnswers(set: HopDataset): ExactAnswers {
  const { tables, options: { chain } } = set;
  const farthest = chain - 1;
  const rows: Float64Array[][] = Array.from({ length: farthest + 1 }, () => []);
  const rangeOf: number[] = [];
  for (let index = 0; index < set.size; index++) {
    const scene = set.scene(index);
    const byHops = rows.map((_, hops) => classPosteriors(scene, tables, hops));
    byHops.forEach((posteriors, hops) => rows[hops].push(...posteriors));
    scene.objects.forEach((object, i) => {
      const label = labelOf(object, tables);
      rangeOf.push(byHops.findIndex((posteriors) => posteriors[i][label] >= DECIDED));
    });
  }
  const links = (hops: number): string => `${hops} link${hops === 1 ? "" : "s"}`;
  return {
    posteriors: rows.map((each, hops) => ({
      name: hops === 0 ? "appearance" : `looks up to ${links(hops)} away,`,
      probabilities: stacked(each),
    })),
    ranges: rows.map((_, hops) => links(hops)),
    rangeOf: Int32Array.from(rangeOf),
  };
}

function stacked(rows: readonly Float64Array[]): Float32Array<ArrayBuffer> {
  const width = rows[0].length, all = new Float32Array(rows.length * width);
  rows.forEach((row, i) => all.set(row, i * width));
  return all;
}
