/** A reader of files as the fuzzer sees it. */
import type { Bytes, Mutator } from "./mutate/mutator.ts";

/** The files of an input by their paths in a folder. */
export type Files = Readonly<Record<string, Bytes>>;

/** A reader of files, whole inputs of it, and what must be true of whatever it reads. */
export interface FuzzReader {
  /** Name on the command line and of its folder of regressions. */
  readonly name: string;
  /** Whole inputs, all of which are read. */
  readonly samples: () => Promise<readonly Files[]> | readonly Files[];
  /** Changes that fit a file; none where it is left as it is. */
  readonly mutators: (file: string) => readonly Mutator[];
  /** Reads the input in a folder: plain values, arrays and maps, which are compared. */
  readonly read: (folder: string) => unknown;
  /**
   * The complaint about what was read of `files`: an invariant that it breaks, or a difference to what an independent reader
   * gives; null where there is none.
   */
  readonly check?: (value: unknown, files: Files) => string | null;
  /** The complaint about a refusal of what had to be read; null where there is none. */
  readonly checkRefusal?: (message: string, files: Files) => string | null;
  /** True where a checksum or the like covers all that is read: whatever is read is the sample itself. */
  readonly onlyOriginal?: boolean;
  /** True for a typed error of the project; by default a `UserError` that names a file of the input. */
  readonly typed?: (error: unknown, folder: string) => boolean;
  /** Inputs after which another process goes on, where broken ones leave memory of a library behind. */
  readonly perProcess?: number;
  /** True once this process's library fell over an input: it reads nothing more, and another process goes on. */
  readonly spent?: () => boolean;
  /** Bytes of an input unpacked, where they are more than its files have. */
  readonly unpacked?: (files: Files) => number;
}

/** Time and memory that an input may take. */
export interface Limits {
  /** Bytes beside those for each byte of input. */
  readonly memory: number;
  /** Seconds of processor time beside those for each megabyte. */
  readonly seconds: number;
}

/** "An input of n bytes takes at most 256 MiB + 32 n bytes of memory and 5 s + 1 s per MB." */
export const LIMITS: Limits = { memory: 2 ** 28, seconds: 5 };

/** Bytes of memory that an input of `size` bytes may take. */
export function memoryFor(size: number, { memory }: Limits): number {
  return memory + 32 * size;
}

/** Seconds that it may take. */
export function secondsFor(size: number, { seconds }: Limits): number {
  return seconds + size / 1e6;
}

/** Bytes of an input, as limits count them. */
export function sizeOf(files: Files, { unpacked }: Pick<FuzzReader, "unpacked">): number {
  const stored = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  return Math.max(stored, unpacked?.(files) ?? 0);
}

/** Ends of an input that are as they should be: read as the sample, read as something else, refused. */
export const SOUND = ["same", "other", "refused"] as const;

/** Ends that are not: see {@link FuzzReader}; `crash` is the end of the process that reads. */
export const FAULTS = ["raw error", "hang", "memory", "crash", "unequal twice", "wrong"] as const;

/** An end of one input. */
export type Outcome = typeof SOUND[number] | typeof FAULTS[number];

/** True for an {@link Outcome} that is a fault. */
export function isFault(outcome: Outcome): boolean {
  return (FAULTS as readonly string[]).includes(outcome);
}
