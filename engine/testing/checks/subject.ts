/** Things that are checked: an op or a kernel, as a list of cases that run and say what they should give. */
import type { Device } from "../../device.ts";
import type { CheckName } from "./names.ts";
import type { Result, Wanted } from "./compare.ts";

/** One run of what is checked. */
export interface Case {
  /** Inputs and attributes in words. */
  readonly title: string;
  /** The check by whose name it fails where its results are wrong. */
  readonly check: CheckName;
  /** Runs it and reads what it gives. Throws where something besides numbers is wrong. */
  run(device: Device): Promise<readonly Result[]>;
  /** Runs it without reading; nothing needs to be computed. */
  record(device: Device): void;
  /** Results as they should be; those random by design are not among them. */
  wanted(): readonly Wanted[];
}

/** A tiling with the cases that are run in it. */
export interface Tiled {
  /** Rows × columns in words. */
  readonly title: string;
  /** Runs `body` in it, on the device that it was made for or on another of the same kernel set. */
  run<T>(body: () => Promise<T>, device?: Device): Promise<T>;
}

/** An op or a kernel to be checked. */
export interface Subject {
  readonly name: string;
  readonly cases: readonly Case[];
  /**
   * Cases for sets of constants that `cases` do not reach; none where they reach all. Of a product's kernel each set counts in every
   * tiling that samples reach where `tilings` is true, else in any.
   */
  readonly specialised?: (device: Device, tilings: boolean) => readonly Case[];
  /** Tilings to choose from, and the cases for each. */
  readonly tiled?: (device: Device) => { readonly tilings: readonly Tiled[]; readonly cases: readonly Case[] };
  /** Holds gradients against differences; a fault in words, or null. */
  readonly differences?: (device: Device) => Promise<string | null>;
}

/** The check that a case of these extents belongs to. */
export function sizeCheck(shapes: readonly (readonly number[])[]): CheckName {
  if (shapes.some((shape) => shape.includes(0))) return "empty sizes";
  return shapes.some((shape) => shape.some((extent) => extent > 1 && extent % 2 === 1)) ? "odd sizes" : "values";
}
