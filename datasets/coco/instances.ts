/**
 * COCO's annotation files, read piece by piece, by the reference's filtering rules
 * (papers/iterative-reasoning.md#coco).
 */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { readJsonArrays } from "../formats/json_arrays.ts";
import { segmentationArea } from "./area.ts";

const image = z.object({
  id: z.number(),
  file_name: z.string(),
  width: z.number().positive(),
  height: z.number().positive(),
});

const annotation = z.object({
  image_id: z.number(),
  category_id: z.number(),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  area: z.number().optional(),
  segmentation: z.union([
    z.array(z.array(z.number())),
    z.object({ counts: z.union([z.string(), z.array(z.number())]) }),
  ]).optional(),
  iscrowd: z.number().default(0),
});

const category = z.object({ id: z.number(), name: z.string() });

/** A picture of the file. */
export type CocoImage = z.output<typeof image>;

/** An annotation without its outline. */
export interface CocoAnnotation {
  readonly category: number;
  /** x, y, width, height. */
  readonly bbox: readonly [number, number, number, number];
  readonly area: number;
  readonly crowd: boolean;
}

/** Contents of an instances file. */
export interface CocoInstances {
  readonly images: readonly CocoImage[];
  /** By image id, in the order of the file. */
  readonly annotations: ReadonlyMap<number, readonly CocoAnnotation[]>;
  /** By id, in order. */
  readonly categories: readonly { readonly id: number; readonly name: string }[];
}

/**
 * Reads an instances file. Annotations that are not as they should be are reported to `onBroken`, which may throw.
 *
 * @throws {UserError} naming the file and what is wrong in it.
 */
export async function readInstances(
  path: string,
  onBroken: (reason: string) => void,
  onProgress?: (bytes: number, of: number) => void,
): Promise<CocoInstances> {
  const images: CocoImage[] = [];
  const annotations = new Map<number, CocoAnnotation[]>();
  const categories: z.output<typeof category>[] = [];
  const used = new Map<number, number>();
  await readJsonArrays(path, (key, value, index) => {
    if (key === "images") images.push(checked(path, `images.${index}`, image, value));
    else if (key === "categories") categories.push(checked(path, `categories.${index}`, category, value));
    else if (key === "annotations") {
      const parsed = annotation.safeParse(value);
      if (!parsed.success) return onBroken(complaint(`annotations.${index}`, parsed.error));
      const { image_id, category_id, bbox, area, segmentation, iscrowd } = parsed.data;
      const list = annotations.get(image_id) ?? [];
      list.push({
        category: category_id,
        bbox,
        area: area ?? (segmentation ? segmentationArea(segmentation) : bbox[2] * bbox[3]),
        crowd: iscrowd !== 0,
      });
      annotations.set(image_id, list);
      if (!used.has(category_id)) used.set(category_id, index);
    }
  }, onProgress);
  if (images.length === 0) throw new UserError(`${path}: holds no images; is it a COCO instances file?`);
  const ids = new Set(categories.map(({ id }) => id));
  for (const [id, index] of used) {
    if (!ids.has(id)) onBroken(`annotations.${index}: category_id ${id} is not among the categories`);
  }
  return { images, annotations, categories: categories.sort((a, b) => a.id - b.id) };
}

/** The box inside the image, whole pixels, and whether it had to be cut; null for one that is empty. */
export function clipped(
  { bbox: [x, y, w, h], area }: CocoAnnotation,
  { width, height }: CocoImage,
): { readonly box: [number, number, number, number]; readonly cut: boolean } | null {
  const x1 = Math.max(0, x);
  const y1 = Math.max(0, y);
  const x2 = Math.min(width - 1, x1 + Math.max(0, w - 1));
  const y2 = Math.min(height - 1, y1 + Math.max(0, h - 1));
  if (!(area > 0 && x2 >= x1 && y2 >= y1)) return null;
  // Boxes commonly end between the last pixel and the border; only what reaches over a border is cut.
  const cut = x < 0 || y < 0 || x + w > width || y + h > height;
  return { box: [Math.trunc(x1), Math.trunc(y1), Math.trunc(x2), Math.trunc(y2)], cut };
}

function checked<T>(path: string, place: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(`${path}: ${complaint(place, parsed.error)}`);
}

function complaint(place: string, { issues: [issue] }: z.ZodError): string {
  return `${[place, ...issue.path].join(".")}: ${issue.message}`;
}
