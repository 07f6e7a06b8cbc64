/** Optimisers, learning-rate schedules and gradient clipping. */
import text from "../shaders/optim.wgsl" with { type: "text" };
import type { Device } from "./device.ts";
import { ShapeError } from "./errors.ts";
import { type Kernel, kernel } from "./gpu/kernel.ts";
import type { NamedParameter } from "./nn.ts";
import { GROUP, indexLib } from "./ops/library.ts";
import { minimum, square, sum } from "./ops/mod.ts";
import type { Tensor } from "./tensor.ts";

const parts = [indexLib, { file: "optim.wgsl", text }] as const;
const sgdKernel = kernel("sgd", ...parts);
const adamKernel = kernel("adam", ...parts);
const countKernel = kernel("count_step", ...parts);

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
  #current: number;

  /** Takes charge of updating `parameters`; they stay their owner's. */
  constructor(device: Device, parameters: readonly NamedParameter[], options: OptimiserOptions) {
    this.device = device;
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
      const { clipNorm } = this.#options;
      const clip = clipNorm === undefined ? null : clipFactor(this.device, this.parameters, clipNorm);
      this.before();
      for (const parameter of this.parameters) {
        if (parameter.tensor.grad) this.update(parameter, parameter.tensor.grad, clip);
      }
    });
  }

  /** Work before the updates of a step. */
  protected before(): void {}

  /** Updates one parameter. */
  protected abstract update(parameter: NamedParameter, gradient: Tensor, clip: Tensor | null): void;

  /** Runs an update kernel on one parameter. */
  protected run(
    which: Kernel,
    { name, tensor, decay }: NamedParameter,
    gradient: Tensor,
    clip: Tensor | null,
    bind: Record<string, Tensor>,
    constants: { readonly momentum: number; readonly beta2: number; readonly epsilon: number },
    decoupled = false,
  ): void {
    const { weightDecay = 0, biasRateFactor = 1 } = this.#options;
    const count = Math.ceil(tensor.size / 4);
    this.device.run(which, {
      bind: { gradient, rate: this.#rate, clip, weight: tensor, ...bind },
      params: {
        count,
        decay: decay ? weightDecay : 0,
        rate_factor: name.endsWith("bias") ? biasRateFactor : 1,
        ...constants,
      },
      constants: { CLIP: Number(clip !== null), DECOUPLED: Number(decoupled) },
      grid: this.device.gpu.grid(count, GROUP),
    });
    tensor.storage.version++;
  }

  /** Frees the state. */
  [Symbol.dispose](): void {
    this.#rate.dispose();
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
    super(device, parameters, options);
    this.#momentum = options.momentum ?? 0;
    for (const { name, tensor } of parameters) {
      this.#velocity.set(name, this.addState(`${name}.velocity`, tensor.shape));
    }
  }

  /** One parameter's update. */
  protected override update(parameter: NamedParameter, gradient: Tensor, clip: Tensor | null): void {
    const bind = { velocity: this.#velocity.get(parameter.name)! };
    this.run(sgdKernel, parameter, gradient, clip, bind, { momentum: this.#momentum, beta2: 0, epsilon: 0 });
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
  readonly #decoupled: boolean;
  readonly #betas: readonly [number, number];
  readonly #epsilon: number;
  readonly #time: Tensor;
  readonly #moments = new Map<string, { velocity: Tensor; second: Tensor }>();

  /** Moments start at zero. */
  constructor(device: Device, parameters: readonly NamedParameter[], options: AdamOptions) {
    super(device, parameters, options);
    this.#decoupled = options.decoupledDecay ?? false;
    this.#betas = options.betas ?? [0.9, 0.999];
    this.#epsilon = options.epsilon ?? 1e-8;
    this.#time = this.addState("time", [1]);
    for (const { name, tensor } of parameters) {
      this.#moments.set(name, {
        velocity: this.addState(`${name}.first`, tensor.shape),
        second: this.addState(`${name}.second`, tensor.shape),
      });
    }
  }

  /** Counts the step. */
  protected override before(): void {
    this.device.run(countKernel, { bind: { time: this.#time }, grid: [1, 1, 1] });
  }

  /** One parameter's update. */
  protected override update(parameter: NamedParameter, gradient: Tensor, clip: Tensor | null): void {
    const { velocity, second } = this.#moments.get(parameter.name)!;
    const [momentum, beta2] = this.#betas;
    const bind = { velocity, second, elapsed: this.#time };
    this.run(adamKernel, parameter, gradient, clip, bind, { momentum, beta2, epsilon: this.#epsilon }, this.#decoupled);
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
