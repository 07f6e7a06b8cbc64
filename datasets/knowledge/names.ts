/** Relations found in class names alone: left and right, one and many (papers/iterative-reasoning.md#class-edges). */
import type { KnowledgeBuilder } from "./builder.ts";

/**
 * `left_arm` and `right_arm` mirror each other: `left-right` goes from left to right, `right-left` back, two relations as in
 * the authors' settings (LR and iLR). Returns the pairs found.
 */
export function addMirrors(builder: KnowledgeBuilder): number {
  let pairs = 0;
  for (const name of builder.names) {
    const match = /^left([ _])(.+)$/.exec(name);
    if (!match || !builder.has(`right${match[1]}${match[2]}`)) continue;
    builder.addBoth("left-right", "right-left", name, `right${match[1]}${match[2]}`);
    pairs++;
  }
  return pairs;
}

/** Rules by which plurals are made. */
export const PLURALS: readonly { readonly name: string; readonly of: (word: string) => string | null }[] = [
  { name: "s", of: (word) => `${word}s` },
  { name: "es", of: (word) => `${word}es` },
  { name: "ies", of: (word) => word.endsWith("y") ? `${word.slice(0, -1)}ies` : null },
];

/** `box` and `boxes`. Returns the pairs found by each rule. */
export function addPlurals(builder: KnowledgeBuilder): Record<string, number> {
  return Object.fromEntries(PLURALS.map(({ name: rule, of }) => {
    const found = builder.names.filter((name) => {
      const plural = of(name);
      if (plural === null || !builder.has(plural)) return false;
      builder.addBoth("plural", "singular", name, plural);
      return true;
    });
    return [rule, found.length];
  }));
}
