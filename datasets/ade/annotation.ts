/**
 * The annotation of one ADE20K image: instances of objects and parts (papers/iterative-reasoning.md#ade20k), from the
 * files of the 2016 release (`_atr.txt`) or of the 2021 release (`.json`). Both have the same instance maps; the names
 * come from elsewhere.
 */
import { UserError } from "../../engine/base/user_error.ts";
import { exists } from "../../engine/base/files.ts";
import type { RgbImage } from "../images/preprocess.ts";
import { readImage } from "../images/read_image.ts";
import { readAttributes } from "./attributes.ts";
import { nameByPolygons, readAdeJson } from "./json.ts";

/** All instances of one level: 0 whole objects, 1 their parts, 2 parts of parts, … */
export interface AdeLevel {
  readonly level: number;
  /** Position of each pixel's instance among the level's, 0 for none; [height, width]. */
  readonly map: Uint8Array;
  /** Raw class name of each position, blanks as underscores; absent where the annotation does not name it. */
  readonly names: ReadonlyMap<number, string>;
}

/** The whole annotation. */
export interface AdeAnnotation {
  readonly width: number;
  readonly height: number;
  readonly levels: readonly AdeLevel[];
}

/** A region of an annotation. */
export interface AdeRegion {
  readonly name: string;
  readonly level: number;
  /** x1, y1, x2, y2 of its pixels, inclusive. */
  readonly box: readonly [number, number, number, number];
}

/** Options of {@link readAdeAnnotation}. */
export interface AdeAnnotationOptions {
  /**
   * 2016 release: number instances as the reference does, from the lowest value of the map even where that is no
   * background, so that in an image without a pixel of background every name goes to the next instance. Default false.
   */
  readonly referenceNumbers?: boolean;
}

/** The files of an image's annotation, instance maps first by level, the names' file last. */
export interface AdeFiles {
  readonly maps: readonly string[];
  readonly names: string;
  /** Release whose names these are. */
  readonly release: 2016 | 2021;
}

/**
 * Finds `<stem>_seg.png`, `<stem>_parts_N.png` until one is missing, and `<stem>_atr.txt`, or else `<stem>.json`, beside
 * an image `<stem>.jpg`. Missing files are named as if they were there; reading them says so.
 */
export async function adeFiles(
  image: string,
  has: (path: string) => boolean | Promise<boolean> = exists,
): Promise<AdeFiles> {
  const stem = image.replace(/\.[^./]+$/, "");
  const maps = [`${stem}_seg.png`];
  while (await has(`${stem}_parts_${maps.length}.png`)) maps.push(`${stem}_parts_${maps.length}.png`);
  const release = !await has(`${stem}_atr.txt`) && await has(`${stem}.json`) ? 2021 : 2016;
  return { maps, names: release === 2021 ? `${stem}.json` : `${stem}_atr.txt`, release };
}

/**
 * Reads the annotation beside an image.
 *
 * @throws {UserError} naming the file that is missing or not as it should be.
 */
export async function readAdeAnnotation(
  image: string,
  options: AdeAnnotationOptions = {},
  files?: AdeFiles,
): Promise<AdeAnnotation> {
  const { maps, names, release } = files ?? await adeFiles(image);
  const numbered = release === 2016 ? await readAttributes(names) : null;
  const objects = release === 2021 ? await readAdeJson(names) : null;
  const levels: AdeLevel[] = [];
  let size: readonly [number, number] | undefined;
  for (const [level, path] of maps.entries()) {
    const picture = await readMap(path);
    const { width, height } = picture;
    size ??= [width, height];
    if (width !== size[0] || height !== size[1]) {
      throw new UserError(`${path}: is ${width}×${height}, not ${size.join("×")}`, { path });
    }
    const { map, background } = positions(picture.rgb);
    const shift = options.referenceNumbers && !background ? 1 : 0;
    const own = numbered
      ? new Map([...numbered.get(level) ?? []].map(([number, name]) => [number + shift, name]))
      : nameByPolygons(map, picture, objects!.filter((object) => object.level === level));
    levels.push({ level, map, names: own });
  }
  return { width: size![0], height: size![1], levels };
}

/** Boxes of all named instances: objects first, then parts level by level. */
export function adeRegions({ width, levels }: AdeAnnotation): AdeRegion[] {
  return levels.flatMap(({ level, map, names }) => {
    const boxes = instanceBoxes(map, width);
    return [...names.keys()].sort((a, b) => a - b).flatMap((position) => {
      const box = boxes.get(position);
      return box ? [{ name: names.get(position)!, level, box }] : [];
    });
  });
}

/** Instances of all levels that have pixels and no name: the names' file is cut, or of another picture. */
export function unnamedInstances({ width, levels }: AdeAnnotation): number {
  const counts = levels.map(({ map, names }) =>
    [...instanceBoxes(map, width).keys()].filter((p) => !names.has(p)).length
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The box of every position that has pixels. */
function instanceBoxes(map: Uint8Array, width: number): Map<number, [number, number, number, number]> {
  const left = new Int32Array(256).fill(width), right = new Int32Array(256).fill(-1);
  const top = new Int32Array(256).fill(-1), bottom = new Int32Array(256);
  const height = map.length / width;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    // Neighbours are mostly of one instance: a run of pixels at a time.
    for (let x = 0, end = 0; x < width; x = end) {
      const position = map[row + x];
      for (end = x + 1; end < width && map[row + end] === position;) end++;
      if (position === 0) continue;
      if (x < left[position]) left[position] = x;
      if (end - 1 > right[position]) right[position] = end - 1;
      if (top[position] < 0) top[position] = y;
      bottom[position] = y;
    }
  }
  const boxes = new Map<number, [number, number, number, number]>();
  for (let p = 1; p < 256; p++) if (right[p] >= 0) boxes.set(p, [left[p], top[p], right[p], bottom[p]]);
  return boxes;
}

/** Blue holds an instance identifier; its rank among the image's is the instance's number. 0 is no instance. */
function positions(rgb: Uint8Array): { readonly map: Uint8Array; readonly background: boolean } {
  const seen = new Uint8Array(256);
  for (let i = 2; i < rgb.length; i += 3) seen[rgb[i]] = 1;
  const rank = new Uint8Array(256);
  for (let value = 1, next = 1; value < 256; value++) if (seen[value]) rank[value] = next++;
  const map = new Uint8Array(rgb.length / 3);
  for (let at = 0; at < map.length; at++) map[at] = rank[rgb[3 * at + 2]];
  return { map, background: seen[0] === 1 };
}

async function readMap(path: string): Promise<RgbImage> {
  return await readImage(path).catch((error: unknown) => {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : "is no picture";
    throw new UserError(`${path}: ${reason}`, { path });
  });
}
