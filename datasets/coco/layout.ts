/** Paths of COCO's annotations and pictures: the layouts of 2014 and 2017, and the reference's split. */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { exists, isDirectory, requireFolder } from "../../engine/base/files.ts";
import type { Split } from "../types.ts";

/** A file of annotations and the folder of its pictures, both below the set's folder. */
export interface CocoPart {
  readonly annotations: string;
  readonly images: string;
}

/** Annotations, pictures. */
type Names = readonly [annotations: string, images: string];

const TRAIN_2014: Names = ["instances_train2014", "train2014"];
const MINIVAL: Names = ["instances_minival2014", "val2014"];
const VAL_WITHOUT_MINIVAL: Names = ["instances_valminusminival2014", "val2014"];

/** The reference's split: it trains on most of val2014 too. Val and test are the same 5,000 images, as in the reference. */
const REFERENCE: Readonly<Record<Split, readonly Names[]>> = {
  train: [TRAIN_2014, VAL_WITHOUT_MINIVAL],
  val: [MINIVAL],
  test: [MINIVAL],
};

/** Without the reference's files, the first of these that is there. COCO publishes no test labels. */
const VALIDATION: readonly Names[] = [["instances_val2017", "val2017"], MINIVAL, ["instances_val2014", "val2014"]];
const SINGLE: Readonly<Record<Split, readonly Names[]>> = {
  train: [["instances_train2017", "train2017"], TRAIN_2014],
  val: VALIDATION,
  test: VALIDATION,
};

/**
 * The parts a split consists of. Where instances_minival2014.json and instances_valminusminival2014.json are there, it is
 * the reference's; pictures lie in `train2014/` or `images/train2014/`, and so on.
 *
 * @throws {UserError} naming the folder or file that is missing.
 */
export async function findParts(folder: string, split: Split): Promise<CocoPart[]> {
  await requireFolder(folder);
  const has = async ([annotations]: Names): Promise<boolean> => await exists(join(folder, path(annotations)));
  if (await has(MINIVAL) && await has(VAL_WITHOUT_MINIVAL)) {
    for (const names of REFERENCE[split]) {
      if (!await has(names)) {
        throw new UserError(
          `${join(folder, path(names[0]))}: the split with minival needs this file too; there is none`,
        );
      }
    }
    return await Promise.all(REFERENCE[split].map((names) => withImages(folder, names)));
  }
  for (const names of SINGLE[split]) if (await has(names)) return [await withImages(folder, names)];
  const wanted = SINGLE[split].map(([annotations]) => `${annotations}.json`).join(", ");
  throw new UserError(
    `${join(folder, "annotations")}: none of ${wanted} is there; --data names the folder above annotations/`,
  );
}

async function withImages(folder: string, [annotations, images]: Names): Promise<CocoPart> {
  for (const candidate of [images, join("images", images)]) {
    if (await isDirectory(join(folder, candidate))) return { annotations: path(annotations), images: candidate };
  }
  throw new UserError(
    `${join(folder, images)}: the image folder of ${join(folder, path(annotations))} is missing`,
  );
}

function path(annotations: string): string {
  return join("annotations", `${annotations}.json`);
}
