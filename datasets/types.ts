/** Records every region-classification set yields, and where its pixels come from. */
import type { PictureOptions } from "./images/picture_options.ts";

/** The parts of a set. Where a set publishes no test labels, "test" is its validation part. */
export type Split = "train" | "val" | "test";

/**
 * One image's regions. Boxes are [x1, y1, x2, y2] in inclusive pixel coordinates, row-major [n, 4]; labels are class
 * indices 1..C-1, [n]. `path` is the image file, absent where pixels are drawn.
 */
export interface RegionRecord {
  /** Name of the picture within its set. */
  readonly id: string;
  /** Width of the picture in pixels. */
  readonly width: number;
  /** Height of the picture in pixels. */
  readonly height: number;
  /** Boxes of its regions [regions, 4]: x1, y1, x2, y2 in inclusive pixels. */
  readonly boxes: Float32Array<ArrayBuffer>;
  /** Class of each region [regions]. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** File of the picture, where there is one. */
  readonly path?: string;
}

/** Pixels that lie in image files, one per record. */
export interface FileImages {
  /** Pictures in files. */
  readonly kind: "files";
  /** Files of the pictures, by index. */
  readonly paths: readonly string[];
  /** Ways to read them; absent, the reference's. */
  readonly pictures?: PictureOptions;
}

/** Pixels that are drawn. */
export interface DrawnImages {
  /** Pictures drawn by a module. */
  readonly kind: "drawn";
  /** Address of the set's module that draws: a worker loads it, and needs to know no set by name. */
  readonly module: string;
  /** Handed to the module's `drawImage` with the index of an image; structured-cloneable. */
  readonly options: unknown;
}

/** A structured-cloneable description from which a worker gets the pixels of any index. */
export type ImageSource = FileImages | DrawnImages;

/** Answers that a drawn set's generator knows exactly, one row for each region in the order of the set. */
export interface ExactAnswers {
  /** Posteriors over classes by name, from less of the picture to more: [N, C] row-major, column 0 zero. */
  readonly posteriors: readonly { readonly name: string; readonly probabilities: Float32Array<ArrayBuffer> }[];
  /** Ranges of the distance to what decides a region's class, the nearest first. */
  readonly ranges: readonly string[];
  /** Range of each region, [N]; -1 where nothing in the picture decides its class. */
  readonly rangeOf: Int32Array<ArrayBuffer>;
}

/** An id in an annotation file: JSON has numbers and texts, and other programs tell 7 from "7". */
export type OriginalId = number | string;

/** Ids and boxes that a set's own annotation files have for what was read of them. */
export interface OriginalAnnotations {
  /** Id of each image, [n]. */
  readonly imageIds: readonly OriginalId[];
  /** Id of the category of each class, [C]; null for the background, and for a class that the files lack. */
  readonly categoryIds: readonly (OriginalId | null)[];
  /** Id of each region, image after image, [r]; null where the files give none. */
  readonly regionIds: readonly (OriginalId | null)[];
  /** Left edge, top, width and height of each region in pixels of its picture, neither cut nor rounded, [r, 4]. */
  readonly boxes: Float64Array<ArrayBuffer>;
}

/** A split of a region-classification set: annotations in memory, pixels on demand. */
export interface RegionDataset {
  /** Name of the set in run folders and messages. */
  readonly name: string;
  /** The part that was opened. */
  readonly split: Split;
  /** Class names, [C]; the first is `__background__`, which no region is labelled with. */
  readonly classes: readonly string[];
  /** Number of images. */
  readonly size: number;
  /** The regions of image `index`, 0..size-1. */
  record(index: number): RegionRecord;
  /** Source of the pixels. */
  readonly source: ImageSource;
  /** Label under mirroring for every label, [C], for sets with left_X and right_X classes; absent means unchanged. */
  readonly flipLabels?: Int32Array<ArrayBuffer>;
  /** Ids and boxes of its annotation files, read anew from them, for a set whose files give ids. */
  readonly originals?: () => Promise<OriginalAnnotations>;
  /** Exact answers, for a set whose generator knows them. */
  readonly answers?: () => ExactAnswers;
}

/** Name of class 0. */
export const BACKGROUND = "__background__";
