/** An op as something that is checked: its samples, what the float64 reference gives for them, and its gradients. */
import type { Device } from "../../device.ts";
import { ArgumentError } from "../../base/errors.ts";
import { dtypeOfArray } from "../../dtype.ts";
import type { AnyOp, Sample, SampleInput } from "../../op.ts";
import { elements } from "../float64/ndarray64.ts";
import { type Random, randomStream } from "../random.ts";
import { prepare, type Prepared, RANDOM } from "../samples/prepare.ts";
import { type Drawn, type HostInput, type Ran, record, run, type RunOptions } from "../samples/run_sample.ts";
import type { Result, Wanted } from "./compare.ts";
import { differencesOf } from "./differences.ts";
import { kernelsOf } from "./run.ts";
import { type Case, sizeCheck, type Subject } from "./subject.ts";
import { tilingsOf } from "./tilings.ts";

/** A sample of an op with all it is compared with. */
export interface OpSample {
  readonly title: string;
  readonly sample: Drawn;
  readonly options: RunOptions;
  /** Outputs as they should be, and gradients as far as they are known. */
  wanted(): readonly Wanted[];
  /** Inputs that must get a gradient, as far as that is known. */
  readonly gets: readonly (boolean | undefined)[];
}

/** Samples of an op of the engine beside its float64 reference. */
export function preparedSample(op: AnyOp, prepared: Prepared): OpSample {
  const { sample, options, want, wantGrads, title } = prepared;
  const known = !(op.name in RANDOM);
  return {
    title,
    sample,
    options,
    gets: sample.inputs.map((_, k) => known ? options.needs[k] && !op.constantInputs.includes(k) : undefined),
    wanted: () => {
      const outputs = want.map(({ shape, values, bounds }, k) => ({ name: `output ${k}`, shape, values, bounds }));
      if (!op.differentiable || !known) return outputs;
      const grads = wantGrads().flatMap((grad, k) =>
        grad && options.needs[k] && !op.constantInputs.includes(k)
          ? [{ name: `gradient of input ${k}`, shape: grad.shape, values: grad.values, bounds: grad.bounds }]
          : []
      );
      return [...outputs, ...grads];
    },
  };
}

/** Results of a run; throws where gradients are kept, or given, that must not be, or are missing. */
function resultsOf(op: AnyOp, { sample, options, gets }: OpSample, ran: Ran): Result[] {
  const wants = op.differentiable && options.needs.includes(true);
  ran.tracked.forEach((tracked, k) => {
    const should = wants && !op.constantOutputs.includes(k);
    // An op whose inputs are all constants keeps nothing.
    const may = should && options.needs.some((need, i) => need && !op.constantInputs.includes(i));
    if (tracked !== may) {
      throw new Error(`output ${k} ${tracked ? "carries a gradient and must not" : "carries no gradient"}`);
    }
  });
  ran.grads.forEach((grad, k) => {
    if (gets[k] === undefined || (grad !== null) === gets[k]) return;
    throw new Error(`input ${k} gets ${grad ? "a gradient and must not" : "no gradient"}`);
  });
  const outputs = ran.outputs.map((values, k) => ({ name: `output ${k}`, shape: ran.shapes[k], values }));
  const grads = ran.grads.flatMap((values, k) =>
    values ? [{ name: `gradient of input ${k}`, shape: sample.inputs[k]!.shape, values }] : []
  );
  return [...outputs, ...grads];
}

function caseOf(op: AnyOp, sample: OpSample, check: Case["check"] | null = null): Case {
  const shapes = sample.sample.inputs.flatMap((input) => input ? [input.shape] : []);
  return {
    title: sample.title,
    check: check ?? sizeCheck(shapes),
    run: async (device) => resultsOf(op, sample, await run(device, op, sample.sample, sample.options)),
    record: (device) => record(device, op, sample.sample, sample.options),
    wanted: () => sample.wanted(),
  };
}

/** Makes samples comparable: those of an op of the engine by its float64 reference, others by one that is given. */
export type Preparing = (random: Random, samples: readonly Sample<unknown>[]) => readonly OpSample[];

/** Options of an op's checks. */
export interface OpSubjectOptions {
  readonly seed: number;
  /** Default its own. */
  readonly samples?: readonly Sample<unknown>[] | undefined;
  /** Default by the engine's references. */
  readonly preparing?: Preparing;
  /** Leaves out samples that this does not choose. */
  readonly choose?: ((sample: Case) => boolean) | undefined;
}

/** An op to be checked. */
export function opSubject(op: AnyOp, options: OpSubjectOptions): Subject {
  const { seed, choose = () => true } = options, random = randomStream(`samples of ${op.name}`, seed);
  const described = options.samples ?? op.samples(random);
  if (described.length === 0) throw new ArgumentError(`${op.name}: there are no samples to check it on; give some`);
  const preparing = options.preparing ??
    ((random, samples) => prepare(op, random, samples).map((prepared) => preparedSample(op, prepared)));
  const cases = preparing(random, described).map((sample) => caseOf(op, sample)).filter(choose);
  return {
    name: op.name,
    cases,
    specialised: (device) =>
      preparing(random, unreached(device, op, described)).map((sample) => caseOf(op, sample, "specialisations"))
        .filter(choose),
    tiled: (device) => {
      const { tilings, samples } = tilingsOf(device, op, random);
      return { tilings, cases: preparing(random, samples).map((sample) => caseOf(op, sample, "tilings")) };
    },
    ...op.differentiable && !(op.name in RANDOM)
      ? { differences: (device: Device) => differencesOf(device, op, described, seed) }
      : {},
  };
}

/** Most samples that are varied, and most variations of each. */
const VARIED = 12, VARIATIONS = 96;

/**
 * Samples that reach specialisations of kernels which the given ones do not: every value that an attribute of words, flags or
 * whole numbers has in any of them, each with those of the others, and optional inputs there and left out.
 */
export function unreached(
  device: Device,
  op: AnyOp,
  samples: readonly Sample<unknown>[],
): readonly Sample<unknown>[] {
  const reach = (sample: Sample<unknown>): ReadonlySet<string> => {
    try {
      return new Set(kernelsOf(device, () => recordEmpty(device, op, sample)).keys());
    } catch {
      return new Set();
    }
  };
  const reached = new Set(samples.flatMap((sample) => [...reach(sample)]));
  const values = choicesOf(samples), found: Sample<unknown>[] = [];
  // The smallest first: a sample shows what its constants do as well as a larger one.
  const small = samples.filter((sample) => sample.inputs.every((input) => !input || elements(input.shape) > 0))
    .toSorted((
      a,
      b,
    ) => sizeOf(a) - sizeOf(b));
  for (const sample of small.slice(0, VARIED)) {
    for (const varied of variations(sample, values, samples).slice(0, VARIATIONS)) {
      const own = reach(varied);
      if (![...own].some((key) => !reached.has(key))) continue;
      for (const key of own) reached.add(key);
      found.push(varied);
    }
  }
  return found;
}

function sizeOf({ inputs }: Sample<unknown>): number {
  return inputs.reduce((sum, input) => sum + (input ? elements(input.shape) : 0), 0);
}

function recordEmpty(device: Device, op: AnyOp, { inputs, attrs }: Sample<unknown>): void {
  const drawn = inputs.map((input) => input && emptyInput(input));
  const needs = drawn.map((input) => op.differentiable && input !== null && dtypeOfArray(input.data) === "f32");
  using _scope = device.scope();
  const tensors = drawn.map((input, i) => {
    if (!input) return null;
    const tensor = device.tensor(input.data, input.shape);
    tensor.requiresGrad = needs[i];
    return tensor;
  });
  for (const output of op.run(tensors, attrs)) {
    if (output.requiresGrad) return output.backward(device.ones(output.shape));
  }
}

/** An input as a sample describes it, of the least number of its range: to be recorded, not computed with. */
export function emptyInput({ shape, dtype = "f32", range: [low] = [-1, 1] }: SampleInput): HostInput {
  const size = elements(shape);
  const data = dtype === "f32"
    ? new Float32Array(size).fill(low)
    : dtype === "f16"
    ? new Float16Array(size).fill(low)
    : dtype === "i32"
    ? new Int32Array(size).fill(low)
    : new Uint32Array(size).fill(Math.max(0, low));
  return { shape, data };
}

/** Values of each attribute that is a word or a flag, as samples have them. */
function choicesOf(samples: readonly Sample<unknown>[]): ReadonlyMap<string, readonly unknown[]> {
  const values = new Map<string, Set<unknown>>();
  for (const { attrs } of samples) {
    for (const [name, value] of Object.entries((attrs ?? {}) as Record<string, unknown>)) {
      if (typeof value !== "string" && typeof value !== "boolean") continue;
      const own = values.get(name);
      if (own) own.add(value);
      else values.set(name, new Set([value]));
    }
  }
  return new Map([...values].map(([name, own]) => [name, typeof [...own][0] === "boolean" ? [false, true] : [...own]]));
}

/** A sample with each choice of its attributes, and each of its optional inputs there or not. */
function variations(
  { inputs, attrs }: Sample<unknown>,
  values: ReadonlyMap<string, readonly unknown[]>,
  samples: readonly Sample<unknown>[],
): Sample<unknown>[] {
  let all: Sample<unknown>[] = [{ inputs, attrs }];
  for (const [name, choices] of values) {
    if (!Object.hasOwn((attrs ?? {}) as object, name)) continue;
    all = all.flatMap((one) => choices.map((value) => ({ ...one, attrs: { ...one.attrs as object, [name]: value } })));
  }
  inputs.forEach((input, i) => {
    if (input === null || !samples.some((sample) => sample.inputs[i] === null)) return;
    all = all.flatMap((one) => [one, { ...one, inputs: one.inputs.with(i, null) }]);
  });
  return all;
}
