/** Options for what the reference does with a data set and one may want otherwise. */
import { z } from "../engine/base/packages/zod.ts";

/** A choice for each of what the reference does and one may want otherwise. */
export interface ReferenceOptions {
  /** COCO: keep crowd annotations. */
  readonly crowd: boolean;
  /** COCO: move boxes whose first corner lies outside into the picture. */
  readonly moveBoxes: boolean;
  /** VG: drop the first line of synsets.txt, whatever it is. */
  readonly dropFirstSynset: boolean;
  /**
   * ADE20K, 2016: in an image without a pixel of background, number instances from 0, which gives each the name of the one
   * before. An accident of the reference that concerns few images, so it is off.
   */
  readonly instanceNumbers: boolean;
  /** Training: leave the last entry of each epoch's permutation out. It changes no figure that can be measured. */
  readonly dropLastEntry: boolean;
}

/** Each default gives the reference's figures, but for `moveBoxes` where a box lies across the upper or left border. */
export const referenceSchema = z.strictObject({
  crowd: z.boolean().default(true).describe("COCO: keep crowd annotations"),
  moveBoxes: z.boolean().default(false).describe("COCO: move boxes whose first corner lies outside into the picture"),
  dropFirstSynset: z.boolean().default(true).describe("VG: drop the first line of synsets.txt, whatever it is"),
  instanceNumbers: z.boolean().default(false).describe(
    "ADE20K, 2016: in an image without a pixel of background, number instances from 0, as the reference does by accident",
  ),
  dropLastEntry: z.boolean().default(false).describe("Leave the last entry of each epoch's permutation out"),
}) satisfies z.ZodType<ReferenceOptions>;
