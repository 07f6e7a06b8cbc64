/** Changes of Python's pickles: instructions, their arguments, and pieces that make a small one do much. */
import type { Random } from "../../support/random.ts";
import { BINARY } from "./bytes.ts";
import { INTEGERS, NAMES } from "./hostile.ts";
import { type Bytes, joined, type Mutator, pick, utf8 } from "./mutator.ts";

/** Bytes after an instruction: a number of them, lines, or a length of so many bytes and then as many. */
const FIXED: Readonly<Record<string, number>> = {
  "\x80": 1,
  "\x95": 8,
  K: 1,
  M: 2,
  J: 4,
  G: 8,
  q: 1,
  r: 4,
  h: 1,
  j: 4,
};
const LINES: Readonly<Record<string, number>> = { I: 1, L: 1, F: 1, S: 1, V: 1, c: 2, p: 1, g: 1, P: 1 };
const COUNTED: Readonly<Record<string, number>> = {
  "\x8a": 1,
  "\x8b": 4,
  U: 1,
  T: 4,
  X: 4,
  "\x8c": 1,
  "\x8d": 8,
  C: 1,
  B: 4,
  "\x8e": 8,
};

/** A pickle as instructions with their arguments; what follows the end, or makes no sense, is one more. */
export function instructions(bytes: Bytes): Bytes[] {
  const found: Bytes[] = [];
  let at = 0;
  while (at < bytes.length) {
    const code = String.fromCharCode(bytes[at]);
    let end = at + 1 + (FIXED[code] ?? 0);
    for (let n = LINES[code] ?? 0; n > 0; n--) end = 1 + (bytes.indexOf(10, end) + 1 || bytes.length + 1) - 1;
    const width = COUNTED[code] ?? 0;
    for (let i = 0, length = 0; i < width; i++) {
      length += bytes[at + 1 + i] * 256 ** i;
      if (i === width - 1) end += width + length;
    }
    end = Math.min(end, bytes.length);
    found.push(bytes.slice(at, end));
    at = end;
    if (code === ".") break;
  }
  if (at < bytes.length) found.push(bytes.slice(at));
  return found;
}

/** Texts and numbers as an instruction pushes them. */
function pushed(random: Random): Bytes {
  const text = utf8(pick(random, NAMES).slice(0, 200)), integer = pick(random, INTEGERS);
  const small = new Uint8Array(4);
  new DataView(small.buffer).setUint32(0, Number(BigInt.asUintN(32, integer)), true);
  return pick(random, [
    () => joined(utf8("X"), Uint8Array.of(text.length, 0, 0, 0), text),
    () => joined(utf8("J"), small),
    () => utf8(`I${integer}\n`),
    () => utf8(`L-${integer}L\n`),
    () => utf8(pick(random, ["N", ")", "]", "}", "(", "0", "2"])),
  ])();
}

/** Small pieces of much work: lists of themselves, of lists of lists, calls and names by what is no text. */
const PIECES: readonly string[] = [
  "]q\x00h\x00a",
  `]q\x00${"(h\x00h\x00tq\x00".repeat(30)}`,
  `${"(".repeat(500)}`,
  `${"]".repeat(300)}${"a".repeat(299)}`,
  "cos\nsystem\n(S'true'\ntR",
  "ccollections\nOrderedDict\n(tR",
  "ctorch\nFloatStorage\n",
  "(S'storage'\nctorch\nFloatStorage\nS'9'\nS'cpu'\nI1000000\ntQ",
  "K\x01K\x02\x93",
  "}q\x00h\x00h\x00h\x00s",
  "b",
  "R",
  "\x81",
  "u",
  "s",
];

const steps: Mutator = {
  kind: "pickle instructions",
  apply: (bytes, random) => {
    const all = instructions(bytes), [a, b] = [0, 1].map(() => random.integer(0, all.length));
    pick(random, [
      () => all.splice(a, 1),
      () => all.splice(a, 0, all[b]),
      () => [all[a], all[b]] = [all[b], all[a]],
      () => all.splice(a, random.integer(0, 2), pushed(random)),
      () => all.splice(a, 0, Uint8Array.from(pick(random, PIECES), (letter) => letter.charCodeAt(0))),
      () => all[a] = joined(Uint8Array.of(random.integer(0, 256)), all[a].subarray(1)),
      () => all.splice(a, 0, ...Array.from({ length: random.integer(2, 400) }, () => all[b])),
    ])();
    return joined(...all);
  },
};

const values: Mutator = {
  kind: "pickle values",
  apply: (bytes, random) => {
    const all = instructions(bytes);
    const holding = all.flatMap((one, i) => "IJKMLXU\x8aSVc".includes(String.fromCharCode(one[0])) ? [i] : []);
    if (holding.length === 0) return steps.apply(bytes, random);
    const at = pick(random, holding);
    all[at] = random() < 0.5
      ? pushed(random)
      : joined(all[at].subarray(0, 1), pick(random, BINARY).apply(all[at].slice(1), random));
    return joined(...all);
  },
};

/** All of them, and those that fit any file. */
export const PICKLE: readonly Mutator[] = [steps, values, ...BINARY];
