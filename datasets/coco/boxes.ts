/** The regions of one picture of COCO. */
import { resolve } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { clipped, type CocoImage, readInstances } from "./instances.ts";

/** A region of one picture. */
export interface CocoRegion {
  /** x1, y1, x2, y2, inclusive pixels. */
  readonly box: readonly [number, number, number, number];
  readonly name: string;
}

/** A picture's size as annotated, and its regions. */
export interface CocoBoxes {
  readonly width: number;
  readonly height: number;
  readonly regions: readonly CocoRegion[];
}

/**
 * The regions of one picture, by its path: the file's names may have folders, and pictures of different folders one name.
 *
 * @throws {UserError} when the file is no COCO instances file, does not name the picture, or it cannot be said which it is.
 */
export async function cocoBoxes(annotations: string, picture: string): Promise<CocoBoxes> {
  const set = await readInstances(annotations, (reason) => {
    throw new UserError(`${annotations}: ${reason}`);
  });
  const image = pick(annotations, set.images, picture);
  const names = new Map(set.categories.map(({ id, name }) => [id, name.replaceAll(" ", "_")]));
  const regions = (set.annotations.get(image.id) ?? []).flatMap((annotation) => {
    const inside = clipped(annotation, image);
    return inside ? [{ box: inside.box, name: names.get(annotation.category)! }] : [];
  });
  return { width: image.width, height: image.height, regions };
}

/**
 * The image whose name is the end of the picture's path, the longest of several; else the one whose name shares the most
 * folders with it, counted from the end.
 */
function pick(annotations: string, images: readonly CocoImage[], picture: string): CocoImage {
  const wanted = segments(resolve(picture));
  let best: CocoImage[] = [], most = 1;
  for (const image of images) {
    const name = segments(image.file_name), end = sharedEnd(name, wanted);
    const shared = end === name.length ? end + wanted.length : end;
    if (shared < most) continue;
    if (shared > most) best = [];
    most = shared;
    best.push(image);
  }
  if (best.length === 0) throw new UserError(`${annotations}: names no picture ${wanted.at(-1)}`);
  if (best.length === 1) return best[0];
  const [first, second] = best.map(({ file_name }) => file_name);
  throw new UserError(
    `${annotations}: names ${best.length} pictures that ${picture} may be, such as ${first} and ${second}; ` +
      "keep it in the folder that its name there says",
  );
}

/** Letters with marks have two spellings, which look the same and of which file systems keep either. */
function segments(path: string): string[] {
  return path.normalize("NFC").split("/").filter((segment) => segment !== "" && segment !== ".");
}

function sharedEnd(a: readonly string[], b: readonly string[]): number {
  let shared = 0;
  while (shared < Math.min(a.length, b.length) && a.at(-1 - shared) === b.at(-1 - shared)) shared++;
  return shared;
}
