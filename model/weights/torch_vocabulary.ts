/** The vocabulary that the module network's authors keep in a checkpoint beside its weights. */

/** Tables of a vocabulary, as the authors' files name them. */
const TABLES = ["refexp_token_to_idx", "program_token_to_idx"] as const;

/** Tokens and their numbers by table, as JSON under `vocab`; nothing where a pickle holds none. */
export function vocabularyIn(pickled: unknown): Record<string, string> {
  const vocabulary = pickled instanceof Map ? pickled.get("vocab") : undefined;
  if (!(vocabulary instanceof Map)) return {};
  const tables = TABLES.map((name) => [name, tableOf(vocabulary.get(name))] as const);
  if (tables.some(([, table]) => table === null)) return {};
  return { vocab: JSON.stringify(Object.fromEntries(tables)) };
}

function tableOf(value: unknown): [string, number][] | null {
  if (!(value instanceof Map)) return null;
  const entries = [...value];
  const own = entries.every(([token, index]) => typeof token === "string" && Number.isSafeInteger(index));
  return own ? entries as [string, number][] : null;
}
