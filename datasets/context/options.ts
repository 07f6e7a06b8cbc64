/** Options that a split of the context scenes is drawn from. */
import { z } from "../../engine/base/packages/zod.ts";
import type { Split } from "../types.ts";

/** Default number of images of each split. */
export const CONTEXT_IMAGES = { train: 2000, val: 200, test: 400 } as const;

/** Options that a split is opened by; all but `split` have defaults. */
export interface ContextInput {
  /** The split, each with pictures of its own. */
  readonly split: Split;
  /** Seed of the set, 0..2^32-1; default 1. */
  readonly seed?: number | undefined;
  /** Images in the split; default {@link CONTEXT_IMAGES}. */
  readonly images?: number | undefined;
  /** Image width in pixels, 160..2048; default 192. */
  readonly width?: number | undefined;
  /** Image height in pixels, 112..2048; default 128. */
  readonly height?: number | undefined;
}

/** Checked options, every default filled in; structured-cloneable, and all a worker needs to draw any image. */
export interface ContextOptions {
  /** The split. */
  readonly split: Split;
  /** Seed of the set. */
  readonly seed: number;
  /** Images in the split. */
  readonly images: number;
  /** Image width in pixels. */
  readonly width: number;
  /** Image height in pixels. */
  readonly height: number;
}

/** The schema of {@link ContextOptions}; every field but the split has a default. */
export const contextOptions = z.strictObject({
  split: z.enum(["train", "val", "test"]),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1).describe("seed of the set, 0..2^32-1"),
  images: z.int().min(1).max(10_000_000).optional().describe("images in the split"),
  width: z.int().min(160).max(2048).default(192).describe("image width in pixels"),
  height: z.int().min(112).max(2048).default(128).describe("image height in pixels"),
}).transform((given) => ({ ...given, images: given.images ?? CONTEXT_IMAGES[given.split] })) satisfies z.ZodType<
  ContextOptions,
  ContextInput
>;
