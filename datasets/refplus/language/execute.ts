/** Runs programs on scenes (papers/iep-ref.md#executor). */
import { type Attribute, COUNTED_FROM, FUNCTIONS, ORDINALS, type Relation, VISIBILITIES } from "../scenes/catalogue.ts";
import type { ProgramNode, Scene } from "../files/types.ts";
import { visibilityOf } from "../scenes/visibility.ts";

/** Output of a node: a list of object indices, or one index for `unique`. */
export type Output = number | readonly number[];

/**
 * Output of a node on a scene from the outputs of its inputs; null where it is invalid there: `unique` of several, a rank that
 * does not exist, visibility where it is unclear. The node must be one that {@link execute} accepts: it is not checked.
 */
export function executeNode(scene: Scene, node: ProgramNode, inputs: readonly Output[]): Output | null {
  const [input] = inputs;
  const [value] = node.value_inputs;
  const set = input as readonly number[];
  switch (node.type) {
    case "scene":
      return scene.objects.map((_, i) => i);
    case "unique":
      return set.length === 1 ? set[0] : null;
    case "relate":
      return scene.relationships[value as Relation][input as number];
    case "union":
      return ascending([...set, ...inputs[1] as readonly number[]]);
    case "intersect":
      return ascending(set.filter((i) => (inputs[1] as readonly number[]).includes(i)));
    case "filter_ordinal":
      return ranked(scene, set, ORDINALS.indexOf(value), node.value_inputs[1]);
    case "filter_visible": {
      const seen = set.length > 0 ? visibilityOf(scene) : null;
      return seen && ascending(set.filter((i) => seen[value === VISIBILITIES[0] ? "full" : "partial"].includes(i)));
    }
  }
  const [kind, attribute] = node.type.split("_") as [string, Attribute];
  if (kind === "filter") return set.filter((i) => scene.objects[i][attribute] === value);
  const own = scene.objects[input as number][attribute];
  return scene.objects.flatMap((other, i) => i !== input && other[attribute] === own ? [i] : []);
}

/**
 * Outputs of a program's nodes on a scene; null where any is invalid there.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const place = { "3d_coords": [0, 0, 0.7], rotation: 0, pixel_coords: [240, 160, 9] };
 * const cube = { size: "large", material: "metal", shape: "cube", ...place };
 * const scene: refplus.Scene = {
 *   split: "val",
 *   image_index: 0,
 *   image_filename: "a.png",
 *   objects: [{ ...cube, color: "red" }, { ...cube, color: "blue" }],
 *   directions: {},
 *   relationships: { left: [[], [0]], right: [[1], []], behind: [[], []], front: [[], []] },
 *   obj_mask: {},
 *   obj_bbox: {},
 * };
 * // All things, the red ones, the red one, those on its right.
 * const program = refplus.unflatten(["relate[right]", "unique", "filter_color[red]", "scene"], "prefix")!;
 * deepStrictEqual(refplus.execute(scene, program), [[0, 1], [0], 0, [1]]);
 * ```
 *
 * @throws {RangeError} for a malformed program: an unknown function, a wrong value, inputs of the wrong number or kind.
 */
export function execute(scene: Scene, program: readonly ProgramNode[]): Output[] | null {
  const outputs: Output[] = [];
  for (const [i, node] of program.entries()) {
    if (node.inputs.some((at) => !Number.isInteger(at) || at < 0 || at >= i)) {
      throw new RangeError(`node ${i}, ${node.type}: input ${node.inputs.join(", ")} is not an earlier node`);
    }
    const inputs = node.inputs.map((at) => outputs[at]);
    checkNode(node, inputs);
    const output = executeNode(scene, node, inputs);
    if (output === null) return null;
    outputs.push(output);
  }
  return outputs;
}

/**
 * Outputs of the nodes of any program, malformed ones too: null for nodes that are invalid on the scene or malformed, and for
 * all that depend on these.
 */
export function executeWhatCan(scene: Scene, program: readonly ProgramNode[]): (Output | null)[] {
  const outputs: (Output | null)[] = [];
  for (const node of program) {
    const inputs = node.inputs.map((at) => outputs[at]);
    const known = inputs.every((input) => input !== null) && complaintOf(node, inputs as Output[]) === null;
    outputs.push(known ? executeNode(scene, node, inputs as Output[]) : null);
  }
  return outputs;
}

/**
 * A node's output as a set of objects, of which its mask is the union.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * deepStrictEqual([refplus.asSet(3), refplus.asSet([1, 2])], [[3], [1, 2]]);
 * ```
 */
export function asSet(output: Output): readonly number[] {
  return typeof output === "number" ? [output] : output;
}

function checkNode(node: ProgramNode, inputs: readonly Output[]): void {
  const complaint = complaintOf(node, inputs);
  if (complaint !== null) throw new RangeError(complaint);
}

/** The reason why a node cannot run on such inputs; null where it can. */
function complaintOf({ type, value_inputs }: ProgramNode, inputs: readonly Output[]): string | null {
  const entry = FUNCTIONS[type];
  if (!entry) return `there is no function ${type}`;
  const kinds = inputs.map((input) => typeof input === "number" ? "object" : "set");
  if (kinds.join() !== entry.inputs.join()) {
    return `${type} takes ${entry.inputs.join(" and ") || "nothing"}, given ${kinds.join(" and ")}`;
  }
  if (value_inputs.length !== entry.values.length || value_inputs.some((v, i) => !entry.values[i].includes(v))) {
    return `${type} cannot have the values [${value_inputs.join(", ")}]`;
  }
  return null;
}

/** The member of a given rank, counted from an end. */
function ranked(scene: Scene, set: readonly number[], rank: number, from: string): readonly number[] | null {
  if (set.length === 1 || rank >= set.length) return null;
  const axis = from === COUNTED_FROM[2] ? 2 : 0;
  const order = [...set].sort((a, b) => scene.objects[a].pixel_coords[axis] - scene.objects[b].pixel_coords[axis]);
  return [order[from === COUNTED_FROM[1] ? order.length - 1 - rank : rank]];
}

function ascending(set: readonly number[]): number[] {
  return [...new Set(set)].sort((a, b) => a - b);
}
