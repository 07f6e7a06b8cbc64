/** An op as something that is checked: its samples, what the float64 reference gives for them, and its gradients. */
import type { Device } from "../../device.ts";
import { ArgumentError } from "../../base/errors.ts";
import type { AnyOp, Sample } from "../../op.ts";
import { type Random, randomStream } from "../random.ts";
import { prepare, type Prepared, RANDOM } from "../samples/prepare.ts";
import { type Drawn, type Ran, record, run, type RunOptions } from "../samples/run_sample.ts";
import type { Result, Wanted } from "./compare.ts";
import { differencesOf } from "./differences.ts";
import { type Case, sizeCheck, type Subject } from "./subject.ts";
import { tilingsOf } from "./tilings.ts";
import { Reached } from "./reached.ts";

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

/** A sample run twice, so that gradients are added to those that are there: to the bit their doubles. */
function collectedTwice({ title, options, wanted, ...rest }: OpSample): OpSample {
  const double = (values: ArrayLike<number>): Float64Array => Float64Array.from(values, (value) => 2 * value);
  return {
    ...rest,
    title: `${title}, gradients added to what is there`,
    options: { ...options, twice: true },
    wanted: () =>
      wanted().map((own) =>
        own.name.startsWith("gradient") ? { ...own, values: double(own.values), bounds: double(own.bounds) } : own
      ),
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
    specialised: (device, tilings) => {
      const reached = new Reached(device, op, described, tilings);
      const more = preparing(random, reached.variations());
      // Gradients that are added to what is there have kernels of their own.
      const again = preparing(random, reached.collected()).map(collectedTwice);
      return [...more, ...again].map((sample) => caseOf(op, sample, "specialisations")).filter(choose);
    },
    tiled: (device) => {
      const { tilings, samples } = tilingsOf(device, op, random);
      return { tilings, cases: preparing(random, samples).map((sample) => caseOf(op, sample, "tilings")) };
    },
    ...op.differentiable && !(op.name in RANDOM)
      ? { differences: (device: Device) => differencesOf(device, op, described, seed) }
      : {},
  };
}
