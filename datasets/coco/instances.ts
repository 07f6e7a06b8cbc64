/**
 * COCO's annotation files, read piece by piece, by the reference's filtering rules
 * (papers/iterative-reasoning.md#coco).
 */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { readJsonArrays } from "../formats/json_arrays.ts";
import { isInside, OUTSIDE } from "../index/inside.ts";
import { LONGEST_SIDE, type Tally, tally } from "../index/table.ts";
import { segmentationArea } from "./area.ts";

/** Numbers and texts are one: `"7"` is 7, as where one file was written by two programs. */
const id = z.union([z.int(), z.string()]).transform(String);

const image = z.object({
  id,
  file_name: z.string().refine(isInside, OUTSIDE),
  width: z.number().positive().max(LONGEST_SIDE),
  height: z.number().positive().max(LONGEST_SIDE),
});

/** Fields beyond the box are taken as loosely as pycocotools does: what is not needed is not looked at. */
const annotation = z.object({
  id: z.union([z.number(), z.string()]).optional().catch(undefined),
  image_id: id,
  category_id: id,
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  area: z.number().nullish(),
  segmentation: z.any().nullish(),
  iscrowd: z.union([z.boolean(), z.number()]).nullish().transform((crowd) => Number(crowd ?? 0) !== 0),
});

const outline = z.union([
  z.array(z.array(z.number())),
  z.object({ counts: z.union([z.string(), z.array(z.number())]) }),
]);

const category = z.object({ id, name: z.string() });

/** An id as the file has it, which other programs compare with theirs. */
export type CocoId = number | string;

/** A picture of the file. */
export interface CocoImage extends z.output<typeof image> {
  /** Its id as the file has it. */
  readonly given: CocoId;
}

/** A category of the file. */
export interface CocoCategory extends z.output<typeof category> {
  /** Its id as the file has it. */
  readonly given: CocoId;
}

/** An annotation without its outline. */
export interface CocoAnnotation {
  /** Its id; null where the file gives none. */
  readonly given: CocoId | null;
  /** Id of its category. */
  readonly category: string;
  /** x, y, width, height. */
  readonly bbox: readonly [number, number, number, number];
  readonly area: number;
  readonly crowd: boolean;
}

/** Contents of an instances file. */
export interface CocoInstances {
  readonly images: readonly CocoImage[];
  /** By image id, in the order of the file. */
  readonly annotations: ReadonlyMap<string, readonly CocoAnnotation[]>;
  /** By id, in order. */
  readonly categories: readonly CocoCategory[];
  /** Ids that more than one annotation has. Nothing here goes by them. */
  readonly repeated: Tally;
}

/**
 * Reads an instances file. Images and annotations that are not as they should be are left out and reported to `onBroken`,
 * which may throw: fields of another kind, an id that two images have, an image or category that is not listed.
 *
 * @throws {UserError} naming the file and what is wrong in it.
 */
export async function readInstances(
  path: string,
  onBroken: (reason: string) => void,
  onProgress?: (bytes: number, of: number) => void,
): Promise<CocoInstances> {
  const images: CocoImage[] = [];
  const annotations = new Map<string, CocoAnnotation[]>();
  const categories: CocoCategory[] = [];
  /** By id, the first annotation that has it. */
  const [usedCategories, usedImages] = [new Map<string, number>(), new Map<string, number>()];
  const names = new Map<string, string>();
  const places = new Map<string, number>();
  const twice = new Set<string>(), leftOut = new Set<string>();
  const seen = new Set<number | string>(), repeated: Tally = { count: 0, first: [] };
  await readJsonArrays(path, (key, value, index) => {
    if (key === "images") {
      const read = image.safeParse(value);
      if (!read.success) {
        leftOut.add(String((value as { id?: unknown } | null)?.id));
        return onBroken(complaint(`images.${index}`, read.error));
      }
      const { id } = read.data, before = places.get(id);
      if (before === undefined) places.set(id, index);
      else {
        twice.add(id);
        onBroken(`images.${index}: id ${id} is that of images.${before} too: whose are the annotations?`);
      }
      images.push({ ...read.data, given: givenId(value) });
    } else if (key === "categories") {
      categories.push({ ...checked(path, `categories.${index}`, category, value), given: givenId(value) });
    } else if (key === "annotations") {
      const read = annotation.safeParse(value);
      if (!read.success) return onBroken(complaint(`annotations.${index}`, read.error));
      const { id, image_id, category_id, bbox, area, segmentation, iscrowd } = read.data;
      if (id !== undefined && seen.size === seen.add(id).size) tally(repeated, String(id));
      // One text for all annotations of a category: there are hundreds of thousands.
      let category = names.get(category_id);
      if (category === undefined) names.set(category_id, category = category_id);
      const list = annotations.get(image_id) ?? [];
      list.push({ given: id ?? null, category, bbox, area: area ?? areaOf(segmentation, bbox), crowd: iscrowd });
      annotations.set(image_id, list);
      if (!usedCategories.has(category_id)) usedCategories.set(category_id, index);
      if (!usedImages.has(image_id)) usedImages.set(image_id, index);
    }
  }, onProgress);
  if (places.size + leftOut.size === 0) {
    throw new UserError(`${path}: holds no images; is it a COCO instances file?`, { path });
  }
  const ids = new Set<string>();
  for (const [index, { id }] of categories.entries()) {
    if (ids.size === ids.add(id).size) {
      throw new UserError(`${path}: categories.${index}: id ${id} is there twice; give each category its own`, {
        path,
      });
    }
  }
  for (const [id, index] of usedCategories) {
    if (!ids.has(id)) onBroken(`annotations.${index}: category_id ${id} is not among the categories`);
  }
  for (const [id, index] of usedImages) {
    if (!places.has(id) && !leftOut.has(id)) onBroken(`annotations.${index}: image_id ${id} is not among the images`);
  }
  return {
    images: images.filter(({ id }) => !twice.has(id)),
    annotations,
    categories: categories.sort((a, b) => compareIds(a.id, b.id)),
    repeated,
  };
}

function givenId(value: unknown): CocoId {
  return (value as { readonly id: CocoId }).id;
}

/** Numbers by size and before names, names in alphabetical order. */
function compareIds(a: string, b: string): number {
  const [x, y] = [a, b].map((id) => id.trim() === "" ? NaN : Number(id));
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return a < b ? -1 : Number(a > b);
}

/** The area of an outline, or of the box where there is none. */
function areaOf(segmentation: unknown, [, , width, height]: CocoAnnotation["bbox"]): number {
  const read = outline.safeParse(segmentation);
  // Exporters of boxes alone write an outline that is none: [], [[]], {}, two corners, no runs.
  const none = !read.success ||
    (Array.isArray(read.data) ? read.data.every(({ length }) => length < 6) : read.data.counts.length === 0);
  return none ? Math.max(0, width) * Math.max(0, height) : segmentationArea(read.data);
}

/**
 * The box inside the image, whole pixels, and whether it had to be cut; null for one that is empty or wholly outside.
 * `referenceCorners` moves a box whose first corner lies outside into the picture, size and all, and makes one pixel of a
 * negative size, as the reference does.
 */
export function clipped(
  { bbox: [x, y, w, h], area }: CocoAnnotation,
  { width, height }: Pick<CocoImage, "width" | "height">,
  referenceCorners = false,
): { readonly box: [number, number, number, number]; readonly cut: boolean } | null {
  if (!referenceCorners && (w < 0 || h < 0)) return null;
  const x1 = Math.max(0, x);
  const y1 = Math.max(0, y);
  const x2 = Math.min(width - 1, (referenceCorners ? x1 : x) + Math.max(0, w - 1));
  const y2 = Math.min(height - 1, (referenceCorners ? y1 : y) + Math.max(0, h - 1));
  if (!(area > 0 && x2 >= x1 && y2 >= y1)) return null;
  // Boxes commonly end between the last pixel and the border; only what reaches over a border is cut.
  const cut = x < 0 || y < 0 || x + w > width || y + h > height;
  return { box: [Math.trunc(x1), Math.trunc(y1), Math.trunc(x2), Math.trunc(y2)], cut };
}

function checked<T>(path: string, place: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(`${path}: ${complaint(place, parsed.error)}`, { path });
}

function complaint(place: string, { issues: [issue] }: z.ZodError): string {
  return `${[place, ...issue.path].join(".")}: ${issue.message}`;
}
