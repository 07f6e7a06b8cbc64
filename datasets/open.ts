/** Opens a data set by name. */
import { z } from "zod";
import { openAde } from "./ade/open.ts";
import { openCoco } from "./coco/open.ts";
import { openContext } from "./context/dataset.ts";
import { UserError } from "../engine/base/user_error.ts";
import type { OpenHooks } from "./index/cache.ts";
import type { RegionDataset } from "./types.ts";
import { openRefPlusRegions } from "./refplus/regions.ts";
import { openVg } from "./vg/open.ts";

/** Names of the sets: the drawn scenes, and those read from a folder. */
export const DATASETS = ["context", "coco", "ade", "vg", "refplus"] as const;

/** Name of a set. */
export type DatasetName = typeof DATASETS[number];

/** Where the reference does something one may want otherwise. Each default gives the reference's figures. */
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

/** What {@link openDataset} accepts. */
export type OpenOptions = z.input<typeof schema>;

/** What must lie in the folder of a set. */
const FOLDERS: Readonly<Record<Exclude<DatasetName, "context">, string>> = {
  coco: "the folder with annotations/ and the images",
  ade: "the folder with images/",
  vg: "the folder with image_data.json, VG_100K and VG_100K_2",
  refplus: "the folder with images/ and scenes/, as itera refplus generate makes it",
};

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
  const { dataset, data, split, skipBroken, images, lists, cache, reference } = parsed.data;
  if (dataset === "context") return openContext({ split, ...(images === undefined ? {} : { images }) });
  if (data === undefined) throw new UserError(`--dataset ${dataset} needs --data FOLDER, ${FOLDERS[dataset]}`);
  const common = { skipBroken, cache };
  switch (dataset) {
    case "coco":
      return await openCoco(data, split, { ...common, crowd: reference.crowd }, hooks);
    case "ade":
      return await openAde(data, split, { ...common, lists, referenceNumbers: reference.instanceNumbers }, hooks);
    case "refplus":
      return await openRefPlusRegions(data, split);
    case "vg":
      return await openVg(data, split, { ...common, keepFirstSynset: !reference.dropFirstSynset }, hooks);
  }
}
