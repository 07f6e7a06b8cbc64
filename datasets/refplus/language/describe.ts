/**
 * Descriptions that a filter can be given on a scene, and how one is drawn among them
 * (papers/iep-ref.md#template-search).
 */
import type { RandomStream } from "../../../engine/base/random.ts";
import {
  type Attribute,
  ATTRIBUTE_NAMES,
  ATTRIBUTES,
  COUNTED_FROM,
  ORDINALS,
  type Relation,
  RELATIONS,
  VISIBILITIES,
} from "../scenes/catalogue.ts";
import type { FilterNode } from "./templates.ts";
import type { Scene } from "../files/types.ts";
import { visibilityOf } from "../scenes/visibility.ts";

/** Description drawn for a slot: attributes that are named, and at most one of rank and visibility. */
export interface Description extends Readonly<Partial<Record<Attribute, string>>> {
  readonly relation?: Relation;
  readonly ordinal?: readonly [rank: string, from: string];
  readonly visible?: string;
  /** Value of a node that is a single filter. */
  readonly value?: string;
}

/** A combination of attributes and the objects that have it, as bits. */
interface Combination {
  readonly attributes: Readonly<Partial<Record<Attribute, string>>>;
  readonly members: number;
}

/** A description that can be drawn, and how many scene objects have its attributes. */
interface Candidate {
  readonly count: number;
  readonly attributes: Combination["attributes"];
  readonly relation: Relation | null;
  readonly visible: string | null;
  readonly ordinal: readonly [string, string] | null;
}

/** Candidates by their counts, and how many there are. */
interface Choice {
  readonly buckets: readonly (readonly Candidate[])[];
  readonly total: number;
}

/** The drawer of descriptions of one scene. Sets of objects are bits: object i is 2^i. */
export class Descriptions {
  readonly #scene: Scene;
  readonly #present: readonly Combination[];
  readonly #absent: readonly Combination[];
  readonly #falsePremise: boolean;
  readonly #known = new Map<string, Choice>();

  /**
   * Lists every combination of attributes that some object has. Where nothing is to be referred to, every filter that need
   * not leave one object may leave none, and combinations that no object has are drawn too.
   */
  constructor(scene: Scene, falsePremise: boolean) {
    this.#scene = scene;
    this.#falsePremise = falsePremise;
    const all = everyCombination().map((attributes): Combination => ({
      attributes,
      members: bits(
        scene.objects.flatMap((object, i) =>
          ATTRIBUTE_NAMES.every((name) => attributes[name] === undefined || attributes[name] === object[name])
            ? [i]
            : []
        ),
      ),
    }));
    this.#present = all.filter(({ members }) => members !== 0);
    this.#absent = falsePremise ? all.filter(({ members }) => members === 0) : [];
  }

  /**
   * Draws descriptions for a filter whose input gave `input`: as many as there are candidates, with replacement. A number
   * of scene objects that have the attributes is drawn first, uniformly, then a candidate with that number.
   */
  *draw(node: FilterNode, input: number | readonly number[], random: RandomStream): Generator<Description> {
    const { buckets, total } = this.#choice(node, input);
    for (let i = 0; i < total; i++) {
      const bucket = buckets[random.integer(0, buckets.length - 1)];
      const { attributes, relation, visible, ordinal } = bucket[random.integer(0, bucket.length - 1)];
      yield {
        ...attributes,
        ...relation === null ? {} : { relation },
        ...visible === null ? {} : { visible },
        ...ordinal === null ? {} : { ordinal },
      };
    }
  }

  #choice(node: FilterNode, input: number | readonly number[]): Choice {
    const { ordinals, unique, empty } = node;
    const key = `${typeof input === "number" ? `of ${input}` : input.length} ${ordinals} ${unique} ${empty}`;
    const known = this.#known.get(key);
    if (known) return known;
    const candidates = [...typeof input === "number" ? this.#related(node, input) : this.#filters(node, input.length)];
    const buckets = [...Map.groupBy(candidates, ({ count }) => count).values()];
    const choice = { buckets, total: candidates.length };
    this.#known.set(key, choice);
    return choice;
  }

  /** Candidates over a set of `size` objects. */
  *#filters({ ordinals, unique }: FilterNode, size: number): Generator<Candidate> {
    const relation = null;
    for (const { attributes, members } of this.#present) {
      const plain = { count: ones(members), attributes, relation, visible: null, ordinal: null };
      if (Object.keys(attributes).length > 0) yield plain;
      for (const visible of VISIBILITIES) yield { ...plain, visible };
      if (ordinals) yield* ranks(plain, size);
    }
    if (unique) return;
    for (const { attributes } of this.#absent) yield { count: 0, attributes, relation, visible: null, ordinal: null };
  }

  /**
   * Candidates after each relation to an object. Those are left out to which the relation adds nothing, because all scene
   * objects with the attributes stand in it.
   */
  *#related({ ordinals, unique, empty }: FilterNode, from: number): Generator<Candidate> {
    const seen = visibilityOf(this.#scene);
    const mayBeEmpty = empty || this.#falsePremise;
    for (const relation of RELATIONS) {
      const there = bits(this.#scene.relationships[relation][from]);
      for (const { attributes, members } of this.#present) {
        const plain = { count: ones(members), attributes, relation, visible: null, ordinal: null };
        const fits = (left: number): boolean =>
          left !== members && (unique ? ones(left) === 1 : mayBeEmpty || left !== 0);
        if (fits(there & members)) yield plain;
        if (seen) {
          if (fits(there & members & bits(seen.full))) yield { ...plain, visible: VISIBILITIES[0] };
          if (fits(there & members & bits(seen.partial))) yield { ...plain, visible: VISIBILITIES[1] };
        }
        if (ordinals) yield* ranks(plain, plain.count);
      }
    }
  }
}

/** A candidate with every rank below `size`, counted from every end. */
function* ranks(plain: Candidate, size: number): Generator<Candidate> {
  for (const rank of ORDINALS.slice(0, size)) {
    for (const from of COUNTED_FROM) yield { ...plain, ordinal: [rank, from] };
  }
}

function everyCombination(): Description[] {
  let all: Description[] = [{}];
  for (const name of ATTRIBUTE_NAMES) {
    all = all.flatMap((named) => [named, ...ATTRIBUTES[name].map((value) => ({ ...named, [name]: value }))]);
  }
  return all;
}

function bits(set: readonly number[]): number {
  return set.reduce((sum, i) => sum | (1 << i), 0);
}

function ones(set: number): number {
  let count = 0;
  for (; set !== 0; set &= set - 1) count++;
  return count;
}
