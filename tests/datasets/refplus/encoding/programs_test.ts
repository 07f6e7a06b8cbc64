import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { functionTokens } from "../../../../datasets/refplus/scenes/catalogue.ts";
import { arity, flatten, tokenOf, unflatten } from "../../../../datasets/refplus/encoding/programs.ts";
import type { ProgramNode } from "../../../../datasets/refplus/files/types.ts";
import { withRandom } from "../../../support/random.ts";

const node = (type: string, inputs: number[], ...value_inputs: string[]): ProgramNode => ({
  type,
  inputs,
  value_inputs,
});

/** "Red things left of the cube" and "things that are red, or left of the cube". */
const CHAIN = [
  node("scene", []),
  node("filter_shape", [0], "cube"),
  node("unique", [1]),
  node("relate", [2], "left"),
  node("filter_color", [3], "red"),
];
const TREE = [...CHAIN.slice(0, 4), node("scene", []), node("filter_color", [4], "red"), node("union", [5, 3])];

Deno.test("a chain comes out reversed in prefix order, as it stands in postfix order and as a chain", () => {
  const tokens = ["scene", "filter_shape[cube]", "unique", "relate[left]", "filter_color[red]"];
  deepStrictEqual(flatten(CHAIN, "prefix"), [...tokens].reverse());
  deepStrictEqual(flatten(CHAIN, "postfix"), tokens);
  deepStrictEqual(flatten(CHAIN, "chain"), tokens);
});

Deno.test("a tree has its inputs in order, and is no chain", () => {
  const [left, red] = [["scene", "filter_shape[cube]", "unique", "relate[left]"], ["scene", "filter_color[red]"]];
  deepStrictEqual(flatten(TREE, "prefix"), ["union", ...[...red].reverse(), ...[...left].reverse()]);
  deepStrictEqual(flatten(TREE, "postfix"), [...red, ...left, "union"]);
  strictEqual(flatten(TREE, "chain"), null);
  // An unused node.
  strictEqual(flatten([node("scene", []), node("scene", [])], "chain"), null);
});

Deno.test("two values stand in one token", () => {
  const token = "filter_ordinal[the second one of the,from left]";
  strictEqual(tokenOf(node("filter_ordinal", [0], "the second one of the", "from left")), token);
  deepStrictEqual(
    unflatten([token, "scene"], "prefix")![1],
    node("filter_ordinal", [0], "the second one of the", "from left"),
  );
});

Deno.test("the number of inputs follows the reference's rule", () => {
  const inputs = (token: string) => arity(token);
  deepStrictEqual(["scene", "union", "intersect", "less_than", "greater_than", "equal_color"].map(inputs), [
    0,
    2,
    2,
    2,
    2,
    2,
  ]);
  deepStrictEqual(["unique", "relate[left]", "same_size", "<NULL>", "<START>", "<END>", "<UNK>"].map(inputs), [
    1,
    1,
    1,
    1,
    1,
    1,
    1,
  ]);
});

Deno.test("what is not exactly one tree is no program", () => {
  for (const mode of ["prefix", "postfix"] as const) {
    for (const tokens of [[], ["unique"], ["scene", "scene"], ["union", "scene"], ["scene", "unique", "scene"]]) {
      strictEqual(unflatten(tokens, mode), null, `${mode} ${tokens}`);
    }
  }
});

Deno.test("random trees come back from both orders", () =>
  withRandom("program trees", (random) => {
    const tokens = functionTokens();
    for (let round = 0; round < 60; round++) {
      const grow = (left: number): string[] => {
        const choices = tokens.filter((token) => left > 0 || arity(token) === 0);
        const token = choices[random.integer(0, choices.length)];
        return [token, ...Array.from({ length: arity(token) }, () => grow(left - 1)).flat()];
      };
      const prefix = grow(random.integer(0, 12));
      const program = unflatten(prefix, "prefix")!;
      deepStrictEqual(flatten(program, "prefix"), prefix);
      const postfix = flatten(program, "postfix")!;
      deepStrictEqual(flatten(unflatten(postfix, "postfix")!, "prefix"), prefix);
      program.forEach(({ inputs }, i) => inputs.forEach((at) => strictEqual(at < i, true)));
    }
  }));
