/** Changes of text files: lines, fields and numbers. */
import { bits, blocks, cuts } from "./bytes.ts";
import { NAMES, NUMBERS } from "./hostile.ts";
import { joined, type Mutator, pick, textOf, utf8 } from "./mutator.ts";

const lines: Mutator = {
  kind: "lines",
  apply: (bytes, random) => {
    const all = textOf(bytes).split("\n"), [a, b] = [0, 1].map(() => random.integer(0, all.length));
    pick(random, [
      () => all.splice(a, 1),
      () => all.splice(a, 0, all[b]),
      () => [all[a], all[b]] = [all[b], all[a]],
      () => all.splice(a, 2, all.slice(a, a + 2).join(" ")),
      () => all.splice(a, 0, pick(random, ["", " ", "\r", "#", "\0", "x".repeat(3000)])),
    ])();
    return utf8(all.join(random() < 0.1 ? "\r\n" : "\n"));
  },
};

/** A piece between blanks or marks, replaced. */
function fields(kind: string, pattern: RegExp, by: readonly string[]): Mutator {
  return {
    kind,
    apply: (bytes, random) => {
      const text = textOf(bytes), found = [...text.matchAll(pattern)];
      if (found.length === 0) return cuts.apply(bytes, random);
      const { index, 0: { length } } = pick(random, found);
      return utf8(text.slice(0, index) + pick(random, by) + text.slice(index + length));
    },
  };
}

const names = fields("names", /[^\s#:|/,]+/g, NAMES);
const numbers = fields("numbers", /-?\d+(\.\d+)?/g, NUMBERS);
const marks = fields("marks", /[\s#:|/,@]+/g, [" ", "", "  ", "\t", "#", " # ", ":", "|", " | ", "\u00a0", ",", "@"]);

/** Letters of other encodings. */
const letters: Mutator = {
  kind: "letters",
  apply: (bytes, random) => {
    const at = random.integer(0, bytes.length + 1);
    const letter = pick(random, [[0xe9], [0xff], [0xc3, 0xa9], [0xef, 0xbb, 0xbf], [0], [0xed, 0xa0, 0x80], [0x1b]]);
    return joined(bytes.subarray(0, at), Uint8Array.from(letter), bytes.subarray(at));
  },
};

/** All of them. */
export const TEXT: readonly Mutator[] = [lines, names, numbers, marks, letters, bits, cuts, blocks];
