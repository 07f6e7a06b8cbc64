/** Relations of parts to wholes, counted in ADE20K's annotations (papers/iterative-reasoning.md#class-edges). */
import { join } from "node:path";
import { type AdeAnnotation, readAdeAnnotation } from "../ade/annotation.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { KnowledgeBuilder } from "./builder.ts";

/** Counts of [part, whole] pairs by `part\nwhole`. */
export type PartCounts = Map<string, number>;

/** Adds an image's pairs: each part goes to the instance one level below that covers most of its pixels. */
export function countParts({ levels }: AdeAnnotation, counts: PartCounts): void {
  for (let k = 1; k < levels.length; k++) {
    const [whole, part] = [levels[k - 1], levels[k]];
    const overlap = new Map<number, Map<number, number>>();
    part.map.forEach((position, at) => {
      const under = whole.map[at];
      if (position === 0 || under === 0) return;
      const own = overlap.get(position) ?? new Map<number, number>();
      own.set(under, (own.get(under) ?? 0) + 1);
      overlap.set(position, own);
    });
    for (const [position, pixels] of overlap) {
      const [owner] = [...pixels].reduce((best, entry) => entry[1] > best[1] ? entry : best);
      const [a, b] = [part.names.get(position), whole.names.get(owner)];
      if (a === undefined || b === undefined) continue;
      counts.set(`${a}\n${b}`, (counts.get(`${a}\n${b}`) ?? 0) + 1);
    }
  }
}

/** Counts the parts of every annotated image under `folder`. */
export async function minePartCounts(
  folder: string,
  onImage: (done: number, of: number) => void = () => {},
): Promise<PartCounts> {
  const images = await annotatedImages(folder);
  if (images.length === 0) throw new UserError(`${folder}: holds no ADE20K annotation (no *_seg.png)`);
  const counts: PartCounts = new Map();
  for (const [i, image] of images.entries()) {
    countParts(await readAdeAnnotation(image), counts);
    onImage(i + 1, images.length);
  }
  return counts;
}

/** Edges part → whole, and back; the weight is the share of the part's instances found on that whole. */
export function addParts(builder: KnowledgeBuilder, counts: PartCounts): void {
  const totals = new Map<string, number>();
  for (const [key, count] of counts) {
    const part = key.split("\n")[0];
    totals.set(part, (totals.get(part) ?? 0) + count);
  }
  for (const [key, count] of counts) {
    const [part, whole] = key.split("\n");
    builder.addBoth("part-of", "has-part", part, whole, count / totals.get(part)!);
  }
}

/** Pictures with names beside their segmentation, in either release's form, in order of their names. */
async function annotatedImages(folder: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (path: string): Promise<void> => {
    let entries: Deno.DirEntry[];
    try {
      entries = await Array.fromAsync(Deno.readDir(path));
    } catch {
      throw new UserError(`${path}: there is no such folder, or it cannot be read`);
    }
    const names = new Set(entries.map(({ name }) => name));
    for (const { name, isDirectory } of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
      if (isDirectory) await walk(join(path, name));
      else if (
        name.endsWith("_seg.png") && ["_atr.txt", ".json"].some((end) => names.has(name.replace("_seg.png", end)))
      ) {
        found.push(join(path, name.replace("_seg.png", ".jpg")));
      }
    }
  };
  await walk(folder);
  return found;
}
