/** Checks of a split before training: everything missing, broken or odd, counted and named. */
import { availableParallelism } from "node:os";
import { exists, forEachAtOnce } from "../engine/base/files.ts";
import { type Findings, noFindings, type Tally, tally } from "./index/table.ts";
import type { TableDataset } from "./index/dataset.ts";
import { readImage, readSize } from "./images/read_image.ts";
import type { RegionDataset } from "./types.ts";

/** Something found, how often, and the first few of it. */
export interface CheckItem {
  readonly what: string;
  readonly count: number;
  readonly first: readonly string[];
  /** Training stops at it, unless what is broken is to be left out. */
  readonly stops: boolean;
}

/** Contents of a split, and its faults. */
export interface SplitCheck {
  readonly images: number;
  readonly regions: number;
  /** Images that have regions and a picture that can be read. */
  readonly usable: number;
  /** Faults looked for, the worst first; with a count of 0 where none was found. */
  readonly items: readonly CheckItem[];
}

/** Options of {@link checkSplit}. */
export interface CheckOptions {
  /** Look at the pictures' sizes alone, not at all of each; default false. */
  readonly headers?: boolean;
  /** Images checked, of how many. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** Looks at every image of a split that was opened with `skipBroken`. */
export async function checkSplit(set: RegionDataset, options: CheckOptions = {}): Promise<SplitCheck> {
  const pictures = await checkPictures(set, options);
  const empty = noTally();
  const counts = new Int32Array(set.classes.length);
  let regions = 0, usable = 0;
  for (let i = 0; i < set.size; i++) {
    const { id, labels } = set.record(i);
    for (const label of labels) counts[label]++;
    regions += labels.length;
    if (labels.length === 0) tally(empty, id);
    else if (!pictures.unreadable.has(i)) usable++;
  }
  const { missing, broken, clipped, repeated, dropped, unknown } = findingsOf(set);
  const unseen = set.classes.filter((_, label) => label > 0 && counts[label] === 0);
  const names = new Map<string, number>();
  for (const name of Object.values(unknown).flat()) names.set(name, (names.get(name) ?? 0) + 1);
  const unknownNames = [...names].sort((a, b) => b[1] - a[1]);
  const item = (what: string, { count, first }: Tally, stops = false): CheckItem => ({ what, count, first, stops });
  const items = [
    item("missing pictures", listed([...missing, ...pictures.missing]), true),
    item("broken pictures", pictures.broken, true),
    item("broken annotations", listed(broken.map(({ path, reason }) => `${path}: ${reason}`)), true),
    item("pictures of another size than annotated", pictures.otherSize, true),
    item("images without regions", empty),
    item("boxes cut at the border of their picture", clipped),
    item("boxes left out, outside or without area", dropped),
    item("annotation ids that are there twice", repeated),
    item(
      "names that two classes have",
      listed([...new Set(set.classes.filter((name, c) => set.classes.indexOf(name) !== c))]),
    ),
    item(
      "names that are no class",
      listed(unknownNames.map(([name, count]) => `${name || "no name at all"} (${count})`)),
    ),
    ...set.split === "train" ? [item("classes without training instances", listed(unseen))] : [],
  ];
  return { images: set.size, regions, usable, items };
}

/** Faults that a split's reader passed over; of a drawn one there are none. */
function findingsOf(set: RegionDataset & { readonly findings?: Findings }): Findings {
  return "table" in set ? (set as TableDataset).table.findings : set.findings ?? noFindings();
}

/** Faults of the pictures. */
interface Pictures {
  readonly missing: readonly string[];
  readonly broken: Tally;
  readonly otherSize: Tally;
  /** Images whose picture is missing, broken or of another size. */
  readonly unreadable: ReadonlySet<number>;
}

async function checkPictures(set: RegionDataset, { headers = false, onProgress }: CheckOptions): Promise<Pictures> {
  const missing: string[] = [];
  const [broken, otherSize] = [noTally(), noTally()];
  const unreadable = new Set<number>();
  const { paths, pictures = {} } = set.source.kind === "files" ? set.source : { paths: [] };
  let done = 0;
  await forEachAtOnce(paths, 2 * availableParallelism(), async (path, i) => {
    const { width, height } = set.record(i);
    const size = await (headers ? readSize : readImage)(path, pictures).catch(async (error: Error) => {
      unreadable.add(i);
      if (!await exists(path)) missing.push(path);
      else tally(broken, `${path}: ${error.message.split("\n")[0]}`);
      return null;
    });
    if (size && (size.width !== width || size.height !== height)) {
      unreadable.add(i);
      tally(otherSize, `${path}: ${size.width}×${size.height}, not ${width}×${height}`);
    }
    onProgress?.(++done, paths.length);
  });
  return { missing, broken, otherSize, unreadable };
}

function noTally(): Tally {
  return { count: 0, first: [] };
}

function listed(names: readonly string[]): Tally {
  return { count: names.length, first: names.slice(0, 5) };
}
