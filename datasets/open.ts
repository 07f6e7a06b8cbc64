/** Opens a data set by name. */
import { z } from "../engine/base/packages/zod.ts";
import { UserError } from "../engine/base/user_error.ts";
import type { OpenHooks } from "./index/cache.ts";
import { type PictureOptions, picturesSchema } from "./images/picture_options.ts";
import { type ReferenceOptions, referenceSchema } from "./reference_options.ts";
import { DATASET_ROWS, type DatasetName, DATASETS } from "./registry.ts";
import type { RegionDataset, Split } from "./types.ts";

/** Options of {@link openDataset}. */
export interface OpenOptions {
  /** Name of the set. */
  readonly dataset: DatasetName;
  /** Folder of a set on disk. */
  readonly data?: string | undefined;
  /** Split to open. */
  readonly split: Split;
  /** Leave out images that cannot be read; default false. */
  readonly skipBroken?: boolean | undefined;
  /** Images of a drawn split; its default when absent. */
  readonly images?: number | undefined;
  /** Options of a set that is drawn from a seed, such as `{ seed: 2 }`. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** ADE20K: folder of its lists, where that is not the set's own. */
  readonly lists?: string | undefined;
  /** Folder to keep parsed splits in; by default `.itera` in the set's, or the user's cache where that may not be written. */
  readonly cache?: string | undefined;
  /** Ways to read pictures that one may want otherwise. */
  readonly pictures?: PictureOptions | undefined;
  /** Ways of the reference that one may want otherwise. */
  readonly reference?: { readonly [K in keyof ReferenceOptions]?: ReferenceOptions[K] | undefined } | undefined;
}

const schema = z.strictObject({
  dataset: z.enum(DATASETS),
  data: z.string().optional(),
  split: z.enum(["train", "val", "test"]),
  skipBroken: z.boolean().default(false),
  images: z.int().min(1).optional(),
  options: z.record(z.string(), z.unknown()).default({}),
  lists: z.string().optional(),
  cache: z.string().optional(),
  pictures: picturesSchema.prefault({}),
  reference: referenceSchema.prefault({}),
}) satisfies z.ZodType<unknown, OpenOptions>;

/**
 * Opens a split. The first time a set on disk is read whole; what was found is kept for the next time.
 *
 * ```ts
 * import { rejects, strictEqual } from "node:assert/strict";
 * import { openDataset } from "@itera/itera/datasets";
 *
 * const val = await openDataset({ dataset: "context", split: "val", images: 2 });
 * strictEqual(val.size, 2);
 * await rejects(openDataset({ dataset: "coco", split: "val" }), /needs --data FOLDER/);
 * ```
 *
 * @throws {UserError} when an option is wrong or the set cannot be read, naming the option or the file.
 */
export async function openDataset(options: OpenOptions, hooks: OpenHooks = {}): Promise<RegionDataset> {
  const parsed = schema.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`data set: ${issue.path.join(".") || "options"}: ${issue.message}`);
  }
  const { dataset, data = "", split, pictures, options: own, ...others } = parsed.data;
  const { folder, open } = DATASET_ROWS[dataset];
  if (folder !== null && parsed.data.data === undefined) {
    throw new UserError(`--dataset ${dataset} needs --data FOLDER, ${folder}`);
  }
  const [unknown] = folder === null ? [] : Object.keys(own);
  if (unknown !== undefined) throw new UserError(`dataset.options.${unknown}: ${dataset} has no options of its own`);
  const set = await open(data, split, { ...others, own }, hooks);
  return set.source.kind === "files" ? { ...set, source: { ...set.source, pictures } } : set;
}
