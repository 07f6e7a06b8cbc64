/**
 * Fills in a template on a scene, so that the expression is true and every part of it is needed
 * (papers/iep-ref.md#template-search).
 */
import type { RandomStream } from "../../../engine/base/random.ts";
import { ATTRIBUTE_NAMES, ATTRIBUTES, RELATIONS } from "../scenes/catalogue.ts";
import { type Description, Descriptions } from "./describe.ts";
import { asSet, execute, executeNode, type Output } from "./execute.ts";
import type { Template, TemplateNode } from "./templates.ts";
import type { ProgramNode, Scene } from "../files/types.ts";

/** Default number of states that may be discarded before a template is given up. */
export const PATIENCE = 10_000;

/** A template filled in. */
export interface Filled {
  /** The program, with every node's output. */
  readonly program: readonly ProgramNode[];
  /** The description drawn for each slot. */
  readonly slots: readonly Description[];
  /** Objects referred to, ascending. */
  readonly answer: readonly number[];
}

/** A search's surroundings. */
export interface SearchOptions {
  readonly random: RandomStream;
  readonly descriptions: Descriptions;
  /** True where the answer must be empty; otherwise it must not. */
  readonly falsePremise: boolean;
  /** States that may be discarded; default {@link PATIENCE}. */
  readonly patience?: number;
  /** True for a valid filled template that is wanted. */
  readonly accept: (filled: Filled) => boolean;
}

interface State {
  readonly program: readonly ProgramNode[];
  readonly outputs: readonly Output[];
  /** Program index of each template node so far. */
  readonly at: readonly number[];
  readonly slots: readonly Description[];
}

/** Searches depth first, in random order; null when nothing was found or patience ran out. */
export function fillTemplate(scene: Scene, template: Template, options: SearchOptions): Filled | null {
  let patience = options.patience ?? PATIENCE;
  const descend = (state: State): Filled | null => {
    const templateNode = template.nodes[state.at.length];
    if (!templateNode) return finish(scene, template, state, options);
    for (const drawn of choices(templateNode, state, options)) {
      const next = extend(scene, template, templateNode, state, drawn, options.falsePremise);
      const found = next && descend(next);
      if (found) return found;
      if (!next && --patience < 0) return null;
      if (patience < 0) return null;
    }
    return null;
  };
  return descend({ program: [], outputs: [], at: [], slots: [] });
}

/** Descriptions that can be drawn for a template node; nodes without a slot have one choice. */
function* choices(templateNode: TemplateNode, { outputs, at }: State, options: SearchOptions): Generator<Description> {
  const { random, descriptions } = options;
  switch (templateNode.kind) {
    case "filter":
      return yield* descriptions.draw(templateNode, outputs[at[templateNode.input]], random);
    case "relate":
      for (const i of random.permutation(RELATIONS.length)) yield { relation: RELATIONS[i] };
      return;
    case "value": {
      const values = ATTRIBUTES[templateNode.attribute];
      for (const i of random.permutation(values.length)) yield { value: values[i] };
      return;
    }
    default:
      yield {};
  }
}

/** The functions of a template node with a description. */
function functionsOf(templateNode: TemplateNode, drawn: Description): Pick<ProgramNode, "type" | "value_inputs">[] {
  const named = (type: string, ...values: readonly string[]) => ({ type, value_inputs: values });
  switch (templateNode.kind) {
    case "filter":
      return [
        ...templateNode.relate ? [named("relate", drawn.relation!)] : [],
        ...ATTRIBUTE_NAMES.flatMap((name) => drawn[name] === undefined ? [] : [named(`filter_${name}`, drawn[name])]),
        ...drawn.ordinal ? [named("filter_ordinal", ...drawn.ordinal)] : [],
        ...drawn.visible === undefined ? [] : [named("filter_visible", drawn.visible)],
        ...templateNode.unique ? [named("unique")] : [],
      ];
    case "relate":
      return [named("relate", drawn.relation!)];
    case "value":
      return [named(`filter_${templateNode.attribute}`, drawn.value!)];
    case "same":
      return [named(`same_${templateNode.attribute}`)];
    default:
      return [named(templateNode.kind)];
  }
}

/** The state after one more template node; null where it is invalid or breaks a rule of the template. */
function extend(
  scene: Scene,
  template: Template,
  templateNode: TemplateNode,
  state: State,
  drawn: Description,
  falsePremise: boolean,
): State | null {
  const program = [...state.program], outputs = [...state.outputs];
  let inputs = "inputs" in templateNode
    ? templateNode.inputs.map((i) => state.at[i])
    : "input" in templateNode
    ? [state.at[templateNode.input]]
    : [];
  for (const { type, value_inputs } of functionsOf(templateNode, drawn)) {
    const node = { type, inputs, value_inputs };
    const output = executeNode(scene, node, inputs.map((i) => outputs[i]));
    if (output === null) return null;
    program.push({ ...node, _output: output });
    outputs.push(output);
    inputs = [program.length - 1];
  }
  const slots = "slot" in templateNode ? [...state.slots, drawn] : state.slots;
  const at = [...state.at, program.length - 1];
  if (template.absent.some(([slot, attribute]) => slots[slot]?.[attribute] !== undefined)) return null;
  const [first, second] = template.differ ?? [];
  if (first !== undefined && second === at.length - 1) {
    const [one, other] = [outputs[at[first]], outputs[at[second]]].map((output) => asSet(output).join());
    // Two empty sets differ by their descriptions; both can be empty only where the answer must be.
    const differs = one !== other || (falsePremise && one === "" && !sameWords(slots));
    if (!differs) return null;
  }
  return { program, outputs, at, slots };
}

function finish(scene: Scene, { nodes }: Template, state: State, options: SearchOptions): Filled | null {
  const answer = asSet(state.outputs.at(-1)!);
  if ((answer.length === 0) !== options.falsePremise) return null;
  if (nodes.some(({ kind }) => kind === "relate") && isDegenerate(scene, state.program, answer.length)) return null;
  const filled = { program: state.program, slots: state.slots, answer };
  return options.accept(filled) ? filled : null;
}

/** True where some relation could be left out without changing the number of objects referred to. */
export function isDegenerate(scene: Scene, program: readonly ProgramNode[], count: number): boolean {
  return program.some(({ type }, i) => {
    if (type !== "relate") return false;
    const without = program.map((node, j) => j === i ? { type: "scene", inputs: [], value_inputs: [] } : node);
    const outputs = execute(scene, without);
    return outputs !== null && asSet(outputs.at(-1)!).length === count;
  });
}

function sameWords([first, second]: readonly Description[]): boolean {
  const words = (d: Description): string => JSON.stringify([ATTRIBUTE_NAMES.map((n) => d[n]), d.ordinal, d.visible]);
  return words(first) === words(second);
}
