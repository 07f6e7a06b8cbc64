/** Optimisers, learning-rate schedules and gradient clipping. */
import type { Device } from "./device.ts";
import { ShapeError } from "./errors.ts";
import type { NamedParameter } from "./nn.ts";
import { minimum, square, sum } from "./ops/mod.ts";
import { adamRule, countStep, sgdRule, type Shared, Updater, type UpdateRule } from "./optim_update.ts";
import type { Tensor } from "./tensor.ts";

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
  /** Update several parameters by one dispatch where the adapter binds enough buffers; default true. */
  readonly grouped?: boolean;
}

/** What the updates of a step share beside the rate. */
interface StepConstants extends Omit<Shared, "bind"> {
  readonly bind: { readonly correction?: Tensor };
}

/** Updates parameters in place from their gradients. State is on the device, named after the parameters. */
export abstract class Optimiser implements Disposable {
  /** Parameters it updates. */
  readonly parameters: readonly NamedParameter[];
  /** The device. */
  protected readonly device: Device;
  readonly #options: OptimiserOptions;
  readonly #rate: Tensor;
  readonly #state: Map<string, Tensor> = new Map();
  readonly #updater: Updater;
  #current: number;

  /**
   * Takes charge of updating `parameters` by `rule`; they stay their owner's.
   *
   * @internal
   */
  constructor(
    device: Device,
    parameters: readonly NamedParameter[],
    options: OptimiserOptions,
    rule: UpdateRule,
  ) {
    this.device = device;
    this.#updater = new Updater(device, rule, options.grouped ?? true);
    this.parameters = parameters;
    this.#options = options;
    this.#current = options.rate;
    this.#rate = device.full([1], options.rate).unscoped();
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

  /** State tensors by name, for checkpoints: `<parameter>.velocity` and so on. */
  get state(): ReadonlyMap<string, Tensor> {
    return this.#state;
  }

  /** Makes a state tensor of zeros. */
  protected addState(name: string, shape: readonly number[]): Tensor {
    const tensor = this.device.zeros(shape).unscoped();
    this.#state.set(name, tensor);
    return tensor;
  }

  /** One update of every parameter that has a gradient. Only records work. */
  step(): void {
    this.device.noGrad(() => {
      using _scope = this.device.scope();
      const { clipNorm, weightDecay = 0, biasRateFactor = 1 } = this.#options;
      const clip = clipNorm === undefined ? null : clipFactor(this.device, this.parameters, clipNorm);
      const shared = this.before();
      const updates = this.parameters.filter(({ tensor }) => tensor.grad).map((parameter) => ({
        gradient: parameter.tensor.grad!,
        weight: parameter.tensor,
        state: this.stateOf(parameter),
        decay: parameter.decay ? weightDecay : 0,
        rateFactor: parameter.name.endsWith("bias") ? biasRateFactor : 1,
      }));
      this.#updater.run(updates, { ...shared, bind: { rate: this.#rate, clip, ...shared.bind } });
    });
  }

  /**
   * Work before the updates of a step; returns what all of them share.
   *
   * @internal
   */
  protected abstract before(): StepConstants;

  /** A parameter's state, in the order of the kernels. */
  protected abstract stateOf(parameter: NamedParameter): readonly Tensor[];

  /** Frees the state. */
  [Symbol.dispose](): void {
    this.#rate.dispose();
    this.#updater[Symbol.dispose]();
    for (const tensor of this.#state.values()) tensor.dispose();
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
  readonly #momentum: number;
  readonly #velocity = new Map<string, Tensor>();

  /** `momentum` defaults to 0. */
  constructor(
    device: Device,
    parameters: readonly NamedParameter[],
    options: OptimiserOptions & { readonly momentum?: number },
  ) {
    super(device, parameters, options, sgdRule);
    this.#momentum = options.momentum ?? 0;
    for (const { name, tensor } of parameters) {
      this.#velocity.set(name, this.addState(`${name}.velocity`, tensor.shape));
    }
  }

  /** @internal */
  protected override before(): StepConstants {
    return { bind: {}, constants: { momentum: this.#momentum, beta2: 0, epsilon: 0 }, decoupled: false };
  }

  /** Its velocity. */
  protected override stateOf({ name }: NamedParameter): readonly Tensor[] {
    return [this.#velocity.get(name)!];
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
 * Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019) with `decoupledDecay`. The step count is on the device,
 * so a captured step counts on.
 */
export class Adam extends Optimiser {
  readonly #shared: StepConstants;
  readonly #time: Tensor;
  readonly #correction: Tensor;
  readonly #moments = new Map<string, readonly [first: Tensor, second: Tensor]>();

  /** Moments start at zero. */
  constructor(device: Device, parameters: readonly NamedParameter[], options: AdamOptions) {
    super(device, parameters, options, adamRule);
    const { betas: [momentum, beta2] = [0.9, 0.999], epsilon = 1e-8, decoupledDecay = false } = options;
    this.#time = this.addState("time", [1]);
    this.#correction = device.empty([2]).unscoped();
    this.#shared = {
      bind: { correction: this.#correction },
      constants: { momentum, beta2, epsilon },
      decoupled: decoupledDecay,
    };
    for (const { name, tensor } of parameters) {
      const moment = (which: string): Tensor => this.addState(`${name}.${which}`, tensor.shape);
      this.#moments.set(name, [moment("first"), moment("second")]);
    }
  }

  /** @internal */
  protected override before(): StepConstants {
    countStep(this.#time, this.#correction, this.#shared.constants);
    return this.#shared;
  }

  /** Frees the state. */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#correction.dispose();
  }

  /** Its two moments. */
  protected override stateOf({ name }: NamedParameter): readonly Tensor[] {
    return this.#moments.get(name)!;
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
