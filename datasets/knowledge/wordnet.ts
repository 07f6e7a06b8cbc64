/** Relations of WordNet 3's noun database (`index.noun` and `data.noun`; the format is wndb(5WN)). */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { readText } from "../../engine/base/files.ts";
import type { KnowledgeBuilder } from "./builder.ts";

interface Synset {
  readonly hypernyms: readonly string[];
  /** Wholes this is a part of. */
  readonly wholes: readonly string[];
}

/** Steps up the hypernym tree that still count as "is a kind of". */
const STEPS = 3;

/**
 * Adds kind-of and part-of edges, with their inverses, between classes whose first noun senses are so related.
 * Returns how many classes were found in WordNet.
 *
 * @throws {UserError} when the files are missing or not WordNet's.
 */
export async function addWordNet(builder: KnowledgeBuilder, folder: string): Promise<number> {
  const missing = "there is no such file; --wordnet names WordNet's dict folder";
  const [index, data] = await Promise.all(
    ["index.noun", "data.noun"].map((name) => readText(join(folder, name), missing)),
  );
  const first = firstSenses(index);
  const synsets = parseSynsets(data, join(folder, "data.noun"));
  const classOf = new Map<string, string[]>();
  const senses = builder.names.flatMap((name) => {
    const sense = first.get(name.toLowerCase().replaceAll(" ", "_"));
    if (sense === undefined) return [];
    classOf.set(sense, [...classOf.get(sense) ?? [], name]);
    return [{ name, sense }];
  });
  const related = (type: string, inverse: string, name: string, sense: string, weight: number): void => {
    for (const other of classOf.get(sense) ?? []) builder.addBoth(type, inverse, name, other, weight);
  };
  for (const { name, sense } of senses) {
    let level = [sense];
    for (let step = 1; step <= STEPS; step++) {
      level = [...new Set(level.flatMap((s) => synsets.get(s)?.hypernyms ?? []))];
      for (const above of level) related("kind-of", "has-kind", name, above, 1 / step);
    }
    for (const whole of synsets.get(sense)?.wholes ?? []) related("part-of", "has-part", name, whole, 1);
  }
  return senses.length;
}

/** Offset of each lemma's first sense. Lines: lemma pos sense_count pointer_count pointers… sense_count tagged offsets… */
function firstSenses(index: string): Map<string, string> {
  const senses = new Map<string, string>();
  for (const line of index.split("\n")) {
    if (line === "" || line.startsWith(" ")) continue;
    const fields = line.trim().split(/\s+/);
    const offset = fields[4 + Number(fields[3]) + 2];
    if (/^\d{8}$/.test(offset ?? "")) senses.set(fields[0], offset);
  }
  return senses;
}

/** Lines: offset file type word_count(hex) word lex_id… pointer_count symbol offset pos source… | gloss */
function parseSynsets(data: string, path: string): Map<string, Synset> {
  const synsets = new Map<string, Synset>();
  data.split("\n").forEach((line, i) => {
    if (line === "" || line.startsWith(" ")) return;
    const fields = line.split(" | ")[0].trim().split(/\s+/);
    const words = parseInt(fields[3], 16);
    const at = 4 + 2 * words;
    const count = Number(fields[at]);
    // Each pointer takes four fields: a count of more is a claim.
    if (!/^\d{8}$/.test(fields[0]) || !Number.isInteger(count) || count < 0 || at + 4 * count >= fields.length) {
      throw new UserError(`${path}:${i + 1}: is no line of WordNet's noun database`);
    }
    const pointers = Array.from({ length: count }, (_, p) => fields.slice(at + 1 + 4 * p, at + 5 + 4 * p));
    const of = (...symbols: string[]): string[] =>
      pointers.filter(([symbol, , pos]) => symbols.includes(symbol) && pos === "n").map(([, offset]) => offset);
    synsets.set(fields[0], { hypernyms: of("@", "@i"), wholes: of("#p") });
  });
  return synsets;
}
