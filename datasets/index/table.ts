/** A parsed split: every image's size and regions in a handful of arrays, whatever the set. */
import { isAbsolute, normalize, sep } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { NumberList } from "./numbers.ts";

/** Number of times something was met, with the first few of them. */
export interface Tally {
  count: number;
  readonly first: string[];
}

/** Faults that a reader passed over and that the person who trains may want to know. */
export interface Findings {
  /** Pictures that are listed but nowhere to be found; left out. */
  readonly missing: string[];
  /** Images or annotations that cannot be read and were left out. */
  readonly broken: { readonly path: string; readonly reason: string }[];
  /** By image: the names of its regions that are no class; these regions are left out. */
  readonly unknown: Record<string, readonly string[]>;
  /** Boxes that reached out of their picture and were cut at its border. */
  readonly clipped: Tally;
  /** Ids that several annotations have; they are read all the same. */
  readonly repeated: Tally;
  /** Boxes with nothing inside their picture, or without area; left out. */
  readonly dropped: Tally;
}

/** A parsed split of n images and r regions. */
export interface SplitTable {
  /** Class names, [C], background first. */
  readonly classes: readonly string[];
  /** Image names, [n]. */
  readonly ids: readonly string[];
  /** Picture files below the set's folder, [n]. */
  readonly paths: readonly string[];
  /** Width and height in pixels, [n, 2]. */
  readonly sizes: Uint16Array<ArrayBuffer>;
  /** Regions before each image, [n + 1]. */
  readonly offsets: Uint32Array<ArrayBuffer>;
  /** x1, y1, x2, y2 in inclusive pixels, [r, 4]; 16 bits as in the reference. */
  readonly boxes: Uint16Array<ArrayBuffer>;
  /** Class indices, [r]. */
  readonly labels: Uint16Array<ArrayBuffer>;
  /** Stamps by which changed annotation files of an image are found, [n]; 0 where it has none. */
  readonly stamps: Float64Array<ArrayBuffer>;
  readonly findings: Findings;
}

/** One image to add to a table. */
export interface TableImage {
  readonly id: string;
  readonly path: string;
  readonly width: number;
  readonly height: number;
  /** Whole numbers, [n, 4]. */
  readonly boxes: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  /** See {@link SplitTable.stamps}. */
  readonly stamp?: number;
  /** Names of regions that are no class, one for each. */
  readonly unknown?: readonly string[];
}

/** Longest side of a picture, in pixels: sizes and boxes have 16 bits. */
export const LONGEST_SIDE = 65535;

/** Names kept of each kind of finding. */
const FIRST = 5;

/** Nothing found yet. */
export function noFindings(): Findings {
  const none = (): Tally => ({ count: 0, first: [] });
  return { missing: [], broken: [], unknown: {}, clipped: none(), repeated: none(), dropped: none() };
}

/** Most broken images and annotations that are noted: with more, the file is another than it is taken for. */
const MOST_BROKEN = 100_000;

/** Notes a broken image or annotation. Throws {@link UserError} where hardly anything is whole. */
export function noteBroken({ broken }: Findings, path: string, reason: string): void {
  if (broken.length >= MOST_BROKEN) {
    throw new UserError(`${path}: more than ${MOST_BROKEN} parts are broken, such as ${broken[0].reason}`, { path });
  }
  broken.push({ path, reason });
}

/** Counts one more. */
export function tally(what: Tally, name: string): void {
  what.count++;
  if (what.first.length < FIRST && what.first.at(-1) !== name) what.first.push(name);
}

/** Fills a {@link SplitTable} image by image. */
export class TableBuilder {
  readonly findings: Findings = noFindings();
  readonly #ids: string[] = [];
  readonly #paths: string[] = [];
  readonly #sizes = new NumberList(Uint16Array);
  readonly #offsets = new NumberList(Uint32Array);
  readonly #boxes = new NumberList(Uint16Array);
  readonly #labels = new NumberList(Uint16Array);
  readonly #stamps = new NumberList(Float64Array);

  /** Adds an image. Throws {@link UserError} for one too large for 16 bits, or outside the set's folder. */
  add({ id, path, width, height, boxes, labels, stamp = 0, unknown = [] }: TableImage): void {
    if (isAbsolute(path) || normalize(path).split(sep)[0] === "..") {
      throw new UserError(
        `${path}: image ${id} is named by a path that leads out of the folder of the set; name it inside`,
      );
    }
    if (width > LONGEST_SIDE || height > LONGEST_SIDE) {
      throw new UserError(`${path}: ${width}×${height} pixels are too many`);
    }
    this.#offsets.push(this.#labels.length);
    this.#ids.push(id);
    this.#paths.push(path);
    this.#sizes.push(width, height);
    for (let i = 0; i < boxes.length; i++) this.#boxes.push(boxes[i]);
    for (let i = 0; i < labels.length; i++) this.#labels.push(labels[i]);
    this.#stamps.push(stamp);
    if (unknown.length > 0) this.findings.unknown[id] = unknown;
  }

  /** The whole table. */
  finish(classes: readonly string[]): SplitTable {
    this.#offsets.push(this.#labels.length);
    return {
      classes,
      ids: this.#ids,
      paths: this.#paths,
      sizes: this.#sizes.finish(),
      offsets: this.#offsets.finish(),
      boxes: this.#boxes.finish(),
      labels: this.#labels.finish(),
      stamps: this.#stamps.finish(),
      findings: this.findings,
    };
  }
}

/** Image `index` of a table. */
export function tableImage(table: SplitTable, index: number): Required<TableImage> {
  const { ids, paths, sizes, offsets, boxes, labels, stamps, findings } = table;
  const [from, to] = [offsets[index], offsets[index + 1]];
  return {
    id: ids[index],
    path: paths[index],
    width: sizes[2 * index],
    height: sizes[2 * index + 1],
    boxes: boxes.subarray(4 * from, 4 * to),
    labels: labels.subarray(from, to),
    stamp: stamps[index],
    unknown: findings.unknown[ids[index]] ?? [],
  };
}
