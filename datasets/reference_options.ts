/** Options for what the reference does with a data set and one may want otherwise. */
import { z } from "../engine/base/packages/zod.ts";

/** Each default gives the reference's figures. */
export const referenceSchema = z.strictObject({
  /** COCO: keep crowd annotations. */
  crowd: z.boolean().default(true),
  /** VG: drop the first line of synsets.txt, whatever it is. */
  dropFirstSynset: z.boolean().default(true),
  /**
   * ADE20K, 2016: in an image without a pixel of background, number instances from 0, which gives each the name of the one
   * before. An accident of the reference that concerns few images, so it is off.
   */
  instanceNumbers: z.boolean().default(false),
  /** Training: leave the last entry of each epoch's permutation out. It changes no figure that can be measured. */
  dropLastEntry: z.boolean().default(false),
});

/** A choice for each of them. */
export type ReferenceOptions = z.output<typeof referenceSchema>;
