/** Changes of JSON: values, nodes, keys, depth and the text itself. */
import type { Random } from "../../support/random.ts";
import { bits, cuts } from "./bytes.ts";
import { NAMES, NUMBERS } from "./hostile.ts";
import { type Bytes, joined, type Mutator, pick, textOf, utf8 } from "./mutator.ts";

/** A value that keeps the order of its keys, may have one twice, and may be no JSON. */
type Node =
  | { kind: "list"; items: Node[] }
  | { kind: "object"; members: [string, Node][] }
  | { kind: "token"; text: string };

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { kind: "list", items: value.map(nodeOf) };
  if (typeof value === "object" && value !== null) {
    return { kind: "object", members: Object.entries(value).map(([key, inner]) => [key, nodeOf(inner)]) };
  }
  return { kind: "token", text: JSON.stringify(value) };
}

function print(node: Node): string {
  if (node.kind === "token") return node.text;
  if (node.kind === "list") return `[${node.items.map(print).join(",")}]`;
  return `{${node.members.map(([key, inner]) => `${JSON.stringify(key)}:${print(inner)}`).join(",")}}`;
}

/** A node's place: what holds it, and its number there. */
interface Place {
  readonly parent: Extract<Node, { kind: "list" | "object" }>;
  readonly index: number;
}

function placesIn(node: Node, found: Place[] = []): Place[] {
  if (node.kind === "token") return found;
  const inner = node.kind === "list" ? node.items : node.members.map(([, one]) => one);
  inner.forEach((one, index) => {
    found.push({ parent: node, index });
    placesIn(one, found);
  });
  return found;
}

function at({ parent, index }: Place): Node {
  return parent.kind === "list" ? parent.items[index] : parent.members[index][1];
}

function put({ parent, index }: Place, node: Node): void {
  if (parent.kind === "list") parent.items[index] = node;
  else parent.members[index][1] = node;
}

/** Changes of a tree of nodes. Bytes that are no JSON any more, or too deep for a walk, are changed as such. */
function change(kind: string, edit: (places: readonly Place[], random: Random) => void): Mutator {
  return {
    kind,
    apply: (bytes, random) => {
      try {
        const root = nodeOf(JSON.parse(textOf(bytes))), places = placesIn(root);
        if (places.length === 0) return utf8(pick(random, NUMBERS));
        edit(places, random);
        return utf8(print(root));
      } catch {
        return pick(random, [bits, cuts]).apply(bytes, random);
      }
    },
  };
}

function hostile(random: Random): Node {
  const text = pick(random, [
    () => pick(random, NUMBERS),
    () => JSON.stringify(pick(random, NAMES)),
    () => JSON.stringify(pick(random, NUMBERS)),
    () => pick(random, ["null", "true", "false", "[]", "{}", '""', "[[]]", '{"":0}']),
  ])();
  return { kind: "token", text };
}

const values = change("JSON values", (places, random) => {
  const leaves = places.filter((place) => at(place).kind === "token");
  put(pick(random, random() < 0.7 && leaves.length > 0 ? leaves : places), hostile(random));
});

const nodes = change("JSON nodes", (places, random) => {
  const [a, b] = [pick(random, places), pick(random, places)];
  pick(random, [
    () => a.parent.kind === "list" ? a.parent.items.splice(a.index, 1) : a.parent.members.splice(a.index, 1),
    () => a.parent.kind === "list" ? a.parent.items.splice(a.index, 0, structuredClone(at(a))) : put(a, at(b)),
    // A copy: a node within itself would have no end.
    () => put(a, structuredClone(at(b))),
    () => a.parent.kind === "list" && a.parent.items.reverse(),
    () => put(a, { kind: "list", items: Array.from({ length: random.integer(2, 300) }, () => at(a)) }),
  ])();
});

const keys = change("JSON keys", (places, random) => {
  const objects = places.filter(({ parent }) => parent.kind === "object");
  if (objects.length === 0) return;
  const { parent, index } = pick(random, objects);
  if (parent.kind !== "object") return;
  const [key, inner] = parent.members[index];
  pick(random, [
    () => parent.members.splice(random.integer(0, parent.members.length + 1), 0, [key, structuredClone(inner)]),
    () => parent.members.splice(random.integer(0, parent.members.length + 1), 0, [key, hostile(random)]),
    () => parent.members[index] = [pick(random, NAMES), inner],
    () => parent.members[index] = [pick(random, [key.toUpperCase(), `${key} `, key.slice(1), `${key}s`]), inner],
    () => parent.members.push([pick(random, NAMES), hostile(random)]),
  ])();
});

const DEPTHS = [2, 20, 100, 511, 513, 2000, 20_000, 200_000];

const depth = change("JSON depth", (places, random) => {
  const place = pick(random, places), count = pick(random, DEPTHS);
  const [open, close] = pick(random, [["[", "]"], ['{"a":', "}"], ['[{"":', "}]"]] as const);
  put(place, { kind: "token", text: open.repeat(count) + print(at(place)) + close.repeat(count) });
});

const MARKS = /[[\]{},:"]/g;

/** Brackets, commas, colons and quotes that are missing, twice or others; things before and after; wrong letters. */
const syntax: Mutator = {
  kind: "JSON text",
  apply: (bytes, random) => {
    const text = textOf(bytes), marks = [...text.matchAll(MARKS)].map(({ index }) => index);
    const mark = marks.length > 0 ? pick(random, marks) : 0;
    const replaced = (by: string): Bytes => utf8(text.slice(0, mark) + by + text.slice(mark + 1));
    return pick(random, [
      () => replaced(""),
      () => replaced(text[mark] + text[mark]),
      () => replaced(pick(random, ["[", "]", "{", "}", ",", ":", '"', "'", ";", "\\", "\u00a0", "\0"])),
      () => replaced(`${text[mark]}${pick(random, ["\n", " ", "\r\n", "\t", "\f", "\u2028", "/* */", "//\n"])}`),
      () => utf8(`${text}${pick(random, ["x", "{}", "[]", ",", "\n", "\0", "]", text])}`),
      () => utf8(`${pick(random, ["\ufeff", " ", "x", "[]", "//"])}${text}`),
      () =>
        joined(bytes.subarray(0, mark), Uint8Array.of(pick(random, [0xff, 0xc0, 0x80, 0xe9])), bytes.subarray(mark)),
    ])();
  },
};

/** All of them, and those that fit any file. */
export const JSON_MUTATORS: readonly Mutator[] = [values, nodes, keys, depth, syntax, bits, cuts];

/** The same for a file of a JSON value a line, and changes of its lines. */
export const JSON_LINES: readonly Mutator[] = [
  ...JSON_MUTATORS.map(({ kind, apply }): Mutator => ({
    kind,
    apply: (bytes, random) => {
      const lines = textOf(bytes).split("\n"), line = random.integer(0, lines.length);
      if (lines[line] === "") return apply(bytes, random);
      const parts = lines.map((text, i) => i === line ? apply(utf8(text), random) : utf8(text));
      return joined(...parts.flatMap((part, i) => i === 0 ? [part] : [utf8("\n"), part]));
    },
  })),
  {
    kind: "lines",
    apply: (bytes, random) => {
      const lines = textOf(bytes).split("\n"), [a, b] = [0, 1].map(() => random.integer(0, lines.length));
      pick(random, [
        () => lines.splice(a, 1),
        () => lines.splice(a, 0, lines[b]),
        () => [lines[a], lines[b]] = [lines[b], lines[a]],
        () => lines.splice(a, 2, lines.slice(a, a + 2).join("")),
        () => lines.splice(a, 0, pick(random, ["", " ", "null", "[]", "{}", "0", "\r", "\0"])),
      ])();
      return utf8(lines.join("\n"));
    },
  },
];
