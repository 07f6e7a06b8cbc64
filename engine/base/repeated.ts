/** Names that are there twice. */

/** The first of `names` that stands before it too; undefined where all differ. Time grows with their number, not its square. */
export function firstRepeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}
