/** Ids and boxes as COCO's annotation files have them, for results that other programs hold against these files. */
import { join, sep } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import type { SplitTable } from "../index/table.ts";
import type { OriginalAnnotations, OriginalId } from "../types.ts";
import { type CocoInstances, readInstances } from "./instances.ts";
import type { CocoPart } from "./layout.ts";
import { type CocoRules, labelsById, regionsOf } from "./regions.ts";

/**
 * Reads a split's annotation files again, for what its table does not keep.
 *
 * @throws {UserError} naming a file that has changed since the split was opened.
 */
export async function readOriginals(
  folder: string,
  parts: readonly CocoPart[],
  rules: CocoRules,
  table: SplitTable,
): Promise<OriginalAnnotations> {
  const sets = await Promise.all(parts.map(async ({ annotations, images }) => {
    const set = await readInstances(join(folder, annotations), () => {});
    return { set, images, labels: labelsById(set), byId: new Map(set.images.map((image) => [image.id, image])) };
  }));
  const imageIds: OriginalId[] = [], regionIds: (OriginalId | null)[] = [], boxes: number[] = [];
  table.ids.forEach((id, i) => {
    // An id may be in several files, whose pictures lie in folders of their own.
    const part = sets.length === 1 ? sets[0] : sets.find(({ images }) => table.paths[i].startsWith(images + sep));
    const image = part?.byId.get(id), count = table.offsets[i + 1] - table.offsets[i];
    const regions = part && image ? regionsOf(part.set, image, part.labels, rules) : [];
    if (!image || regions.length !== count) {
      const file = join(folder, parts[part ? sets.indexOf(part) : 0].annotations);
      throw new UserError(`${file}: has changed since it was opened, image ${id} is another; run it again`);
    }
    imageIds.push(image.given);
    for (const { annotation: { given, bbox } } of regions) {
      regionIds.push(given);
      boxes.push(...bbox);
    }
  });
  return { imageIds, categoryIds: categoryIds(sets[0].set), regionIds, boxes: Float64Array.from(boxes) };
}

function categoryIds({ categories }: Pick<CocoInstances, "categories">): (OriginalId | null)[] {
  return [null, ...categories.map(({ given }) => given)];
}
