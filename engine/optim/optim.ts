/** The part that all optimisers share, with gradient clipping. */
import { ArgumentError } from "../base/errors.ts";
import { described, expectFinite, expectFlag, expectOneOf, type NamesOf, type Range } from "../base/given.ts";
import type { Device } from "../device.ts";
import { isDevice, isTensor } from "../friends.ts";
import type { NamedParameter } from "../nn/parameter.ts";
import { minimum, square, sum } from "../ops/mod.ts";
import { countUpdates, type RuleConstants, type Update, Updater, type UpdateRule } from "./update.ts";
import { type GradientMean, sumFor } from "./gradient_sum.ts";
import { type Layout, layoutOf, UsedFlags } from "./used.ts";
import type { Tensor } from "../tensor.ts";

/** Name of the state tensor that counts each parameter's updates, f32 [parameters, those of banks one by one]. */
const UPDATES = "updates";

/** Treatment of a parameter, or of an entry of a bank, that was used before and has no gradient at a step. */
export type Unused = "zero" | "skip";

/** Every {@link Unused}. */
export const UNUSED: readonly ["zero", "skip"] = ["zero", "skip"];

/** Options every optimiser takes. */
export interface OptimiserOptions {
  /** First learning rate. */
  readonly rate: number;
  /** L2 weight decay: its gradient `decay · w` is added for parameters whose `decay` is set; default 0. See {@link Adam}. */
  readonly weightDecay?: number;
  /** Factor on the rate of parameters whose name ends in `bias`; default 1. */
  readonly biasRateFactor?: number;
  /** Scale all gradients down so that their joint norm is at most this; default no clipping. */
  readonly clipNorm?: number;
  /**
   * Treatment of a parameter, or of an entry of a bank, that was used before and has no gradient at this step. `zero`, the
   * default: its gradient is zero, so momentum goes on, as where gradients are zeroed in place (PyTorch before 2.0,
   * TensorFlow). `skip`: it is left as it is, as where gradients are set to none (PyTorch from 2.0 on). One never used is
   * left as it is by both.
   */
  readonly unused?: Unused;
  /** Update several parameters by one dispatch where the adapter binds enough buffers; default true. */
  readonly grouped?: boolean;
}

/** Names of {@link OptimiserOptions}. */
export const OPTIONS: NamesOf<OptimiserOptions> = {
  rate: true,
  weightDecay: true,
  biasRateFactor: true,
  clipNorm: true,
  unused: true,
  grouped: true,
};

/** {@link OptimiserOptions}, by its American spelling. */
export type OptimizerOptions = OptimiserOptions;

/** A parameter that is not finite any more. */
export interface NonFinite {
  /** Its name. */
  readonly name: string;
  /** Steps since then, the one that made it so included. */
  readonly steps: number;
}

/** The parts in which one kind of optimiser differs from another. */
interface Kind {
  readonly rule: UpdateRule;
  readonly constants: RuleConstants;
  /** Weight decay beside the gradient, not in it. */
  readonly decoupled: boolean;
  /** A state tensor's name after the parameter's, in the order of the rule's kernels. */
  readonly state: readonly string[];
}

/** Ranges of the options that are numbers. */
const RANGES: Readonly<Record<"rate" | "weightDecay" | "biasRateFactor" | "clipNorm", Range>> = {
  rate: {},
  weightDecay: { least: 0 },
  biasRateFactor: {},
  clipNorm: { above: 0 },
};

/** Throws {@link ArgumentError} unless device, parameters and options are such. */
function checkGiven(device: unknown, listed: unknown, options: OptimiserOptions): void {
  const where = "an optimiser";
  if (!isDevice(device)) throw new ArgumentError(`${where}: the device is an open Device, not ${described(device)}`);
  if (!Array.isArray(listed)) {
    throw new ArgumentError(`${where}: parameters are listed, by module.trainable(); this is ${described(listed)}`);
  }
  const odd = listed.find((one) => !isTensor(one?.tensor) || typeof one.name !== "string");
  if (odd !== undefined) {
    throw new ArgumentError(`${where}: a parameter is { name, tensor, trainable, decay }, not ${described(odd)}`);
  }
  if (listed.length === 0) {
    throw new ArgumentError(`${where}: there are no parameters to update; the list is empty`);
  }
  for (const name of ["rate", "weightDecay", "biasRateFactor", "clipNorm"] as const) {
    if (name === "rate" || options[name] !== undefined) expectFinite(where, name, options[name], RANGES[name]);
  }
  if (options.grouped !== undefined) expectFlag(where, "grouped", options.grouped);
  if (options.unused !== undefined) expectOneOf(where, "unused", options.unused, UNUSED);
}

/**
 * Parameters without those whose tensor came before, under whichever name. State goes by names, so different parameters of
 * one name are refused.
 */
function distinct(listed: readonly NamedParameter[]): readonly NamedParameter[] {
  const seen = new Set<Tensor>();
  const parameters = listed.filter(({ tensor }) => !seen.has(tensor) && seen.add(tensor));
  const names = new Set<string>(), shared = new Set<string>();
  for (const { name } of parameters) (names.has(name) ? shared : names).add(name);
  if (shared.size === 0) return parameters;
  throw new ArgumentError(
    `an optimiser: different parameters are named ${[...shared].map((name) => `"${name}"`).join(", ")}; ` +
      'give the names of each model a prefix, as in [...a.trainable("a."), ...b.trainable("b.")]',
  );
}

/**
 * Updates parameters in place from their gradients. State is on the device, named after the parameters.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn, type Optimiser, SGD } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using layer = new nn.Linear(device, { inputs: 1, outputs: 1, seed: 1, init: nn.init.ones, bias: false });
 * using optimiser: Optimiser = new SGD(device, layer.trainable(), { rate: 0.25 });
 * using scope = device.scope();
 * layer.forward(device.tensor([[2]])).backward();
 * optimiser.step();
 * layer.zeroGrad();
 * deepStrictEqual([...await layer.weight.data()], [0.5]);
 * ```
 */
export abstract class Optimiser implements Disposable {
  /** Parameters it updates. */
  readonly parameters: readonly NamedParameter[];
  /** The device. */
  protected readonly device: Device;
  readonly #options: OptimiserOptions;
  readonly #kind: Kind;
  readonly #rate: Tensor;
  readonly #state: Map<string, Tensor> = new Map();
  readonly #updater: Updater;
  readonly #layout: Layout;
  readonly #used: UsedFlags;
  /** f32 [counts]: each parameter's updates so far. */
  readonly #updates: Tensor;
  readonly #correction: Tensor;
  /** u32 [counts]: marks of what is not finite any more. */
  readonly #fault: Tensor;
  #current: number;

  /** Takes charge of updating parameters, each once however often it is listed; they stay their owner's. */
  protected constructor(device: Device, listed: readonly NamedParameter[], options: OptimiserOptions, kind: Kind) {
    checkGiven(device, listed, options);
    const parameters = distinct(listed);
    this.device = device;
    this.parameters = parameters;
    this.#options = options;
    this.#kind = kind;
    this.#updater = new Updater(device, kind.rule, options.grouped ?? true);
    this.#layout = layoutOf(parameters);
    this.#used = new UsedFlags(device, this.#layout);
    this.#current = options.rate;
    this.#rate = device.full([1], options.rate).unscoped();
    this.#correction = device.zeros([this.#layout.size, 2]).unscoped();
    this.#fault = device.tensor(new Uint32Array(this.#layout.size)).unscoped();
    this.#updates = this.#addState(UPDATES, [this.#layout.size]);
    for (const { name, tensor } of parameters) {
      for (const which of kind.state) this.#addState(`${name}.${which}`, tensor.shape);
    }
  }

  /** The learning rate; set it between steps. */
  get rate(): number {
    return this.#current;
  }

  set rate(value: number) {
    if (value === this.#current) return;
    expectFinite("an optimiser", "rate", value, RANGES.rate);
    this.#current = value;
    this.#rate.write(new Float32Array([value]));
  }

  /** State tensors by name, for checkpoints: `<parameter>.velocity` and so on; `updates` counts each parameter's. */
  get state(): ReadonlyMap<string, Tensor> {
    return this.#state;
  }

  #addState(name: string, shape: readonly number[]): Tensor {
    const tensor = this.device.zeros(shape).unscoped();
    this.#state.set(name, tensor);
    return tensor;
  }

  /**
   * One update of every parameter that takes part: see `unused` of {@link OptimiserOptions}. By the gradients that the
   * parameters hold, or by a mean of gradients that a {@link GradientSum} of this optimiser's parameters holds. Only records
   * work.
   *
   * @throws {ArgumentError} for a mean that is none, or of other parameters.
   */
  step(mean?: GradientMean): void {
    const given = sumFor(mean, this.parameters);
    this.device.noGrad(() => {
      using _scope = this.device.scope();
      const { clipNorm, weightDecay = 0, biasRateFactor = 1, unused = "zero" } = this.#options;
      const { rule, constants, decoupled, state } = this.#kind;
      const clip = given
        ? given.sum.factor(given.of, clipNorm)
        : clipNorm === undefined
        ? null
        : clipFactor(this.device, this.parameters, clipNorm);
      const counts = {
        used: given ? given.sum.values : this.#used.of(this.parameters),
        usedPlace: given ? given.sum.countPlace : 0,
        updates: this.#updates,
        correction: this.#correction,
        fault: this.#fault,
      };
      countUpdates(counts, constants, { corrects: rule.corrects, goesOn: unused === "zero" });
      // Of a sum the device alone knows which parameters take part.
      const taking = this.parameters.filter(({ tensor }) =>
        tensor.size > 0 && (given || tensor.grad || unused === "zero")
      );
      const updates = taking.map((parameter): Update => ({
        gradient: given ? given.sum.values : parameter.tensor.grad,
        gradientPlace: given ? given.sum.placeOf(parameter) : 0,
        weight: parameter.tensor,
        state: state.map((which) => this.#state.get(`${parameter.name}.${which}`)!),
        decay: parameter.decay ? weightDecay : 0,
        rateFactor: parameter.name.endsWith("bias") ? biasRateFactor : 1,
        ...this.#layout.places.get(parameter)!,
      }));
      const bind = { rate: this.#rate, clip, correction: this.#correction, fault: this.#fault };
      this.#updater.run(updates, { bind, constants, decoupled });
    });
  }

  /**
   * The parameter that was the first to hold a NaN or an infinity after a step, in itself or in its state, or whose
   * gradients' norm was none; null where there is none. The kernels that update look as they go; asking waits for the
   * device, and forgets what was found.
   */
  async nonFinite(): Promise<NonFinite | null> {
    const faults = await this.#fault.data();
    let found: NonFinite | null = null;
    for (const parameter of this.parameters) {
      const since = faults[this.#layout.places.get(parameter)!.entry];
      if (since > (found?.steps ?? 0)) found = { name: parameter.name, steps: since };
    }
    if (found) this.#fault.write(new Uint32Array(this.#layout.size));
    return found;
  }

  /** Frees the state. */
  [Symbol.dispose](): void {
    for (const part of [this.#updater, this.#used]) part[Symbol.dispose]();
    for (const tensor of [this.#rate, this.#correction, this.#fault, ...this.#state.values()]) tensor.dispose();
    this.#state.clear();
  }
}

/** min(1, limit / joint norm of all gradients), as a tensor of one element. */
function clipFactor(device: Device, parameters: readonly NamedParameter[], limit: number): Tensor {
  let total = device.full([1], 1e-30);
  for (const { tensor } of parameters) if (tensor.grad) total = total.add(sum(square(tensor.grad)).reshape([1]));
  return minimum(device.full([1], limit).div(total.sqrt()), 1);
}
