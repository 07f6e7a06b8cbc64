/** Options of a generated set. */
import { z } from "../../../engine/base/packages/zod.ts";
import { PATIENCE } from "./search.ts";
import { FEWEST_OBJECTS, MOST_OBJECTS } from "../scenes/catalogue.ts";

/** Options of a generated split; all but `split` and `images` have defaults. */
export interface RefPlusInput {
  /** The split, each with pictures of its own. */
  readonly split: "train" | "val" | "test";
  /** Pictures of the split. */
  readonly images: number;
  /** Expressions about each picture; default 10. */
  readonly refexpsPerImage?: number | undefined;
  /** Seed of the set, 0..2^32-1; default 1. */
  readonly seed?: number | undefined;
  /** Pictures after which the tallies of templates start anew; default 250. */
  readonly resetCountsEvery?: number | undefined;
  /** Greatest number of objects of a picture; default 10. */
  readonly maxObjects?: number | undefined;
  /** Camera zoom, on ground as many times smaller; default 1. */
  readonly zoom?: number | undefined;
  /** States discarded before a template is given up on a picture; default 10,000. */
  readonly patience?: number | undefined;
  /** Keep numbers of objects referred to in balance; default true. */
  readonly balanceCounts?: boolean | undefined;
  /** Also write expressions that refer to nothing; default false. */
  readonly falsePremise?: boolean | undefined;
}

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
}) satisfies z.ZodType<unknown, RefPlusInput>;

/** Checked options, every default filled in. */
export type RefPlusOptions = z.output<typeof refPlusOptions>;
