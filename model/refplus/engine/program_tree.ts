/**
 * Programs as the execution engine runs them: nodes in an order in which inputs come first
 * (papers/iep-ref.md#program-execution).
 */
import { arity } from "../../../datasets/refplus/encoding/programs.ts";
import { END, NULL, START } from "../../../datasets/refplus/encoding/tokens.ts";
import type { ProgramNode } from "../../../datasets/refplus/files/types.ts";
import { tokenOf } from "../../../datasets/refplus/encoding/programs.ts";

/** A node: the module that runs, and the earlier nodes whose results are its inputs. */
export interface TreeNode {
  /** Index in the program vocabulary. */
  readonly token: number;
  /** Numbers of the nodes whose answers it takes. */
  readonly inputs: readonly number[];
}

/** A program; its last node is the answer. */
export type ProgramTree = readonly TreeNode[];

/**
 * Program tokens, with the properties that execution needs.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { ProgramTokens } from "@itera/itera/models";
 *
 * const tokens = new ProgramTokens(["<NULL>", "<START>", "<END>", "<UNK>", "scene", "union"]);
 * deepStrictEqual([tokens.scene, tokens.arities], [4, [1, 1, 1, 1, 0, 2]]);
 * ```
 */
export class ProgramTokens {
  /** Token texts by index. */
  readonly names: readonly string[];
  /** Number of inputs of each. */
  readonly arities: readonly number[];
  /** Index of `scene`. */
  readonly scene: number;

  /** Throws {@link RangeError} where there is no `scene`, which every program needs. */
  constructor(names: readonly string[]) {
    this.names = names;
    this.arities = names.map(arity);
    this.scene = names.indexOf("scene");
    if (this.scene < 0) throw new RangeError("the program vocabulary has no scene");
  }
}

/**
 * The integer form: a prefix sequence read by recursive descent. A missing input is a scene; `<NULL>` is read as a scene, so
 * that what follows it is the next input; `<START>` is skipped; what follows the root's end is ignored. So every sequence is
 * some program.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { parsePrefix, ProgramTokens } from "@itera/itera/models";
 *
 * const tokens = new ProgramTokens(["<NULL>", "<START>", "<END>", "<UNK>", "scene", "union"]);
 * const tree = [{ token: 4, inputs: [] }, { token: 4, inputs: [] }, { token: 5, inputs: [0, 1] }];
 * deepStrictEqual(parsePrefix([1, 5, 4, 4, 2], tokens), tree);
 * // A missing input is a scene.
 * deepStrictEqual(parsePrefix([1, 5, 4], tokens), tree);
 * ```
 */
export function parsePrefix(tokens: ArrayLike<number>, vocabulary: ProgramTokens): ProgramTree {
  const nodes: TreeNode[] = [];
  let at = 0;
  const add = (token: number, inputs: readonly number[]): number => nodes.push({ token, inputs }) - 1;
  const take = (): number => {
    while (at < tokens.length && tokens[at] === START) at++;
    if (at >= tokens.length) return add(vocabulary.scene, []);
    const token = tokens[at++];
    if (token === NULL) return add(vocabulary.scene, []);
    const inputs = Array.from({ length: vocabulary.arities[token] }, take);
    return add(token, inputs);
  };
  take();
  return nodes;
}

/** True where tokens are exactly one prefix tree of functions and `<END>`. */
export function isWhole(program: readonly number[], { names, arities }: ProgramTokens): boolean {
  let open = 1;
  for (const [i, token] of program.entries()) {
    if (token === END) return open === 0 && i === program.length - 1;
    if (open === 0 || names[token].startsWith("<")) return false;
    open += arities[token] - 1;
  }
  return false;
}

/**
 * The list form: the nodes of an annotation, with their own order of inputs.
 *
 * ```ts
 * import { deepStrictEqual, throws } from "node:assert/strict";
 * import { fromList, ProgramTokens } from "@itera/itera/models";
 *
 * const tokens = new ProgramTokens(["<NULL>", "<START>", "<END>", "<UNK>", "scene", "relate[left]"]);
 * const program = [
 *   { type: "scene", inputs: [], value_inputs: [] },
 *   { type: "relate", inputs: [0], value_inputs: ["left"] },
 * ];
 * deepStrictEqual(fromList(program, tokens), [{ token: 4, inputs: [] }, { token: 5, inputs: [0] }]);
 * throws(() => fromList([{ type: "unique", inputs: [], value_inputs: [] }], tokens), /has no unique/);
 * ```
 *
 * @throws {RangeError} for a node whose token the vocabulary lacks, or whose number of inputs is not its module's.
 */
export function fromList(program: readonly ProgramNode[], vocabulary: ProgramTokens): ProgramTree {
  return program.map((node, k) => {
    const name = tokenOf(node), token = vocabulary.names.indexOf(name);
    if (token < 0) throw new RangeError(`node ${k}: the program vocabulary has no ${name}`);
    const want = vocabulary.arities[token];
    if (node.inputs.length !== want || node.inputs.some((input) => input < 0 || input >= k)) {
      throw new RangeError(
        `node ${k}: inputs [${node.inputs.join(", ")}] of ${name}, which needs ${want} earlier nodes`,
      );
    }
    return { token, inputs: node.inputs };
  });
}
