/** Layout of a set's files (papers/iep-ref.md#files). */
import { join } from "node:path";

/** Paths of one split's files under a set's folder. */
export interface RefPlusFiles {
  /** Folder of the pictures. */
  readonly images: string;
  /** File of the scenes. */
  readonly scenes: string;
  /** File of the expressions. */
  readonly refexps: string;
  /** Expressions that refer to nothing; only generated sets have them. */
  readonly falsePremise: string;
}

/**
 * The paths of a split: `train` and `val` of the published set, `test` of generated ones, or any other name.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const { images, scenes } = refplus.refPlusFiles("set", "val");
 * deepStrictEqual([images, scenes], ["set/images/val", "set/scenes/clevr_ref+_val_scenes.json"]);
 * ```
 */
export function refPlusFiles(folder: string, split: string): RefPlusFiles {
  return {
    images: join(folder, "images", split),
    scenes: join(folder, "scenes", `clevr_ref+_${split}_scenes.json`),
    refexps: join(folder, "refexps", `clevr_ref+_${split}_refexps.json`),
    falsePremise: join(folder, "refexps", `clevr_ref+_${split}_false_premise_refexps.json`),
  };
}
