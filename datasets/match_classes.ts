/** Classes of a split against those a model or another split has, by name. */
import { UserError } from "../engine/base/user_error.ts";
import type { RegionDataset } from "./types.ts";

/** Names in a message; more are counted. */
const NAMED = 5;

/** Names that two lists of classes do not share, in words; null where they are the same in the same order. */
export function classDifference(
  have: readonly string[],
  wanted: readonly string[],
  whose: string,
): string | null {
  if (have.length === wanted.length && have.every((name, c) => name === wanted[c])) return null;
  const [more, fewer] = [without(have, wanted), without(wanted, have)];
  const counts = `${have.length - 1} classes, ${whose} ${wanted.length - 1}`;
  if (more.length + fewer.length === 0) {
    return `${counts}, ${have.length === wanted.length ? "in another order" : "one of them twice"}`;
  }
  const parts = [
    ...more.length > 0 ? [`only here: ${listed(more)}`] : [],
    ...fewer.length > 0 ? [`only there: ${listed(fewer)}`] : [],
  ];
  return `${counts} (${parts.join("; ")})`;
}

/**
 * The split with labels into `classes`, matched by name: those of the model that scores it, or of the split that is trained
 * on. Classes without a region may differ. `whose` names the owner of `classes` in messages; `say` gets a line where lists
 * differ and all is well.
 *
 * @throws {UserError} naming the classes that have regions and are not among `classes`.
 */
export function matchClasses(
  set: RegionDataset,
  classes: readonly string[],
  whose: string,
  say: (text: string) => void = () => {},
): RegionDataset {
  const difference = classDifference(set.classes, classes, whose);
  if (difference === null) return set;
  const target = new Map(classes.map((name, c) => [name, c]));
  const twice = [set.classes, classes].flatMap((names) => names.filter((name, c) => names.indexOf(name) !== c));
  const labels = set.classes.map((name) => target.get(name) ?? -1);
  const counts = new Map<string, number>();
  for (let i = 0; i < set.size; i++) {
    for (const label of set.record(i).labels) {
      if (labels[label] < 0) counts.set(set.classes[label], (counts.get(set.classes[label]) ?? 0) + 1);
    }
  }
  if (counts.size > 0 || twice.length > 0) {
    const reason = counts.size > 0
      ? `regions of ${listed([...counts].map(([name, count]) => `${name} (${count})`))} can get no label of ${whose}`
      : `${listed([...new Set(twice)])} is there twice, so classes cannot be matched by name`;
    throw new UserError(
      `${set.name} ${set.split}: has ${difference}; ${reason}; use data whose classes are those of ${whose}`,
    );
  }
  say(`${set.name} ${set.split} has ${difference}; they are matched by name`);
  const { name, split, size, source, flipLabels, originals } = set;
  const before = classes.map((name) => set.classes.indexOf(name));
  return {
    name,
    split,
    classes,
    size,
    source,
    record: (index) => {
      const record = set.record(index);
      return { ...record, labels: record.labels.map((label) => labels[label]) };
    },
    ...originals
      ? {
        originals: async () => {
          const { categoryIds, ...others } = await originals();
          return { ...others, categoryIds: before.map((own) => own < 0 ? null : categoryIds[own]) };
        },
      }
      : {},
    ...flipLabels
      ? {
        flipLabels: Int32Array.from(before, (own, c) => {
          const mirrored = own < 0 ? -1 : labels[flipLabels[own]];
          return mirrored < 0 ? c : mirrored;
        }),
      }
      : {},
  };
}

/**
 * Refuses a split in which no image has a region: nothing could be learned from it, and nothing scored.
 *
 * @throws {UserError} naming the split.
 */
export function requireRegions(set: RegionDataset): void {
  for (let i = 0; i < set.size; i++) if (set.record(i).labels.length > 0) return;
  throw new UserError(
    `${set.name} ${set.split}: none of its ${set.size} images has a region; look at its annotations by \`itera data check\``,
  );
}

function without(names: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return names.filter((name) => !known.has(name));
}

function listed(names: readonly string[]): string {
  return names.slice(0, NAMED).join(", ") + (names.length > NAMED ? `, and ${names.length - NAMED} more` : "");
}
