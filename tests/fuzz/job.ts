/** Requests to a process that reads, and its answers, a line of JSON each. */
import type { Limits, Outcome } from "./reader.ts";

/** Inputs to read: mutations by their numbers, or those in a folder. */
export interface Job {
  /** Module whose `READERS` has the reader. */
  readonly registry: string;
  readonly reader: string;
  readonly limits: Limits;
  readonly work:
    /** Mutations `from` up to `to`, as far as the time, in ms since 1970, allows. */
    | {
      readonly kind: "mutations";
      readonly seed: number;
      readonly from: number;
      readonly to: number;
      readonly until: number;
    }
    /** The input in a folder. */
    | { readonly kind: "input"; readonly folder: string }
    /** The samples as they are. */
    | { readonly kind: "samples" }
    /** Only writes mutation `index` into a folder, and its sample beside it. */
    | {
      readonly kind: "write";
      readonly seed: number;
      readonly index: number;
      readonly folder: string;
      readonly sample: string;
    };
}

/** An answer. */
export type Answer =
  | { readonly begin: number; readonly size: number }
  | { readonly end: number; readonly mutation: string; readonly outcome: Outcome; readonly detail: string }
  /** The job is done, or as much of it as one process does: mutations go on at `more`. */
  | { readonly done: true; readonly more?: number };
