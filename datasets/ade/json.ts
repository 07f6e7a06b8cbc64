/**
 * Names of instances in the JSON files of ADE20K's release of 2021. A file lists the objects and parts of an image with
 * their names and the polygons they were drawn as, but does not say which value of the instance maps each has. The maps
 * are those of 2016 (one value per instance, visible pixels only), so each value goes to the polygon it fills best.
 */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { parseJsonFile } from "../../engine/base/json_text.ts";
import { readAnyText } from "../formats/text.ts";
import type { RgbImage } from "../images/preprocess.ts";

/** An object or part that a person drew. */
export interface AdeObject {
  /** Raw name, blanks as underscores: what the release of 2016 has in field 4 of `_atr.txt`. */
  readonly name: string;
  /** 0 an object, 1 its part, 2 a part of that, … */
  readonly level: number;
  /** Corners in pixels. */
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** The files were written by a program that leaves out the brackets of a list of one, and has `[]` for empty text. */
function listOf<T extends z.ZodType>(one: T) {
  return z.union([z.array(one), one.transform((value) => [value])]);
}

const object = z.object({
  // An object without a name still has its pixels: they are not some neighbour's.
  raw_name: z.union([z.string(), z.tuple([]), z.null()]).transform((name) => typeof name === "string" ? name : ""),
  parts: z.object({ part_level: z.coerce.number().int().min(0) }),
  polygon: z.object({ x: listOf(z.number()), y: listOf(z.number()) }).default({ x: [], y: [] }),
});
const schema = z.object({ annotation: z.object({ object: z.unknown() }) });

/**
 * Reads the objects of an image.
 *
 * @throws {UserError} naming the file and the field that is wrong.
 */
export async function readAdeJson(path: string): Promise<AdeObject[]> {
  const parsed = schema.safeParse(parseJsonFile(path, await readAnyText(path)));
  if (!parsed.success) throw wrong(path, [], parsed.error);
  const { object: objects } = parsed.data.annotation;
  return (Array.isArray(objects) ? objects : [objects]).map((one, i) => {
    const read = object.safeParse(one);
    if (!read.success) throw wrong(path, ["annotation", "object", i], read.error);
    const { raw_name, parts, polygon } = read.data;
    return { name: raw_name.trim().replaceAll(" ", "_"), level: parts.part_level, ...polygon };
  });
}

function wrong(path: string, place: readonly (string | number)[], { issues: [issue] }: z.ZodError): UserError {
  return new UserError(`${path}: ${[...place, ...issue.path].join(".") || "the file"}: ${issue.message}`, { path });
}

/**
 * The names of the positions of a map, [height, width]: of all pairs of a polygon and a position, the one that overlaps
 * most (intersection over union) is settled first, then the next among what is left. Objects hidden altogether have no
 * position.
 */
export function nameByPolygons(
  map: Uint8Array,
  { width, height }: Pick<RgbImage, "width" | "height">,
  objects: readonly AdeObject[],
): Map<number, string> {
  const pixels = new Uint32Array(256);
  for (const position of map) pixels[position]++;
  const pairs: { readonly object: number; readonly position: number; readonly overlap: number }[] = [];
  objects.forEach((one, i) => {
    const { inside, area } = pixelsInside(map, width, height, one);
    for (let position = 1; position < 256; position++) {
      const shared = inside[position];
      if (shared > 0) pairs.push({ object: i, position, overlap: shared / (area + pixels[position] - shared) });
    }
  });
  pairs.sort((a, b) => b.overlap - a.overlap);
  const names = new Map<number, string>();
  const settled = new Set<number>();
  for (const { object, position } of pairs) {
    if (settled.has(object) || names.has(position)) continue;
    settled.add(object);
    names.set(position, objects[object].name);
  }
  return names;
}

/** Counts of the pixels of each position whose centre is inside the polygon (even-odd rule), and of all of them. */
function pixelsInside(
  map: Uint8Array,
  width: number,
  height: number,
  { x, y }: AdeObject,
): { readonly inside: Uint32Array; readonly area: number } {
  const inside = new Uint32Array(256);
  let area = 0;
  // Not `Math.min(...y)`: a file may hold more corners than a call takes arguments.
  const top = y.reduce((least, one) => Math.min(least, one), Infinity);
  const bottom = y.reduce((most, one) => Math.max(most, one), -Infinity);
  const low = Math.max(0, Math.floor(top)), high = Math.min(height - 1, Math.ceil(bottom));
  const crossings: number[] = [];
  for (let row = low; row <= high; row++) {
    const centre = row + 0.5;
    crossings.length = 0;
    for (let i = 0, j = x.length - 1; i < x.length; j = i++) {
      if ((y[i] > centre) === (y[j] > centre)) continue;
      crossings.push(x[i] + (x[j] - x[i]) * (centre - y[i]) / (y[j] - y[i]));
    }
    crossings.sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const from = Math.max(0, Math.ceil(crossings[k] - 0.5));
      const to = Math.min(width, Math.ceil(crossings[k + 1] - 0.5));
      for (let column = from; column < to; column++) inside[map[row * width + column]]++;
      area += Math.max(0, to - from);
    }
  }
  return { inside, area };
}
