/** The files of Visual Genome, read image by image. */
import { join } from "node:path";
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { isInside, OUTSIDE } from "../index/inside.ts";
import { LONGEST_SIDE } from "../index/table.ts";
import { readJsonArrays } from "../formats/json_arrays.ts";

const picture = z.object({
  image_id: z.number(),
  url: z.string().optional(),
  width: z.number().positive().max(LONGEST_SIDE),
  height: z.number().positive().max(LONGEST_SIDE),
});

const objects = z.object({
  image_id: z.number(),
  objects: z.array(z.object({
    x: z.number(),
    y: z.number(),
    w: z.number(),
    h: z.number(),
    synsets: z.array(z.string()).nullish().transform((synsets) => synsets ?? []),
  })),
});

/** A picture's size and its file below the set's folder. */
export interface VgPicture {
  readonly width: number;
  readonly height: number;
  readonly path: string;
}

/** The objects of an image: boxes as corner and size in pixels, and their WordNet synsets, such as `tree.n.01`. */
export type VgObjects = z.output<typeof objects>;

/**
 * Pictures by image id from `image_data.json`. The address ends with the folder and name of the file:
 * `…/VG_100K_2/1.jpg`.
 *
 * @throws {UserError} naming the file and what is wrong in it.
 */
export async function readPictures(path: string): Promise<Map<number, VgPicture>> {
  const pictures = new Map<number, VgPicture>();
  await readJsonArrays(path, (_, value, index) => {
    const parsed = picture.safeParse(value);
    if (!parsed.success) throw new UserError(`${path}: ${complaint(index, parsed.error)}`);
    const { image_id, url = "", width, height } = parsed.data;
    if (pictures.has(image_id)) {
      throw new UserError(`${path}: ${index}: image_id ${image_id} is there twice; give each picture its own`, {
        path,
      });
    }
    const [, folder, name] = /([^/]+)\/([^/]+)$/.exec(url) ?? [null, "VG_100K", `${image_id}.jpg`];
    if (!isInside(`${folder}/${name}`)) throw new UserError(`${path}: ${index}.url: ${OUTSIDE}`, { path });
    pictures.set(image_id, { width, height, path: join(folder, name) });
  });
  return pictures;
}

/** Tells the images of `objects.json`, or of a split file of the same form; `onBroken` of those that are not as they should be. */
export async function readObjects(
  path: string,
  onImage: (image: VgObjects) => void,
  onBroken: (reason: string) => void,
  onProgress?: (bytes: number, of: number) => void,
): Promise<void> {
  await readJsonArrays(path, (_, value, index) => {
    const parsed = objects.safeParse(value);
    if (parsed.success) onImage(parsed.data);
    else onBroken(complaint(index, parsed.error));
  }, onProgress);
}

function complaint(index: number, { issues: [issue] }: z.ZodError): string {
  return `${[index, ...issue.path].join(".")}: ${issue.message}`;
}
