/** Options of a generated set. */
import { z } from "../../../engine/base/packages/zod.ts";
import { PATIENCE } from "./search.ts";
import { FEWEST_OBJECTS, MOST_OBJECTS } from "../scenes/catalogue.ts";

/** The schema of {@link RefPlusOptions}; messages name the command's flags. */
export const refPlusOptions = z.strictObject({
  split: z.enum(["train", "val", "test"]),
  images: z.int().min(1).max(1_000_000).describe("pictures of the split"),
  refexpsPerImage: z.int().min(1).max(100).default(10).describe("expressions about each picture"),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1).describe("seed of the set, 0..2^32-1"),
  resetCountsEvery: z.int().min(1).default(250).describe("pictures after which the tallies of templates start anew"),
  maxObjects: z.int().min(FEWEST_OBJECTS).max(MOST_OBJECTS).default(MOST_OBJECTS).describe("most objects of a picture"),
  zoom: z.number().min(1).max(2).default(1).describe("camera zoom, on ground as many times smaller"),
  patience: z.int().min(1).default(PATIENCE).describe("states discarded before a template is given up on a picture"),
  balanceCounts: z.boolean().default(true).describe("keep numbers of objects referred to in balance"),
  falsePremise: z.boolean().default(false).describe("also write expressions that refer to nothing"),
});

/** Checked options, every default filled in. */
export type RefPlusOptions = z.output<typeof refPlusOptions>;

/** Input of {@link refPlusOptions}. */
export type RefPlusInput = z.input<typeof refPlusOptions>;
