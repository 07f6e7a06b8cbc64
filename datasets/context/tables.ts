/** The written tables as numbers: what drawing samples from and the exact posteriors sum over. */
import { UserError } from "../../engine/base/user_error.ts";
import { type Place, type SceneEntry, SCENES } from "./scenes.ts";
import { type ClassEntry, VOCABULARY } from "./vocabulary.ts";

/** Places in which a guest is drawn, seen from its host. */
export const RELATIONS = ["on", "under", "left", "right", "inside"] as const;

/** One of {@link RELATIONS}. */
export type Relation = (typeof RELATIONS)[number];

/** p(g, rel | h, s) of one guest and relation, as parallel lists. */
export interface GuestTable {
  /** Class label of each choice. */
  readonly guests: readonly number[];
  /** Index into {@link RELATIONS} of each choice. */
  readonly relations: readonly number[];
  /** Probability of each choice; they sum to 1. */
  readonly probabilities: readonly number[];
}

/** Hosts of one scene type with p(h | s), each with its guests. */
export interface SceneTable {
  /** Name of the scene type. */
  readonly name: string;
  /** Classes of hosts that occur in it. */
  readonly hosts: readonly number[];
  /** Probability of each of these classes. */
  readonly probabilities: readonly number[];
  /** Aligned with `hosts`. */
  readonly guests: readonly GuestTable[];
}

/** Everything the generator knows. Classes are labels 1..C-1; looks are 0..L-1; the faded look is L. */
export interface ContextTables {
  /** Class names, [C]; `""` stands at 0, the background. */
  readonly names: readonly string[];
  /** Kind of thing of every class, [C]. */
  readonly kinds: readonly string[];
  /** Names of the looks, [L]. */
  readonly looks: readonly string[];
  /** Look of every class, [C]; -1 at 0. */
  readonly lookOf: Int32Array;
  /** Scene types, equally likely. */
  readonly scenes: readonly SceneTable[];
  /** Share of objects washed out to noise, whatever their class. */
  readonly faded: number;
}

/**
 * Numbers and checks written tables.
 *
 * @throws {UserError} when a scene names an unknown class or a weight is not positive.
 */
export function buildTables(
  classes: readonly ClassEntry[],
  scenes: readonly SceneEntry[],
  options: { readonly faded: number },
): ContextTables {
  const looks = [...new Set(classes.map((entry) => entry.look))];
  const names = ["", ...classes.map((entry) => entry.name)];
  const label = (name: string): number => {
    const found = names.indexOf(name, 1);
    if (found < 0) throw new UserError(`context tables: no class is called "${name}"`);
    return found;
  };
  return {
    names,
    kinds: ["", ...classes.map((entry) => entry.kind)],
    looks,
    lookOf: Int32Array.from([-1, ...classes.map((entry) => looks.indexOf(entry.look))]),
    scenes: scenes.map((scene) => ({
      name: scene.name,
      hosts: scene.hosts.map((entry) => label(entry.host)),
      probabilities: normalise(scene.hosts.map((entry) => entry.weight), scene.name),
      guests: scene.hosts.map((entry) => {
        const choices = entry.guests.flatMap(([guest, place, weight]) => spread(label(guest), place, weight));
        return {
          guests: choices.map((choice) => choice.guest),
          relations: choices.map((choice) => RELATIONS.indexOf(choice.relation)),
          probabilities: normalise(choices.map((choice) => choice.weight), `${scene.name}, ${entry.host}`),
        };
      }),
    })),
    faded: options.faded,
  };
}

/** The tables of the embedded data set: 40 classes, 15 looks, 6 scene types, one object in ten faded. */
export const CONTEXT_TABLES: ContextTables = buildTables(VOCABULARY, SCENES, { faded: 0.1 });

/** p(c) over both objects of a pair: the expected share of every class among all regions, [C], summing to 1. */
export function classShares(tables: ContextTables): Float64Array<ArrayBuffer> {
  const shares = new Float64Array(tables.names.length);
  for (const scene of tables.scenes) {
    scene.hosts.forEach((host, h) => {
      const weight = scene.probabilities[h] / tables.scenes.length / 2;
      shares[host] += weight;
      const { guests, probabilities } = scene.guests[h];
      guests.forEach((guest, i) => shares[guest] += weight * probabilities[i]);
    });
  }
  return shares;
}

function spread(guest: number, place: Place, weight: number) {
  return place === "beside"
    ? [{ guest, relation: "left" as Relation, weight: weight / 2 }, {
      guest,
      relation: "right" as Relation,
      weight: weight / 2,
    }]
    : [{ guest, relation: place as Relation, weight }];
}

function normalise(weights: readonly number[], where: string): number[] {
  if (weights.length === 0 || weights.some((weight) => !(weight > 0))) {
    throw new UserError(`context tables: ${where}: weights must be positive`);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
