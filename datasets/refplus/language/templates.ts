/**
 * The 26 templates (papers/iep-ref.md#templates). A template is a list of nodes, most of which stand for several
 * functions, and phrasings in words of the published vocabulary; the phrasings are ours.
 */
import { type Attribute, ATTRIBUTE_NAMES } from "../scenes/catalogue.ts";

/** A node of a template; `input` is the index of an earlier node, `slot` that of the description drawn for it. */
export type TemplateNode =
  | { readonly kind: "scene" }
  | FilterNode
  | { readonly kind: "relate"; readonly input: number; readonly slot: number }
  | { readonly kind: "union" | "intersect"; readonly inputs: readonly [number, number] }
  | { readonly kind: "same"; readonly input: number; readonly attribute: Attribute }
  | { readonly kind: "value"; readonly input: number; readonly slot: number; readonly attribute: Attribute };

/** A filter by the description that is drawn for the slot. */
export interface FilterNode {
  readonly kind: "filter";
  readonly input: number;
  readonly slot: number;
  /** True where the input is an object and a relation to it comes first. */
  readonly relate: boolean;
  /** True where exactly one object must remain, which `unique` then takes. */
  readonly unique: boolean;
  /** True where ranks such as "the first one of the … from left" may be drawn. */
  readonly ordinals: boolean;
  /** True where the filter may leave nothing. */
  readonly empty: boolean;
}

/** Files of the published templates: one a category. */
export const TEMPLATE_FILES = [
  "zero_hop.json",
  "one_hop.json",
  "two_hop.json",
  "three_hop.json",
  "single_and.json",
  "single_or.json",
  "same_relate.json",
] as const;

/** Name of such a file. */
export type TemplateFile = typeof TEMPLATE_FILES[number];

/** One template. */
export interface Template {
  readonly file: TemplateFile;
  /** Its place in that file. */
  readonly index: number;
  readonly nodes: readonly TemplateNode[];
  /** Slots whose description must not name an attribute. */
  readonly absent: readonly (readonly [slot: number, attribute: Attribute])[];
  /** Two nodes that must not output the same objects. */
  readonly differ: readonly [number, number] | null;
  /**
   * `{0}` is the description of slot 0, `{0:one}` the same in the singular, `{0:r}` its relation, `{0:v}` its plain value;
   * words in brackets are kept half of the time.
   */
  readonly texts: readonly string[];
}

const scene = { kind: "scene" } as const;
const plain = { kind: "filter", relate: false, unique: false, ordinals: true, empty: false } as const;
/** Filter. */
const f = (input: number, slot: number): FilterNode => ({ ...plain, input, slot });
/** Filter, then take the one object that is left. */
const fu = (input: number, slot: number): FilterNode => ({ ...f(input, slot), unique: true });
/** Relate, then filter. */
const rf = (input: number, slot: number): FilterNode => ({ ...f(input, slot), relate: true });
/** Relate, filter, then take the one object that is left. */
const rfu = (input: number, slot: number): FilterNode => ({ ...rf(input, slot), unique: true, ordinals: false });
/** The same node at the end of a program, where it may leave nothing. */
const last = (node: FilterNode): FilterNode => ({ ...node, empty: true });

/** The three phrasings of a chain: things `what` in a relation to a thing `of`. */
function chain(what: string, relation: string, of: string): string[] {
  const related = `the ${what} that are ${relation}`;
  return [`${related} the ${of}`, `Find the ${of}; ${related} it`, `Look at the ${of}; ${related} it`];
}

type Body = Pick<Template, "nodes" | "texts"> & Partial<Pick<Template, "absent" | "differ">>;
const either = (first: string, second: string): string => `that are [either] ${first} or ${second}`;
const things = (text: string): string[] => [`the things ${text}`, `the objects ${text}`];

const zeroHop: Body = { nodes: [scene, last(f(0, 0))], texts: ["the {0}"] };
const oneHop: Body = { nodes: [scene, fu(0, 0), last(rf(1, 1))], texts: chain("{1}", "{1:r}", "{0}") };
const twoHop: Body = {
  nodes: [scene, fu(0, 0), rfu(1, 1), last(rf(2, 2))],
  texts: chain("{2}", "{2:r}", "{1:one} that is {1:r} the {0}"),
};
const threeHop: Body = {
  nodes: [scene, fu(0, 0), rfu(1, 1), rfu(2, 2), last(rf(3, 3))],
  texts: chain("{3}", "{3:r}", "{2:one} that is {2:r} the {1:one} that is {1:r} the {0}"),
};
const singleAnd: Body = {
  nodes: [
    scene,
    fu(0, 0),
    { kind: "relate", input: 1, slot: 1 },
    scene,
    fu(3, 2),
    { kind: "relate", input: 4, slot: 3 },
    { kind: "intersect", inputs: [2, 5] },
    last(f(6, 4)),
  ],
  texts: ["the {4} that are [both] {3:r} the {2} and {1:r} the {0}"],
};

/** A union of two filters, narrowed by one attribute that neither names. */
function narrowedOr(attribute: Attribute): Body {
  const sides = either("{0}", "{1}");
  return {
    nodes: [
      scene,
      f(0, 0),
      scene,
      f(2, 1),
      { kind: "union", inputs: [1, 3] },
      { kind: "value", input: 4, slot: 2, attribute },
    ],
    absent: [[0, attribute], [1, attribute]],
    differ: [1, 3],
    texts: attribute === "shape"
      ? [`the {2:v}(s) ${sides}`]
      : [`the {2:v} things ${sides}`, `the {2:v} objects ${sides}`],
  };
}

const related = (slot: number, to: number): string => `{${slot}} that are {${slot}:r} the {${to}}`;
const singleOr: readonly Body[] = [
  {
    nodes: [scene, f(0, 0), scene, f(2, 1), { kind: "union", inputs: [1, 3] }],
    differ: [1, 3],
    texts: things(either("{0}", "{1}")),
  },
  narrowedOr("size"),
  narrowedOr("color"),
  {
    nodes: [scene, fu(0, 0), rf(1, 1), scene, fu(3, 2), rf(4, 3), { kind: "union", inputs: [2, 5] }],
    texts: things(either(related(1, 0), related(3, 2))),
  },
  narrowedOr("material"),
  narrowedOr("shape"),
  {
    nodes: [scene, fu(0, 0), rf(1, 1), scene, f(3, 2), { kind: "union", inputs: [2, 4] }],
    texts: things(either(related(1, 0), "{2}")),
  },
  {
    nodes: [scene, f(0, 0), scene, fu(2, 1), rf(3, 2), { kind: "union", inputs: [1, 4] }],
    texts: things(either("{0}", related(2, 1))),
  },
];

function sameRelate(attribute: Attribute): Body {
  const as = `same ${attribute} as the {0}`;
  const other = attribute === "material" ? `are [made of] the ${as}` : `are the ${as}`;
  return {
    nodes: [scene, fu(0, 0), { kind: "same", input: 1, attribute }],
    absent: [[0, attribute]],
    texts: [`any other things that have the ${as}`, `any other things that ${other}`],
  };
}

function sameRelateFiltered(attribute: Attribute): Body {
  const as = `the same ${attribute} as the {0}`;
  return {
    nodes: [scene, fu(0, 0), { kind: "same", input: 1, attribute }, last({ ...f(2, 1), ordinals: false })],
    absent: [[0, attribute], [1, attribute]],
    texts: [`any other {1} that have ${as}`, `any other {1} ${attribute === "material" ? "made of" : "of"} ${as}`],
  };
}

/** Templates of each file. The published files hold several of them twice, which doubles how often they are used. */
const BODIES: Readonly<Record<TemplateFile, readonly Body[]>> = {
  "zero_hop.json": [zeroHop, zeroHop],
  "one_hop.json": [oneHop, oneHop],
  "two_hop.json": [twoHop, twoHop],
  "three_hop.json": [threeHop, threeHop],
  "single_and.json": [singleAnd, singleAnd],
  "single_or.json": singleOr,
  "same_relate.json": [...ATTRIBUTE_NAMES.map(sameRelate), ...ATTRIBUTE_NAMES.map(sameRelateFiltered)],
};

/** All templates. */
export const TEMPLATES: readonly Template[] = TEMPLATE_FILES.flatMap((file) =>
  BODIES[file].map((body, index) => ({ file, index, absent: [], differ: null, ...body }))
);
