/** Options that a split of the context scenes is drawn from. */
import { z } from "../../engine/base/packages/zod.ts";

/** Default number of images of each split. */
export const CONTEXT_IMAGES = { train: 2000, val: 200, test: 400 } as const;

/** The schema of {@link ContextOptions}; every field but the split has a default. */
export const contextOptions = z.strictObject({
  split: z.enum(["train", "val", "test"]),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1).describe("seed of the set, 0..2^32-1"),
  images: z.int().min(1).max(10_000_000).optional().describe("images in the split"),
  width: z.int().min(160).max(2048).default(192).describe("image width in pixels"),
  height: z.int().min(112).max(2048).default(128).describe("image height in pixels"),
}).transform((given) => ({ ...given, images: given.images ?? CONTEXT_IMAGES[given.split] }));

/** Checked options, every default filled in; structured-cloneable, and all a worker needs to draw any image. */
export type ContextOptions = z.output<typeof contextOptions>;

/** Options that {@link contextOptions} accepts. */
export type ContextInput = z.input<typeof contextOptions>;
