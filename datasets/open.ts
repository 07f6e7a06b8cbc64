/** Opens a data set by name. */
import { z } from "zod";
import { openCoco } from "./coco.ts";
import { openContext } from "./context/dataset.ts";
import { UserError } from "./errors.ts";
import type { RegionDataset } from "./types.ts";

const schema = z.strictObject({
  dataset: z.enum(["context", "coco"]),
  /** Folder of a set on disk. */
  data: z.string().optional(),
  split: z.enum(["train", "val", "test"]),
  /** Leave out images that cannot be read. */
  skipBroken: z.boolean().default(false),
  /** Images of a drawn split; its default when absent. */
  images: z.int().min(1).optional(),
});

/** What {@link openDataset} accepts. */
export type OpenOptions = z.input<typeof schema>;

/**
 * Opens a split.
 *
 * @throws {UserError} when an option is wrong or the set cannot be read, naming the option or the file.
 */
export async function openDataset(options: OpenOptions): Promise<RegionDataset> {
  const parsed = schema.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`data set: ${issue.path.join(".") || "options"}: ${issue.message}`);
  }
  const { dataset, data, split, skipBroken, images } = parsed.data;
  if (dataset === "context") return openContext({ split, ...(images === undefined ? {} : { images }) });
  if (data === undefined) {
    throw new UserError("--dataset coco needs --data FOLDER, the folder with annotations/ and the images");
  }
  return await openCoco(data, split, { skipBroken });
}
