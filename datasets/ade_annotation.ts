/** The annotation of one ADE20K image in the 2016 layout: instances of objects and parts (specification 6.1). */
import { UserError } from "./errors.ts";
import { readImage } from "./read_image.ts";

/** All instances of one level: 0 whole objects, 1 their parts, 2 parts of parts, … */
export interface AdeLevel {
  readonly level: number;
  /** Position of each pixel's instance among the level's, 0 for none; [height, width]. */
  readonly map: Uint16Array;
  /** Raw class name of each position, blanks as underscores; absent where the text file does not name it. */
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

/**
 * Reads `<stem>_seg.png`, `<stem>_parts_N.png` and `<stem>_atr.txt` beside an image `<stem>.jpg`.
 *
 * @throws {UserError} naming the file that is missing or not as it should be.
 */
export async function readAdeAnnotation(image: string): Promise<AdeAnnotation> {
  const stem = image.replace(/\.[^./]+$/, "");
  const names = await readNames(`${stem}_atr.txt`);
  const levels: AdeLevel[] = [];
  let size: readonly [number, number] | undefined;
  for (let level = 0;; level++) {
    const path = level === 0 ? `${stem}_seg.png` : `${stem}_parts_${level}.png`;
    if (level > 0 && !await Deno.stat(path).then(() => true, () => false)) break;
    const { rgb, width, height } = await readImage(path).catch((error: unknown) => {
      throw new UserError(
        `${path}: ${error instanceof Deno.errors.NotFound ? "there is no such file" : "is no picture"}`,
      );
    });
    size ??= [width, height];
    if (width !== size[0] || height !== size[1]) {
      throw new UserError(`${path}: is ${width}×${height}, not ${size.join("×")}`);
    }
    levels.push({ level, map: positions(rgb), names: names.get(level) ?? new Map() });
  }
  return { width: size![0], height: size![1], levels };
}

/** Boxes of all named instances: objects first, then parts level by level. */
export function adeRegions({ width, levels }: AdeAnnotation): AdeRegion[] {
  return levels.flatMap(({ level, map, names }) => {
    const boxes = new Map<number, [number, number, number, number]>();
    map.forEach((position, at) => {
      if (position === 0) return;
      const x = at % width, y = Math.floor(at / width);
      const box = boxes.get(position);
      if (!box) boxes.set(position, [x, y, x, y]);
      else {
        box[0] = Math.min(box[0], x);
        box[2] = Math.max(box[2], x);
        box[3] = y;
      }
    });
    return [...boxes].sort((a, b) => a[0] - b[0]).flatMap(([position, box]) => {
      const name = names.get(position);
      return name === undefined ? [] : [{ name, level, box }];
    });
  });
}

/** Blue holds an instance identifier; its rank among the image's is the instance's number. 0 is no instance. */
function positions(rgb: Uint8Array): Uint16Array {
  const seen = new Uint8Array(256);
  for (let i = 2; i < rgb.length; i += 3) seen[rgb[i]] = 1;
  const rank = new Uint16Array(256);
  for (let value = 1, next = 1; value < 256; value++) if (seen[value]) rank[value] = next++;
  const map = new Uint16Array(rgb.length / 3);
  for (let at = 0; at < map.length; at++) map[at] = rank[rgb[3 * at + 2]];
  return map;
}

/** Lines `number # level # … # class # raw name # …`: names by level and instance number. */
async function readNames(path: string): Promise<Map<number, Map<number, string>>> {
  const text = await Deno.readTextFile(path).catch(() => {
    throw new UserError(`${path}: there is no such file, or it cannot be read`);
  });
  const names = new Map<number, Map<number, string>>();
  text.split("\n").forEach((line, i) => {
    if (line.trim() === "") return;
    const fields = line.split("#").map((field) => field.trim());
    const [number, level] = [Number(fields[0]), Number(fields[1])];
    if (fields.length < 5 || !Number.isInteger(number) || !Number.isInteger(level)) {
      throw new UserError(
        `${path}:${i + 1}: is no instance; wanted number # level # occluded # class # name # attributes`,
      );
    }
    const own = names.get(level) ?? new Map<number, string>();
    own.set(number, fields[4].replaceAll(" ", "_"));
    names.set(level, own);
  });
  return names;
}
