/** Mutation number n of a reader's samples. */
import { type Random, randomFor } from "../support/random.ts";
import { BINARY } from "./mutate/bytes.ts";
import { type Mutator, pick } from "./mutate/mutator.ts";
import type { Files, FuzzReader } from "./reader.ts";

/** A changed sample. */
export interface Mutation {
  /** Kind of the first change. */
  readonly kind: string;
  /** Number of the sample. */
  readonly sample: number;
  readonly files: Files;
}

/** Changes of the files as such, one in so many. */
const WHOLE_FILES = 60;

/** Another one for each number; the same for the same seed and number. */
export function mutation(reader: FuzzReader, samples: readonly Files[], seed: number, index: number): Mutation {
  const random = randomFor(`${reader.name} ${index}`, seed), sample = random.integer(0, samples.length);
  const files: Record<string, Files[string]> = { ...samples[sample] };
  const names = Object.keys(files).filter((name) => reader.mutators(name).length > 0);
  if (random.integer(0, WHOLE_FILES) === 0) {
    const name = pick(random, names);
    pick(random, [
      () => void delete files[name],
      () => files[name] = new Uint8Array(0),
      () => files[name] = files[pick(random, Object.keys(files))],
    ])();
    return { kind: "files", sample, files };
  }
  const name = pick(random, names), able = reader.mutators(name);
  const count = pick(random, [1, 1, 1, 1, 1, 1, 2, 2, 3, 5]);
  let kind = "";
  for (let i = 0; i < count; i++) {
    // The same kind of change several times finds other things than one of each.
    const one: Mutator = pick(random, i === 0 || random() < 0.7 ? able : BINARY);
    kind ||= one.kind;
    files[name] = applied(one, files[name], random);
  }
  return { kind, sample, files };
}

/** A change, or one of the bytes where what was changed before leaves nothing to make it in. */
function applied({ apply }: Mutator, bytes: Files[string], random: Random): Files[string] {
  try {
    return apply(bytes, random);
  } catch {
    return pick(random, BINARY).apply(bytes, random);
  }
}
