/** Mutations of the samples of readers, shared out among watched processes. */
import { join } from "node:path";
import type { Job } from "./job.ts";
import { folderName, minimise, readerFolder, readFiles, signatureOf } from "./minimise.ts";
import { writeFiles } from "./judge.ts";
import { isFault, LIMITS, type Limits, type Outcome } from "./reader.ts";
import { type Result, Watched } from "./watched.ts";

/** Options of {@link fuzz}. */
export interface FuzzOptions {
  /** Module whose `READERS` has the readers. */
  readonly registry: string;
  /** Names of readers. */
  readonly readers: readonly string[];
  readonly seed: number;
  /** Seconds for all of them. */
  readonly seconds: number;
  /** Most mutations of each; default as many as the time allows. */
  readonly count?: number;
  /** Processes; default 1. */
  readonly processes?: number;
  readonly limits?: Limits;
  /** Folder that gets the minimised input of each new kind of fault; absent, none is written. */
  readonly finds?: string;
  /** Seconds given to making one find smaller; default 20. */
  readonly minimising?: number;
  readonly onFind?: (find: Find) => void;
  readonly onReader?: (tally: Tally) => void;
}

/** The first of the inputs with one fault. */
export interface Find {
  readonly reader: string;
  readonly index: number;
  readonly signature: string;
  readonly detail: string;
  /** Folder of its minimised files, where they were written. */
  readonly folder: string | null;
}

/** Inputs of a reader counted by kind of change and end. */
export interface Tally {
  readonly reader: string;
  readonly kinds: ReadonlyMap<string, ReadonlyMap<Outcome, number>>;
}

/** Runs all readers; the finds and counts, in the order of the readers. */
export async function fuzz(options: FuzzOptions): Promise<{ readonly tallies: Tally[]; readonly finds: Find[] }> {
  const { readers, processes = 1, seconds } = options, finds: Find[] = [], tallies: Tally[] = [];
  const queue = [...readers], begun = Date.now();
  const work = async (): Promise<void> => {
    await using watched = new Watched();
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      // Each gets its share of what is left, so that quick ones leave more to others.
      const left = 1000 * seconds - (Date.now() - begun), share = left / Math.ceil((queue.length + 1) / processes);
      const { tally, found } = await one(watched, name, Date.now() + share, options);
      tallies.push(tally);
      finds.push(...found);
      options.onReader?.(tally);
    }
  };
  await Promise.all(Array.from({ length: Math.min(processes, readers.length) }, work));
  const place = ({ reader }: { readonly reader: string }): number => readers.indexOf(reader);
  return { tallies: tallies.sort((a, b) => place(a) - place(b)), finds: finds.sort((a, b) => place(a) - place(b)) };
}

async function one(
  watched: Watched,
  reader: string,
  until: number,
  { registry, seed, count = Infinity, limits = LIMITS, finds: folder, onFind, minimising = 20 }: FuzzOptions,
): Promise<{ readonly tally: Tally; readonly found: Find[] }> {
  const kinds = new Map<string, Map<Outcome, number>>(), firsts = new Map<string, Result>(), found: Find[] = [];
  const base = { registry, reader, limits };
  const to = Math.min(count, Number.MAX_SAFE_INTEGER);
  for await (const result of watched.run({ ...base, work: { kind: "mutations", seed, from: 0, to, until } })) {
    const { mutation: kind, outcome } = result, ends = kinds.get(kind || "(ended)") ?? new Map<Outcome, number>();
    ends.set(outcome, (ends.get(outcome) ?? 0) + 1);
    kinds.set(kind || "(ended)", ends);
    if (!isFault(outcome)) continue;
    const signature = signatureOf(result);
    if (!firsts.has(signature)) firsts.set(signature, result);
  }
  for (const [signature, { index, outcome, detail }] of firsts) {
    const find = { reader, index, signature, detail };
    const made = folder === undefined ? null : join(folder, readerFolder(reader), folderName(outcome, signature));
    if (made) await keep(watched, { ...base, seed, index }, signature, made, minimising);
    found.push({ ...find, folder: made });
    onFind?.(found.at(-1)!);
  }
  return { tally: { reader, kinds }, found };
}

/** Writes the minimised input of a fault. */
async function keep(
  watched: Watched,
  { seed, index, ...base }: Pick<Job, "registry" | "reader" | "limits"> & {
    readonly seed: number;
    readonly index: number;
  },
  signature: string,
  to: string,
  minimising: number,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "itera-fuzz-" });
  try {
    const [changed, sample] = ["changed", "sample"].map((name) => join(folder, name));
    for await (const _ of watched.run({ ...base, work: { kind: "write", seed, index, folder: changed, sample } }));
    const small = await minimise(watched, base, readFiles(changed), readFiles(sample), signature, minimising);
    await writeFiles(to, small);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
