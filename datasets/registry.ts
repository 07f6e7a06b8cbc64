/**
 * Every data set by name: how it is opened, and the facts that training, tables and the command line read. A new set is a
 * folder beside this file, and its name and row here; nothing else names a set.
 */
import { openAde } from "./ade/open.ts";
import { openCoco } from "./coco/open.ts";
import { openContext } from "./context/dataset.ts";
import { contextKnowledge } from "./context/knowledge.ts";
import { openHops } from "./hops/dataset.ts";
import type { HopInput } from "./hops/options.ts";
import type { ContextInput } from "./context/options.ts";
import type { OpenHooks } from "./index/cache.ts";
import type { Knowledge } from "./knowledge/knowledge.ts";
import type { ReferenceOptions } from "./reference_options.ts";
import { openRefPlusRegions } from "./refplus/regions.ts";
import type { RegionDataset, Split } from "./types.ts";
import { openVg } from "./vg/open.ts";

/** Options by which a set is opened, besides its folder and the split; a set ignores those that do not concern it. */
export interface RowOptions {
  /** Name and leave out images that cannot be read. */
  readonly skipBroken: boolean;
  /** Images of a split that is drawn. */
  readonly images?: number | undefined;
  /** Folder of the lists of images and classes, where that is not the set's own. */
  readonly lists?: string | undefined;
  /** Folder to keep parsed splits in. */
  readonly cache?: string | undefined;
  /** Ways of the reference that one may want otherwise. */
  readonly reference: ReferenceOptions;
  /** Options of its own, for a set that is drawn from a seed; it checks them itself. */
  readonly own: Readonly<Record<string, unknown>>;
}

/** The reference's schedule of training on a set, for the set's rows of the paper's tables. */
export interface PublishedTraining {
  /** Images shown. */
  readonly steps: number;
  /** Steps after which the rate drops. */
  readonly decaySteps: readonly number[];
  /** Classes with the background; about so many where they are counted in the set's own files. */
  readonly classes: number;
  /** True where the reference has a knowledge graph of the classes; without one it reasons over regions alone. */
  readonly classGraph: boolean;
}

/** Facts of a data set that the rest of the program asks for. */
export interface DatasetRow {
  /** Its name as people write it. */
  readonly title: string;
  /** Contents that its folder must have, in words; null for a set that is drawn from a seed and has none. */
  readonly folder: string | null;
  /** Opens a split of the set in `folder`, which is empty for a set without one. */
  readonly open: (
    folder: string,
    split: Split,
    options: RowOptions,
    hooks: OpenHooks,
  ) => RegionDataset | Promise<RegionDataset>;
  /**
   * True where its pictures are drawn: simple enough for a small network that begins at random, and a quick schedule.
   */
  readonly drawn: boolean;
  /** Default shorter and longer side in pixels that images are scaled to. */
  readonly imageSize: readonly [shortSide: number, longSide: number];
  /** True where mirrored pictures are as good as others for training. */
  readonly flip: boolean;
  /** Split of the final table: `val` where no test labels are published and `test` is the same images once more. */
  readonly testSplit: "val" | "test";
  /** Knowledge of its classes that the set itself brings. */
  readonly knowledge?: () => Knowledge;
  /** Absent where the paper does not train on it. */
  readonly published?: PublishedTraining;
}

/** Name of a set. */
export type DatasetName = "context" | "hops" | "ade" | "coco" | "vg" | "refplus";

/** The rows by name. */
export const DATASET_ROWS: Readonly<Record<DatasetName, DatasetRow>> = {
  context: {
    title: "context scenes",
    folder: null,
    open: (_, split, { images, own }) => openContext({ ...own as Partial<ContextInput>, split, ...counted(images) }),
    drawn: true,
    imageSize: [128, 192],
    flip: true,
    testSplit: "test",
    knowledge: () => contextKnowledge(),
  },
  hops: {
    title: "hop scenes",
    folder: null,
    open: (_, split, { images, own }) => openHops({ ...own as Partial<HopInput>, split, ...counted(images) }),
    drawn: true,
    imageSize: [128, 192],
    flip: true,
    testSplit: "test",
  },
  ade: {
    title: "ADE20K",
    folder: "the folder with images/",
    open: (folder, split, { reference, ...options }, hooks) =>
      openAde(folder, split, { ...options, referenceNumbers: reference.instanceNumbers }, hooks),
    drawn: false,
    imageSize: [600, 1000],
    flip: true,
    testSplit: "test",
    published: { steps: 320_000, decaySteps: [280_000], classes: 1485, classGraph: true },
  },
  coco: {
    title: "COCO",
    folder: "the folder with annotations/ and the images",
    open: (folder, split, { reference, ...options }, hooks) =>
      openCoco(folder, split, { ...options, crowd: reference.crowd, moveBoxes: reference.moveBoxes }, hooks),
    drawn: false,
    imageSize: [600, 1000],
    flip: true,
    testSplit: "val",
    published: { steps: 720_000, decaySteps: [320_000, 560_000], classes: 81, classGraph: false },
  },
  vg: {
    title: "Visual Genome",
    folder: "the folder with image_data.json, VG_100K and VG_100K_2",
    open: (folder, split, { reference, ...options }, hooks) =>
      openVg(folder, split, { ...options, keepFirstSynset: !reference.dropFirstSynset }, hooks),
    drawn: false,
    imageSize: [600, 1000],
    flip: true,
    testSplit: "test",
    // The reference names no schedule for it: COCO's (papers/iterative-reasoning.md#training). About so many synsets occur five times or more.
    published: { steps: 720_000, decaySteps: [320_000, 560_000], classes: 3994, classGraph: true },
  },
  refplus: {
    title: "CLEVR-Ref+",
    folder: "the folder with images/ and scenes/, as itera refplus generate makes it",
    open: (folder, split) => openRefPlusRegions(folder, split),
    drawn: true,
    imageSize: [128, 192],
    flip: true,
    testSplit: "test",
  },
};

/** `images` as an option, where it is given. */
function counted(images: number | undefined): { readonly images?: number } {
  return images === undefined ? {} : { images };
}

/** Names of the sets. */
export const DATASETS: readonly DatasetName[] = Object.keys(DATASET_ROWS) as DatasetName[];

/** The set that is used where none is named. */
export const DEFAULT_DATASET: DatasetName = "context";

/** True for the name of a data set. */
export function isDatasetName(name: unknown): name is DatasetName {
  return typeof name === "string" && Object.hasOwn(DATASET_ROWS, name);
}

/** Splits of a set that hold different images. */
export function splitsOf(name: DatasetName): readonly Split[] {
  return DATASET_ROWS[name].testSplit === "test" ? ["train", "val", "test"] : ["train", "val"];
}
