/** Opens a data set by name. */
import { z } from "../engine/base/packages/zod.ts";
import { UserError } from "../engine/base/user_error.ts";
import type { OpenHooks } from "./index/cache.ts";
import { referenceSchema } from "./reference_options.ts";
import { DATASET_ROWS, DATASETS } from "./registry.ts";
import type { RegionDataset } from "./types.ts";

const schema = z.strictObject({
  dataset: z.enum(DATASETS),
  /** Folder of a set on disk. */
  data: z.string().optional(),
  split: z.enum(["train", "val", "test"]),
  /** Leave out images that cannot be read. */
  skipBroken: z.boolean().default(false),
  /** Images of a drawn split; its default when absent. */
  images: z.int().min(1).optional(),
  /** ADE20K: folder of its lists, where that is not the set's own. */
  lists: z.string().optional(),
  /** Folder to keep parsed splits in; by default `.itera` in the set's, or the user's cache where that may not be written. */
  cache: z.string().optional(),
  reference: referenceSchema.prefault({}),
});

/** Options of {@link openDataset}. */
export type OpenOptions = z.input<typeof schema>;

/**
 * Opens a split. The first time a set on disk is read whole; what was found is kept for the next time.
 *
 * @throws {UserError} when an option is wrong or the set cannot be read, naming the option or the file.
 */
export async function openDataset(options: OpenOptions, hooks: OpenHooks = {}): Promise<RegionDataset> {
  const parsed = schema.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`data set: ${issue.path.join(".") || "options"}: ${issue.message}`);
  }
  const { dataset, data = "", split, ...others } = parsed.data;
  const { folder, open } = DATASET_ROWS[dataset];
  if (folder !== null && parsed.data.data === undefined) {
    throw new UserError(`--dataset ${dataset} needs --data FOLDER, ${folder}`);
  }
  return await open(data, split, others, hooks);
}
