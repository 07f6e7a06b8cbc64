/** Understands the expressions by a grammar of its own: from the words to the program they must stand for. */

const NOUNS: Record<string, string> = {
  cube: "cube",
  block: "cube",
  sphere: "sphere",
  ball: "sphere",
  cylinder: "cylinder",
  thing: "",
  object: "",
};
const SIZES: Record<string, string> = { large: "large", big: "large", small: "small", tiny: "small" };
const MATERIALS: Record<string, string> = {
  metal: "metal",
  metallic: "metal",
  shiny: "metal",
  rubber: "rubber",
  matte: "rubber",
};
const COLORS = ["gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"];
const RELATION =
  "(?<left>(?:to the )?left of|on the left side of)|(?<right>(?:to the )?right of|on the right side of)|(?<behind>behind)|(?<front>in front of)";
const PHRASE = new RegExp(
  "^(?:the )?(?:(?<rank>\\w+) one of the )?(?:(?<visible>fully|partially) visible )?" +
    `(?:(?<size>${Object.keys(SIZES).join("|")}) )?(?:(?<color>${COLORS.join("|")}) )?` +
    `(?:(?<material>${Object.keys(MATERIALS).join("|")}) )?(?<noun>${Object.keys(NOUNS).join("|")})` +
    "(?:s|\\(s\\))?(?: from (?<end>left|right|front))?$",
);

/** The filters of a noun phrase, last one first. */
function filters(phrase: string): string[] {
  const { rank, visible, size, color, material, noun, end } = PHRASE.exec(phrase)?.groups ?? fail(phrase);
  return [
    ...visible ? [`filter_visible[${visible} visible]`] : [],
    ...rank ? [`filter_ordinal[the ${rank} one of the,from ${end}]`] : [],
    ...NOUNS[noun] ? [`filter_shape[${NOUNS[noun]}]`] : [],
    ...material ? [`filter_material[${MATERIALS[material]}]`] : [],
    ...color ? [`filter_color[${color}]`] : [],
    ...size ? [`filter_size[${SIZES[size]}]`] : [],
  ];
}

/** The relation that a text begins with, and what follows it. */
function relation(text: string): [string, string] {
  const found = new RegExp(`^(?:${RELATION}) (?<rest>.*)$`).exec(text) ?? fail(text);
  const { rest, ...names } = found.groups!;
  return [`relate[${Object.keys(names).find((name) => names[name])}]`, rest];
}

/** A noun phrase, maybe with what it stands in relation to. */
function entity(text: string): string[] {
  const [, phrase, rest] = /^(.*?) that (?:are|is) (.*)$/.exec(text) ?? [];
  if (phrase === undefined) return [...filters(text), "scene"];
  const [relate, other] = relation(rest);
  return [...filters(phrase), relate, "unique", ...entity(other)];
}

/** Prefix tokens of the program that an expression stands for. */
export function understand(expression: string): string[] {
  let text = expression[0].toLowerCase() + expression.slice(1);
  const [, thing, rest] = /^(?:find|look at) (.*); The (.*) it$/.exec(text) ?? [];
  if (thing !== undefined) text = `the ${rest} ${thing}`;
  const same = /^any other (.*?) (?:that have|that are|that are made of|of|made of) the same (\w+) as (.*)$/.exec(text);
  if (same) return [...filters(same[1]), `same_${same[2]}`, "unique", ...entity(same[3])];
  const or = /^the (.*?) that are (?:either )?(.*) or (.*)$/.exec(text);
  if (or) return [...filters(or[1]), "union", ...entity(or[2]), ...entity(or[3])];
  const and = /^(the .*?) that are (?:both )?(.*) and (.*)$/.exec(text);
  if (and) {
    const [[second, to], [first, from]] = [relation(and[2]), relation(and[3])];
    const branches = [[first, "unique", ...entity(from)], [second, "unique", ...entity(to)]];
    return [...filters(and[1]), "intersect", ...branches.flat()];
  }
  return entity(text);
}

function fail(text: string): never {
  throw new Error(`not understood: "${text}"`);
}
