/**
 * The closed world of CLEVR-Ref+: attributes, relations, and the 56 functions of its programs
 * (papers/iep-ref.md#functions).
 */

/** Values of each attribute, in the order of the published metadata. */
export const ATTRIBUTES = {
  size: ["small", "large"],
  color: ["gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"],
  material: ["rubber", "metal"],
  shape: ["cube", "sphere", "cylinder"],
} as const;

/** Name of an attribute. */
export type Attribute = keyof typeof ATTRIBUTES;

/** The attributes in the order in which a filter applies them. */
export const ATTRIBUTE_NAMES: readonly Attribute[] = ["size", "color", "material", "shape"];

/** Directions on the ground. */
export const RELATIONS = ["left", "right", "behind", "front"] as const;

/** Relations of one object to another. */
export type Relation = typeof RELATIONS[number];

/** Ranks of `filter_ordinal`; the spelling is the data set's. */
export const ORDINALS: readonly string[] = [
  "first",
  "second",
  "third",
  "fourth",
  "fifth",
  "sixth",
  "seventh",
  "eighth",
  "nineth",
].map(
  (word) => `the ${word} one of the`,
);

/** Ends from which `filter_ordinal` counts. */
export const COUNTED_FROM = ["from left", "from right", "from front"] as const;

/** Values of `filter_visible`. */
export const VISIBILITIES = ["fully visible", "partially visible"] as const;

/** Fewest and most objects of a scene. */
export const FEWEST_OBJECTS = 3, MOST_OBJECTS = 10;

/** Type of a program node's inputs and output. A set is a list of object indices, an object is one index. */
export type Kind = "set" | "object";

/** One of the program functions. */
export interface FunctionEntry {
  /** Types of its inputs. */
  readonly inputs: readonly Kind[];
  /** Allowed values of each value input. */
  readonly values: readonly (readonly string[])[];
  /** Type of its output. */
  readonly output: Kind;
}

const filter = (...values: readonly (readonly string[])[]): FunctionEntry => ({
  inputs: ["set"],
  values,
  output: "set",
});
const same: FunctionEntry = { inputs: ["object"], values: [], output: "set" };
const both: FunctionEntry = { inputs: ["set", "set"], values: [], output: "set" };

/** Every function that occurs in programs, by name. */
export const FUNCTIONS: Readonly<Record<string, FunctionEntry>> = {
  scene: { inputs: [], values: [], output: "set" },
  filter_size: filter(ATTRIBUTES.size),
  filter_color: filter(ATTRIBUTES.color),
  filter_material: filter(ATTRIBUTES.material),
  filter_shape: filter(ATTRIBUTES.shape),
  filter_ordinal: filter(ORDINALS, COUNTED_FROM),
  filter_visible: filter(VISIBILITIES),
  unique: { inputs: ["set"], values: [], output: "object" },
  relate: { inputs: ["object"], values: [RELATIONS], output: "set" },
  same_size: same,
  same_color: same,
  same_material: same,
  same_shape: same,
  union: both,
  intersect: both,
};

/**
 * All program tokens but the special ones: `name` or `name[value,…]`, 56 of them.
 *
 * ```ts
 * import { ok, strictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const tokens = refplus.functionTokens();
 * strictEqual(tokens.length, 56);
 * ok(["scene", "relate[left]", "filter_color[red]"].every((token) => tokens.includes(token)));
 * ```
 */
export function functionTokens(): string[] {
  return Object.entries(FUNCTIONS).flatMap(([name, { values }]) => {
    let lists: string[][] = [[]];
    for (const choices of values) lists = lists.flatMap((list) => choices.map((value) => [...list, value]));
    return lists.map((list) => list.length === 0 ? name : `${name}[${list.join(",")}]`);
  });
}

/** Every word of the published expressions, in the order of their code points. */
export const WORDS: readonly string[] = (
  "; Any Find Look The and are as at ball ball(s) behind big block block(s) blue both brown color cube cube(s) cyan " +
  "cylinder cylinder(s) eighth either fifth first fourth from front fully gray green have in is it large left made " +
  "material matte metal metallic nineth object object(s) objects of on one or other partially purple red right rubber " +
  "same second seventh shape shiny side sixth size small sphere sphere(s) that the thing thing(s) things third tiny to " +
  "visible yellow"
).split(" ");
