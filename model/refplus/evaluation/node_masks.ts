/** Inspection of programs: a mask for every node, with its overlap with the true mask (papers/iep-ref.md#evaluation). */
import { tokenOf } from "../../../datasets/refplus/encoding/programs.ts";
import { asSet, type Output } from "../../../datasets/refplus/language/execute.ts";
import type { PictureMask } from "../../../datasets/refplus/files/overlay.ts";
import type { Refexp } from "../../../datasets/refplus/files/types.ts";
import type { ExecutionEngine } from "../engine/execution_engine.ts";
import type { ProgramTokens } from "../engine/program_tree.ts";
import { fromList } from "../engine/program_tree.ts";

/** A node with its mask. */
export interface NodeMask {
  readonly token: string;
  /** Function of the token: `filter_color` of `filter_color[red]`. */
  readonly type: string;
  /** Length of the longest path from a scene; 0 for a scene. */
  readonly depth: number;
  readonly mask: PictureMask;
  /** Pixels of the found mask that are in the true one, and in either. */
  readonly intersection: number;
  readonly union: number;
}

/** An expression with its features and true masks. */
export interface NodeMaskInput {
  readonly refexp: Pick<Refexp, "program">;
  /** Features of its picture, [rows, columns, channels]. */
  readonly features: Float32Array<ArrayBuffer>;
  /** [channels, rows, columns]. */
  readonly shape: readonly [number, number, number];
  /** Height and width of the masks. */
  readonly size: readonly [number, number];
  /** The true mask of a set of objects, [height, width] of 0 and 1. */
  readonly truth: (objects: readonly number[]) => Promise<Uint8Array>;
}

/** The masks of all nodes of a program, in its order. Throws {@link RangeError} for a node that the vocabulary lacks. */
export async function nodeMasks(
  engine: ExecutionEngine,
  tokens: ProgramTokens,
  { refexp: { program }, features, shape: [channels, rows, columns], size: [height, width], truth }: NodeMaskInput,
): Promise<NodeMask[]> {
  const { device } = engine;
  const tree = fromList(program, tokens);
  const read: Promise<Float32Array>[] = [];
  device.noGrad(() => {
    using _scope = device.scope();
    const x = device.tensor(features, [1, rows, columns, channels]);
    for (const scores of engine.inspect(x, [tree])) read.push(scores.data());
  });
  const depths: number[] = [];
  for (const { inputs } of program) depths.push(inputs.reduce((most, i) => Math.max(most, depths[i] + 1), 0));
  const all = await Promise.all(read);
  return await Promise.all(program.map(async (node, k): Promise<NodeMask> => {
    const data = Uint8Array.from({ length: width * height }, (_, i) => all[k][2 * i + 1] > all[k][2 * i] ? 1 : 0);
    const want = await truth(asSet(node._output as Output));
    let intersection = 0, union = 0;
    data.forEach((set, i) => {
      intersection += set & want[i];
      union += set | want[i];
    });
    const mask = { data, width, height };
    return { token: tokenOf(node), type: node.type, depth: depths[k], mask, intersection, union };
  }));
}

/** Cumulative intersection over union of nodes by a key, in the order of the keys' names. */
export function scoreNodes(
  nodes: readonly Pick<NodeMask, "intersection" | "union" | "type" | "depth">[],
  key: "type" | "depth",
): { readonly name: string; readonly nodes: number; readonly iou: number | null }[] {
  const groups = Map.groupBy(nodes, (node) => node[key]);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return [...groups].sort(([a], [b]) => a < b ? -1 : 1).map(([name, own]) => {
    const union = sum(own.map((node) => node.union));
    return {
      name: String(name),
      nodes: own.length,
      iou: union === 0 ? null : sum(own.map((node) => node.intersection)) / union,
    };
  });
}
