/** LSTM layers over sequences. */
import { ArgumentError } from "../base/errors.ts";
import { described, expectFinite, expectSize, type NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import { expectTensor } from "../op.ts";
import { add, concat, linear, lstm, lstmSteps, reshape, slice, transpose } from "../ops/mod.ts";
import type { Tensor } from "../tensor.ts";
import { checkFields } from "./fields.ts";
import { type Initialiser, recurrentInit, type Seeded, type Seeds, seedsOf } from "./init.ts";
import { Module } from "./module.ts";

/** States of an LSTM's layers. */
export interface LSTMState {
  /** Hidden state of each layer, [B, hidden] each. */
  readonly h: readonly Tensor[];
  /** Cell state of each layer, [B, hidden] each. */
  readonly c: readonly Tensor[];
}

/** States of an LSTM after a sequence. */
export interface LSTMResult extends LSTMState {
  /** Hidden states of the last layer at every step, [B, T, hidden], or time first. */
  readonly outputs: Tensor;
}

/** Options of {@link LSTM}. */
export interface LSTMOptions {
  /** Layers; default 1. Each above the first takes the hidden states of the one below. */
  readonly layers?: number;
  /** First bias of the forget gates, so that states last from the start (Jozefowicz et al., 2015); default random. */
  readonly forgetBias?: number;
}

/** Sizes, seeds and options of {@link LSTM}. */
export type LSTMFields = LSTMOptions & Seeded & {
  /** Numbers of an input. */
  readonly inputs: number;
  /** Numbers of a layer's state. */
  readonly hidden: number;
};

const LSTM_LAYER: NamesOf<LSTMFields> = {
  inputs: true,
  hidden: true,
  seed: true,
  seeds: true,
  layers: true,
  forgetBias: true,
};

/**
 * One or more LSTM layers over a sequence, PyTorch's gates i, f, g, o.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using lstm = new nn.LSTM(device, { inputs: 3, hidden: 4, seed: 1, layers: 2 });
 * using scope = device.scope();
 * const { outputs, h } = lstm.forward(device.ones([2, 5, 3]));
 * deepStrictEqual([outputs.shape, h.length, h[1].shape], [[2, 5, 4], 2, [2, 4]]);
 * // The last layer's state is its last output.
 * deepStrictEqual(await h[1].data(), await outputs.slice([0, 4, 0], [2, 1, 4]).data());
 * ```
 */
export class LSTM extends Module {
  readonly #layers: { readonly wx: Tensor; readonly wh: Tensor; readonly bx: Tensor; readonly bh: Tensor }[] = [];
  readonly #hidden: number;

  /** Weights and biases uniform in ±1/√hidden, as PyTorch starts them. */
  constructor(device: Device, layer: LSTMFields);
  /**
   * The same, sizes by place.
   *
   * @deprecated name them: `{ inputs, hidden, seeds }`
   */
  constructor(device: Device, inputs: number, hidden: number, seeds: Seeds, options?: LSTMOptions);
  constructor(device: Device, first: LSTMFields | number, second?: number, third?: Seeds, rest: LSTMOptions = {}) {
    super(device);
    const layer = typeof first === "number" ? { inputs: first, hidden: second!, seeds: third!, ...rest } : first;
    checkFields("LSTM", layer, LSTM_LAYER, ["inputs", "hidden"]);
    const { inputs, hidden, layers = 1, forgetBias, ...options } = layer;
    expectSize("LSTM", "layers", layers);
    if (forgetBias !== undefined) expectFinite("LSTM", "forgetBias", forgetBias);
    const seeds = seedsOf(options);
    this.#hidden = hidden;
    const make = recurrentInit(hidden);
    const biases: Initialiser = forgetBias === undefined ? make : (on, _shape, seed) => {
      using scope = on.scope();
      const [input, rest] = [[hidden], [2 * hidden]].map((shape, i) => make(on, shape, seed + i));
      return scope.keep(concat([input, on.full([hidden], forgetBias), rest], 0));
    };
    for (let l = 0; l < layers; l++) {
      const from = l === 0 ? inputs : hidden;
      this.#layers.push({
        wx: this.parameter(`${l}.x.weight`, [from, 4 * hidden], make, seeds.next()),
        wh: this.parameter(`${l}.h.weight`, [hidden, 4 * hidden], make, seeds.next()),
        bx: this.parameter(`${l}.x.bias`, [4 * hidden], biases, seeds.next()),
        bh: this.parameter(`${l}.h.bias`, [4 * hidden], make, seeds.next()),
      });
    }
  }

  /** x [B, T, inputs] from zero states, or from those given (one h and c a layer). */
  forward(x: Tensor, state?: LSTMState): LSTMResult {
    const { outputs, ...last } = this.steps(this.products(transpose(x, [1, 0, 2])), state);
    return { outputs: transpose(outputs, [1, 0, 2]), ...last };
  }

  /**
   * The inputs' share of the first layer's gates: x [..., k], the inputs from number `from` on, times their weights →
   * [..., 4 · hidden]. Where inputs come from a table, or stay the same at all steps, their products need be made but once.
   * The biases belong to one part alone.
   */
  products(x: Tensor, { from = 0, bias = true }: { readonly from?: number; readonly bias?: boolean } = {}): Tensor {
    const { wx, bx, bh } = this.#layers[0];
    const rest = x.shape.slice(0, -1), width = x.shape[x.shape.length - 1], units = wx.shape[1];
    const weights = from === 0 && width === wx.shape[0] ? wx : slice(wx, [from, 0], [width, units]);
    const rows = reshape(x, [rest.reduce((a, b) => a * b, 1), width]);
    return reshape(linear(rows, weights, bias ? add(bx, bh) : null), [...rest, units]);
  }

  /** Runs on such {@link LSTM.products}, time first: [T, B, 4 · hidden] → outputs [T, B, hidden]. */
  steps(products: Tensor, state?: LSTMState): LSTMResult {
    expectTensor("LSTM", products, "the first layer's products");
    if (state) this.#expectState(state);
    const b = products.shape[1];
    const zeros = (): Tensor => this.device.zeros([b, this.#hidden]);
    const [h, c]: Tensor[][] = [[], []];
    let outputs = products;
    this.#layers.forEach((weights, l) => {
      const [h0, c0] = [state?.h[l] ?? zeros(), state?.c[l] ?? zeros()];
      const layer = l === 0 ? lstmSteps(products, h0, c0, weights.wh) : lstm(outputs, h0, c0, weights);
      outputs = layer.outputs;
      h.push(layer.h);
      c.push(layer.c);
    });
    return { outputs, h, c };
  }

  #expectState(state: LSTMState): void {
    for (const name of ["h", "c"] as const) {
      const given: unknown = state[name], count = this.#layers.length;
      if (!Array.isArray(given) || given.length !== count) {
        const found = Array.isArray(given) ? `one of ${given.length}` : described(given);
        throw new ArgumentError(`LSTM: ${name} of the state is a list of ${count}, a tensor a layer, not ${found}`);
      }
      for (const one of given) expectTensor("LSTM", one, `${name} of a layer's state`);
    }
  }
}
