/** COCO instances as region classification, by the reference's filtering rules (lib/datasets/coco.py). */
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "./errors.ts";
import { BACKGROUND, type RegionDataset, type RegionRecord, type Split } from "./types.ts";

const schema = z.object({
  images: z.array(z.object({
    id: z.number(),
    file_name: z.string(),
    width: z.number().positive(),
    height: z.number().positive(),
  })),
  annotations: z.array(z.object({
    image_id: z.number(),
    category_id: z.number(),
    bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    area: z.number(),
    iscrowd: z.number().default(0),
  })),
  categories: z.array(z.object({ id: z.number(), name: z.string() })),
});

type Instances = z.output<typeof schema>;

/** Options of {@link openCoco}. */
export interface CocoOptions {
  /** Keep crowd annotations, as the reference does; default true. */
  readonly crowd?: boolean;
  /** Images named in the annotations but missing on disk are left to the loader to skip; default false: an error. */
  readonly skipBroken?: boolean;
}

/** Where a split's annotations and images may be: the 2017 layout, then the 2014 one with the reference's minival. */
const LAYOUTS: Readonly<Record<Split, readonly (readonly [annotations: string, images: string])[]>> = {
  train: [["instances_train2017", "train2017"], ["instances_train2014", "train2014"]],
  val: [["instances_val2017", "val2017"], ["instances_minival2014", "val2014"], ["instances_val2014", "val2014"]],
  test: [["instances_val2017", "val2017"], ["instances_minival2014", "val2014"], ["instances_val2014", "val2014"]],
};

/**
 * Opens a split of COCO under `folder` (`annotations/instances_*.json` and the image folders). COCO publishes no test
 * labels: `test` is the validation images, as in the reference.
 *
 * @throws {UserError} naming the folder, the file or the field that is wrong.
 */
export async function openCoco(folder: string, split: Split, options: CocoOptions = {}): Promise<RegionDataset> {
  const layout = await findLayout(folder, split);
  const instances = await readInstances(layout.annotations);
  // Category ids have holes: a class is the rank of its id. Class 0 is the background.
  const categories = [...instances.categories].sort((a, b) => a.id - b.id);
  const rank = new Map(categories.map(({ id }, i) => [id, i + 1]));
  const byImage = new Map<number, Instances["annotations"]>();
  instances.annotations.forEach((annotation, i) => {
    if (!rank.has(annotation.category_id)) {
      throw new UserError(
        `${layout.annotations}: annotations.${i}: category_id ${annotation.category_id} is not among the categories`,
      );
    }
    const list = byImage.get(annotation.image_id);
    if (list) list.push(annotation);
    else byImage.set(annotation.image_id, [annotation]);
  });
  const records = instances.images.map((image): RegionRecord => {
    const kept = (byImage.get(image.id) ?? []).filter((a) => options.crowd !== false || a.iscrowd === 0);
    const boxes: number[] = [];
    const labels: number[] = [];
    for (const annotation of kept) {
      const box = clipped(annotation, image);
      if (!box) continue;
      boxes.push(...box);
      labels.push(rank.get(annotation.category_id)!);
    }
    return {
      id: String(image.id),
      width: image.width,
      height: image.height,
      boxes: Float32Array.from(boxes),
      labels: Int32Array.from(labels),
      path: join(layout.images, image.file_name),
    };
  });
  const paths = records.map(({ path }) => path!);
  if (!options.skipBroken) await checkFiles(paths, layout.annotations);
  return {
    name: "coco",
    split,
    classes: [BACKGROUND, ...categories.map(({ name }) => name.replaceAll(" ", "_"))],
    size: records.length,
    record: (index) => records[index],
    source: { kind: "files", paths },
  };
}

/** A region of one picture. */
export interface CocoRegion {
  /** x1, y1, x2, y2, inclusive pixels. */
  readonly box: [number, number, number, number];
  readonly name: string;
}

/**
 * The regions of one picture by its file name.
 *
 * @throws {UserError} when the file is no COCO instances file or does not name the picture.
 */
export async function cocoBoxes(annotations: string, fileName: string): Promise<CocoRegion[]> {
  const instances = await readInstances(annotations);
  const image = instances.images.find(({ file_name }) => file_name.split("/").at(-1) === fileName);
  if (!image) throw new UserError(`${annotations}: names no picture ${fileName}`);
  const names = new Map(instances.categories.map(({ id, name }) => [id, name.replaceAll(" ", "_")]));
  return instances.annotations.filter(({ image_id }) => image_id === image.id).flatMap((annotation) => {
    const box = clipped(annotation, image);
    return box ? [{ box, name: names.get(annotation.category_id) ?? "" }] : [];
  });
}

/** The box inside the image, whole pixels; null for an empty one. */
function clipped(
  { bbox: [x, y, w, h], area }: Instances["annotations"][number],
  { width, height }: Instances["images"][number],
): CocoRegion["box"] | null {
  const x1 = Math.max(0, x);
  const y1 = Math.max(0, y);
  const x2 = Math.min(width - 1, x1 + Math.max(0, w - 1));
  const y2 = Math.min(height - 1, y1 + Math.max(0, h - 1));
  return area > 0 && x2 >= x1 && y2 >= y1 ? [Math.trunc(x1), Math.trunc(y1), Math.trunc(x2), Math.trunc(y2)] : null;
}

async function findLayout(folder: string, split: Split): Promise<{ annotations: string; images: string }> {
  if (!(await isDirectory(folder))) {
    throw new UserError(`${folder}: there is no such folder; --data names the folder of the set`);
  }
  for (const [annotations, images] of LAYOUTS[split]) {
    const file = join(folder, "annotations", `${annotations}.json`);
    try {
      await Deno.stat(file);
    } catch {
      continue;
    }
    const pictures = join(folder, images);
    if (!(await isDirectory(pictures))) throw new UserError(`${pictures}: the image folder of ${file} is missing`);
    return { annotations: file, images: pictures };
  }
  const names = LAYOUTS[split].map(([annotations]) => `${annotations}.json`).join(", ");
  throw new UserError(
    `${join(folder, "annotations")}: none of ${names} is there; --data names the folder above annotations/`,
  );
}

async function readInstances(file: string): Promise<Instances> {
  let json: unknown;
  try {
    json = JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new UserError(`${file}: is not whole JSON (${reason}); download it again`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`${file}: ${issue.path.join(".") || "the file"}: ${issue.message}`);
  }
  return parsed.data;
}

async function checkFiles(paths: readonly string[], annotations: string): Promise<void> {
  for (const path of paths) {
    try {
      await Deno.stat(path);
    } catch {
      throw new UserError(`${path}: is named in ${annotations} but missing; --skip-broken leaves such images out`);
    }
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
