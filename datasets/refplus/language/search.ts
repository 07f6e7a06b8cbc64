/**
 * Fills a template in on a scene, so that what it says is true and worth saying (papers/iep-ref.md#template-search).
 */
import type { RandomStream } from "../../../engine/base/random.ts";
import { ATTRIBUTE_NAMES, ATTRIBUTES, RELATIONS } from "../scenes/catalogue.ts";
import { type Description, Descriptions } from "./describe.ts";
import { asSet, execute, executeStep, type Output } from "./execute.ts";
import type { Template, TemplateStep } from "./templates.ts";
import type { ProgramNode, Scene } from "../files/types.ts";

/** States that may be discarded before a template is given up, unless a set says otherwise. */
export const PATIENCE = 10_000;

/** A template filled in. */
export interface Filled {
  /** The program, with what every step gives. */
  readonly program: readonly ProgramNode[];
  /** What was drawn for each slot. */
  readonly slots: readonly Description[];
  /** Objects referred to, ascending. */
  readonly answer: readonly number[];
}

/** A search's surroundings. */
export interface SearchOptions {
  readonly random: RandomStream;
  readonly descriptions: Descriptions;
  /** Whether nothing must be referred to, instead of something. */
  readonly falsePremise: boolean;
  /** States that may be discarded; default {@link PATIENCE}. */
  readonly patience?: number;
  /** Whether a filled template that is right in itself is wanted. */
  readonly accept: (filled: Filled) => boolean;
}

interface State {
  readonly program: readonly ProgramNode[];
  readonly outputs: readonly Output[];
  /** Program index of each template step so far. */
  readonly at: readonly number[];
  readonly slots: readonly Description[];
}

/** Searches depth first, in random order; null when nothing was found or patience ran out. */
export function fillTemplate(scene: Scene, template: Template, options: SearchOptions): Filled | null {
  let patience = options.patience ?? PATIENCE;
  const descend = (state: State): Filled | null => {
    const step = template.steps[state.at.length];
    if (!step) return finish(scene, template, state, options);
    for (const drawn of choices(step, state, options)) {
      const next = extend(scene, template, step, state, drawn, options.falsePremise);
      const found = next && descend(next);
      if (found) return found;
      if (!next && --patience < 0) return null;
      if (patience < 0) return null;
    }
    return null;
  };
  return descend({ program: [], outputs: [], at: [], slots: [] });
}

/** What may be drawn for a step; steps without a slot have one choice. */
function* choices(step: TemplateStep, { outputs, at }: State, options: SearchOptions): Generator<Description> {
  const { random, descriptions } = options;
  switch (step.kind) {
    case "filter":
      return yield* descriptions.draw(step, outputs[at[step.input]], random);
    case "relate":
      for (const i of random.permutation(RELATIONS.length)) yield { relation: RELATIONS[i] };
      return;
    case "value": {
      const values = ATTRIBUTES[step.attribute];
      for (const i of random.permutation(values.length)) yield { value: values[i] };
      return;
    }
    default:
      yield {};
  }
}

/** The functions that a step with a description stands for. `inputs` are program indices. */
function functionsOf(step: TemplateStep, drawn: Description): Pick<ProgramNode, "type" | "value_inputs">[] {
  const named = (type: string, ...values: readonly string[]) => ({ type, value_inputs: values });
  switch (step.kind) {
    case "filter":
      return [
        ...step.relate ? [named("relate", drawn.relation!)] : [],
        ...ATTRIBUTE_NAMES.flatMap((name) => drawn[name] === undefined ? [] : [named(`filter_${name}`, drawn[name])]),
        ...drawn.ordinal ? [named("filter_ordinal", ...drawn.ordinal)] : [],
        ...drawn.visible === undefined ? [] : [named("filter_visible", drawn.visible)],
        ...step.unique ? [named("unique")] : [],
      ];
    case "relate":
      return [named("relate", drawn.relation!)];
    case "value":
      return [named(`filter_${step.attribute}`, drawn.value!)];
    case "same":
      return [named(`same_${step.attribute}`)];
    default:
      return [named(step.kind)];
  }
}

/** The state after one more step; null where it is invalid or breaks a rule of the template. */
function extend(
  scene: Scene,
  template: Template,
  step: TemplateStep,
  state: State,
  drawn: Description,
  falsePremise: boolean,
): State | null {
  const program = [...state.program], outputs = [...state.outputs];
  let inputs = "inputs" in step ? step.inputs.map((i) => state.at[i]) : "input" in step ? [state.at[step.input]] : [];
  for (const { type, value_inputs } of functionsOf(step, drawn)) {
    const node = { type, inputs, value_inputs };
    const output = executeStep(scene, node, inputs.map((i) => outputs[i]));
    if (output === null) return null;
    program.push({ ...node, _output: output });
    outputs.push(output);
    inputs = [program.length - 1];
  }
  const slots = "slot" in step ? [...state.slots, drawn] : state.slots;
  const at = [...state.at, program.length - 1];
  if (template.absent.some(([slot, attribute]) => slots[slot]?.[attribute] !== undefined)) return null;
  const [first, second] = template.differ ?? [];
  if (first !== undefined && second === at.length - 1) {
    const [one, other] = [outputs[at[first]], outputs[at[second]]].map((output) => asSet(output).join());
    // Two sets that are both empty differ by what is said of them; that arises only where nothing is to be referred to.
    const differs = one !== other || (falsePremise && one === "" && !sameWords(slots));
    if (!differs) return null;
  }
  return { program, outputs, at, slots };
}

function finish(scene: Scene, { steps }: Template, state: State, options: SearchOptions): Filled | null {
  const answer = asSet(state.outputs.at(-1)!);
  if ((answer.length === 0) !== options.falsePremise) return null;
  if (steps.some(({ kind }) => kind === "relate") && isDegenerate(scene, state.program, answer.length)) return null;
  const filled = { program: state.program, slots: state.slots, answer };
  return options.accept(filled) ? filled : null;
}

/** Whether some relation could be left out without changing how many objects are referred to. */
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
