/** Records of the CLEVR-Ref+ format (papers/iep-ref.md#scenes, papers/iep-ref.md#expressions). */
import type { Attribute, Relation } from "../scenes/catalogue.ts";

/** One object of a scene file. */
export interface SceneObject extends Readonly<Record<Attribute, string>> {
  /** Centre in the world. */
  readonly "3d_coords": readonly number[];
  /** Degrees about the vertical. */
  readonly rotation: number;
  /** x and y in pixels from the top left corner, and depth along the view. */
  readonly pixel_coords: readonly number[];
  /** Place in the list, from 1. */
  readonly idx?: number | undefined;
}

/** Ground truth of one picture. */
export interface Scene {
  /** Name of the split. */
  readonly split: string;
  /** Number of the picture in the split. */
  readonly image_index: number;
  /** File of the picture. */
  readonly image_filename: string;
  /** Objects of the picture. */
  readonly objects: readonly SceneObject[];
  /** Unit vectors of the relations in the world. */
  readonly directions: Readonly<Record<string, readonly number[]>>;
  /** `relationships[r][i]` lists, ascending, the objects that are r of object i. */
  readonly relationships: Readonly<Record<Relation, readonly (readonly number[])[]>>;
  /** Visible pixels by object, keys "1".."n": run lengths as {@link encodeRuns} in `rle.ts` writes them. */
  readonly obj_mask: Readonly<Record<string, string>>;
  /** x, y, width, height in pixels of the whole outline, hidden parts included, clipped to the picture. */
  readonly obj_bbox: Readonly<Record<string, readonly number[]>>;
}

/** One node of a program. */
export interface ProgramNode {
  /** Name of the function. */
  readonly type: string;
  /** Indices of earlier nodes. */
  readonly inputs: readonly number[];
  /** Values it is given, such as a colour. */
  readonly value_inputs: readonly string[];
  /** Its output on its picture: object indices from 0, a single one for `unique`. */
  readonly _output?: number | readonly number[] | undefined;
}

/** One referring expression. */
export interface Refexp {
  /** Name of the split. */
  readonly split: string;
  /** File of the picture. */
  readonly image_filename: string;
  /** Number of the picture in the split. */
  readonly image_index: number;
  /** Name of the picture without its ending. */
  readonly image: string;
  /** The text. */
  readonly refexp: string;
  /**
   * Nodes in an order in which they can be run; the output of the last one is the answer. Empty where the file has words
   * alone.
   */
  readonly program: readonly ProgramNode[];
  /** File of the template, which names the category. */
  readonly template_filename: string;
  /** Index inside that file. */
  readonly refexp_family_index: number;
  /** Place in the list, from 0. */
  readonly refexp_index: number;
}

/** Name of a picture's file. */
export function imageName(split: string, index: number): string {
  return `CLEVR_${split}_${String(index).padStart(6, "0")}.png`;
}
