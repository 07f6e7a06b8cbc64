/** Program tokens in words for people. */

/** Words of functions without values, or of those whose values alone would not say what they do. */
const WORDS: Readonly<Record<string, string>> = {
  scene: "everything",
  unique: "the one",
  union: "either of both",
  intersect: "in both",
};

const RELATIONS: Readonly<Record<string, string>> = {
  left: "left of it",
  right: "right of it",
  front: "in front of it",
  behind: "behind it",
};

/** A token such as `filter_color[red]` or `relate[left]` in words. */
export function wordsOfToken(token: string): string {
  const [, name, values] = /^([^[]*)(?:\[(.*)\])?$/s.exec(token)!;
  if (values === undefined) return WORDS[name] ?? name.replace(/^same_/, "same ").replaceAll("_", " ");
  if (name === "relate") return RELATIONS[values] ?? values;
  if (name === "filter_ordinal") return values.replace(",", " ").replace(" one of the ", " ");
  return values;
}

/** The word of a vocabulary that is spelled most like another. */
export function nearestWord(word: string, words: readonly string[]): string | null {
  const scored = words.map((other) => ({ other, off: distance(word.toLowerCase(), other.toLowerCase()) }));
  const [best] = scored.sort((a, b) => a.off - b.off);
  return best && best.off <= Math.max(1, word.length / 3) ? best.other : null;
}

/** Letters to add, take away or change (Levenshtein, 1966). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    row = row.reduce<number[]>((next, above, j) => {
      if (j === 0) return [i];
      return [...next, Math.min(above + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))];
    }, []);
  }
  return row[b.length];
}
