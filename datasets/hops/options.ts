/** Options that a split of the hop scenes is drawn from. */
import { z } from "../../engine/base/packages/zod.ts";
import type { Split } from "../types.ts";

/** Default number of images of each split. */
export const HOP_IMAGES = { train: 1600, val: 200, test: 400 } as const;

/** Options that a split is opened by; all but `split` have defaults. */
export interface HopInput {
  /** The split, each with pictures of its own. */
  readonly split: Split;
  /** Seed of the set, 0..2^32-1; default 1. */
  readonly seed?: number | undefined;
  /** Images in the split; default {@link HOP_IMAGES}. */
  readonly images?: number | undefined;
  /** Objects of a chain, 3..12; default 5. */
  readonly chain?: number | undefined;
  /** Image width in pixels, 192..2048; default 192. */
  readonly width?: number | undefined;
  /** Image height in pixels, 128..2048; default 128. */
  readonly height?: number | undefined;
}

/** Checked options, every default filled in; structured-cloneable, and all a worker needs to draw any image. */
export interface HopOptions {
  /** The split. */
  readonly split: Split;
  /** Seed of the set. */
  readonly seed: number;
  /** Images in the split. */
  readonly images: number;
  /** Objects of a chain. */
  readonly chain: number;
  /** Image width in pixels. */
  readonly width: number;
  /** Image height in pixels. */
  readonly height: number;
}

/** The schema of {@link HopOptions}; every field but the split has a default. */
export const hopOptions = z.strictObject({
  split: z.enum(["train", "val", "test"]),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1).describe("seed of the set, 0..2^32-1"),
  images: z.int().min(1).max(10_000_000).optional().describe("images in the split"),
  chain: z.int().min(3).max(12).default(5).describe("objects of a chain"),
  width: z.int().min(192).max(2048).default(192).describe("image width in pixels"),
  height: z.int().min(128).max(2048).default(128).describe("image height in pixels"),
}).transform((given) => ({ ...given, images: given.images ?? HOP_IMAGES[given.split] })) satisfies z.ZodType<
  HopOptions,
  HopInput
>;
