/** The regions of one picture of COCO. */
import { UserError } from "../../engine/base/user_error.ts";
import { clipped, readInstances } from "./instances.ts";

/** A region of one picture. */
export interface CocoRegion {
  /** x1, y1, x2, y2, inclusive pixels. */
  readonly box: readonly [number, number, number, number];
  readonly name: string;
}

/**
 * The regions of one picture by its file name.
 *
 * @throws {UserError} when the file is no COCO instances file or does not name the picture.
 */
export async function cocoBoxes(annotations: string, fileName: string): Promise<CocoRegion[]> {
  const set = await readInstances(annotations, (reason) => {
    throw new UserError(`${annotations}: ${reason}`);
  });
  const image = set.images.find(({ file_name }) => file_name.split("/").at(-1) === fileName);
  if (!image) throw new UserError(`${annotations}: names no picture ${fileName}`);
  const names = new Map(set.categories.map(({ id, name }) => [id, name.replaceAll(" ", "_")]));
  return (set.annotations.get(image.id) ?? []).flatMap((annotation) => {
    const inside = clipped(annotation, image);
    return inside ? [{ box: inside.box, name: names.get(annotation.category)! }] : [];
  });
}
