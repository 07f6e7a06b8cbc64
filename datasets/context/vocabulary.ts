/** The 40 classes of the context scenes: what kind of thing each is, and which look it has. */

/** One class as written down: its everyday name, the kind of thing it is, the look it is drawn with. */
export interface ClassEntry {
  readonly name: string;
  readonly kind: string;
  readonly look: string;
}

const of = (look: string, names: Readonly<Record<string, string>>): readonly ClassEntry[] =>
  Object.entries(names).map(([name, kind]) => ({ name, kind, look }));

/**
 * The classes, in label order from 1. Those that share a look cannot be distinguished by it: the same shapes, colours and
 * textures with the same jitter. `desk`, `tree` and `bed` have looks of their own.
 */
export const VOCABULARY: readonly ClassEntry[] = [
  ...of("planks", { table: "furniture", dresser: "furniture", workbench: "furniture", bench: "furniture" }),
  ...of("steel", { fridge: "appliance", cabinet: "furniture", locker: "furniture", kiosk: "building" }),
  ...of("screen", { oven: "appliance", television: "appliance", monitor: "appliance" }),
  ...of("body", { car: "vehicle", wheelbarrow: "vehicle", sofa: "furniture" }),
  ...of("desk", { desk: "furniture" }),
  ...of("tree", { tree: "plant" }),
  ...of("bed", { bed: "furniture" }),
  ...of("disc", { plate: "tableware", wheel: "part", clock: "instrument" }),
  ...of("flask", { bottle: "tableware", vase: "ornament", oilcan: "tool" }),
  ...of("leafy", { cabbage: "food", bush: "plant", cactus: "plant" }),
  ...of("dome", { lamp: "appliance", helmet: "clothing", cone: "sign", cheese: "food" }),
  ...of("round", { apple: "food", ball: "toy" }),
  ...of("cushion", { book: "paper", pillow: "textile", toolbox: "tool" }),
  ...of("eared", { cat: "animal", bag: "textile" }),
  ...of("star", { flower: "plant", fan: "appliance", gear: "part" }),
];
