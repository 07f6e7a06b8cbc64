/**
 * Names of pictures as their folder spells them. A letter with a mark has two spellings in Unicode, which look the same: a
 * set packed on one system and annotated on another has both.
 */
import { join } from "node:path";

/** Names in folders by their composed spelling; each folder is listed once. */
export class Spelling {
  readonly #folder: string;
  readonly #names = new Map<string, ReadonlyMap<string, readonly string[]>>();

  /** Looks below `folder`. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The path that differs from `path` in spelling alone, or null where there is none or more than one. */
  find(path: string): string | null {
    let found = "";
    for (const segment of path.split("/").filter((one) => one !== "" && one !== ".")) {
      const names = this.#in(found).get(segment.normalize("NFC")) ?? [];
      const name = names.includes(segment) ? segment : names.length === 1 ? names[0] : null;
      if (name === null) return null;
      found = join(found, name);
    }
    return found;
  }

  #in(path: string): ReadonlyMap<string, readonly string[]> {
    let names = this.#names.get(path);
    if (!names) this.#names.set(path, names = namesIn(join(this.#folder, path)));
    return names;
  }
}

function namesIn(folder: string): ReadonlyMap<string, readonly string[]> {
  try {
    return Map.groupBy([...Deno.readDirSync(folder)].map(({ name }) => name), (name) => name.normalize("NFC"));
  } catch {
    return new Map();
  }
}
