/** Optimisers, learning-rate schedules and gradient clipping. */
import type { Device } from "../device.ts";
import { ShapeError } from "../base/errors.ts";
import type { NamedParameter } from "../nn/layers.ts";
import { minimum, square, sum } from "../ops/mod.ts";
import {
  adamRule,
  countUpdates,
  type RuleConstants,
  sgdRule,
  type Update,
  Updater,
  type UpdateRule,
} from "./update.ts";
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

/** The parts in which one kind of optimiser differs from another. */
interface Kind {
  readonly rule: UpdateRule;
  readonly constants: RuleConstants;
  /** Weight decay beside the gradient, not in it. */
  readonly decoupled: boolean;
  /** A state tensor's name after the parameter's, in the order of the rule's kernels. */
  readonly state: readonly string[];
}

/** Parameters without those whose tensor came before, under whichever name. */
function distinct(listed: readonly NamedParameter[]): readonly NamedParameter[] {
  const seen = new Set<Tensor>();
  return listed.filter(({ tensor }) => !seen.has(tensor) && seen.add(tensor));
}

/** Updates parameters in place from their gradients. State is on the device, named after the parameters. */
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
  #current: number;

  /** Takes charge of updating parameters, each once however often it is listed; they stay their owner's. */
  protected constructor(device: Device, listed: readonly NamedParameter[], options: OptimiserOptions, kind: Kind) {
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

  /** One update of every parameter that takes part: see `unused` of {@link OptimiserOptions}. Only records work. */
  step(): void {
    this.device.noGrad(() => {
      using _scope = this.device.scope();
      const { clipNorm, weightDecay = 0, biasRateFactor = 1, unused = "zero" } = this.#options;
      const { rule, constants, decoupled, state } = this.#kind;
      const clip = clipNorm === undefined ? null : clipFactor(this.device, this.parameters, clipNorm);
      const counts = { used: this.#used.of(this.parameters), updates: this.#updates, correction: this.#correction };
      countUpdates(counts, constants, { corrects: rule.corrects, goesOn: unused === "zero" });
      const taking = this.parameters.filter(({ tensor }) => tensor.size > 0 && (tensor.grad || unused === "zero"));
      const updates = taking.map((parameter): Update => ({
        gradient: parameter.tensor.grad,
        weight: parameter.tensor,
        state: state.map((which) => this.#state.get(`${parameter.name}.${which}`)!),
        decay: parameter.decay ? weightDecay : 0,
        rateFactor: parameter.name.endsWith("bias") ? biasRateFactor : 1,
        ...this.#layout.places.get(parameter)!,
      }));
      const bind = { rate: this.#rate, clip, correction: this.#correction };
      this.#updater.run(updates, { bind, constants, decoupled });
    });
  }

  /** Frees the state. */
  [Symbol.dispose](): void {
    for (const part of [this.#updater, this.#used]) part[Symbol.dispose]();
    for (const tensor of [this.#rate, this.#correction, ...this.#state.values()]) tensor.dispose();
    this.#state.clear();
  }
}

/** min(1, limit / joint norm of all gradients), as a tensor of one element. */
function clipFactor(device: Device, parameters: readonly NamedParameter[], limit: number): Tensor {
  let total = device.full([1], 1e-30);
  for (const { tensor } of parameters) if (tensor.grad) total = total.add(sum(square(tensor.grad)).reshape([1]));
  return minimum(device.full([1], limit).div(total.sqrt()), 1);
}

/** Stochastic gradient descent with classical momentum: v ← m·v + g + λ·w, w ← w − rate·v. */
export class SGD extends Optimiser {
  /** `momentum` defaults to 0. */
  constructor(
    device: Device,
    parameters: readonly NamedParameter[],
    options: OptimiserOptions & { readonly momentum?: number },
  ) {
    const constants = { momentum: options.momentum ?? 0, beta2: 0, epsilon: 0 };
    super(device, parameters, options, { rule: sgdRule, constants, decoupled: false, state: ["velocity"] });
  }
}

/** Options of {@link Adam}. */
export interface AdamOptions extends OptimiserOptions {
  /** Decay of both moments; default 0.9 and 0.999. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Take `rate · weightDecay · w` off the weights instead of adding to the gradient: AdamW; default false. */
  readonly decoupledDecay?: boolean;
}

/**
 * Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019) with `decoupledDecay`. Each parameter counts its own
 * updates, as in PyTorch; the counts are on the device, so a captured step counts on.
 */
export class Adam extends Optimiser {
  /** Moments start at zero. */
  constructor(device: Device, parameters: readonly NamedParameter[], options: AdamOptions) {
    const { betas: [momentum, beta2] = [0.9, 0.999], epsilon = 1e-8, decoupledDecay = false } = options;
    const constants = { momentum, beta2, epsilon };
    super(device, parameters, options, {
      rule: adamRule,
      constants,
      decoupled: decoupledDecay,
      state: ["first", "second"],
    });
  }
}

/** Learning rate as a function of the step, counted from 0. */
export type Schedule = (step: number) => number;

/** Schedules by name. */
export const schedules: {
  readonly constant: (rate: number) => Schedule;
  readonly steps: (rate: number, boundaries: readonly number[], factor?: number) => Schedule;
  readonly cosine: (rate: number, steps: number) => Schedule;
  readonly warmup: (steps: number, then: Schedule) => Schedule;
} = {
  /** The same rate throughout. */
  constant: (rate) => () => rate,
  /** `rate`, times `factor` (0.1) once for every boundary already reached. */
  steps: (rate, boundaries, factor = 0.1) => (step) => rate * factor ** boundaries.filter((b) => step >= b).length,
  /** Half a cosine from `rate` to 0 over `steps`. */
  cosine: (rate, steps) => {
    if (!(steps > 0)) throw new ShapeError(`cosine: ${steps} steps`);
    return (step) => rate * 0.5 * (1 + Math.cos(Math.PI * Math.min(step, steps) / steps));
  },
  /** Rises linearly over the first `steps`, then follows another schedule. */
  warmup: (steps, then) => (step) => then(step) * Math.min(1, (step + 1) / Math.max(1, steps)),
};
