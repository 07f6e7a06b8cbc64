/** Layers with a memory, and embeddings. */
import type { Device } from "../device.ts";
import { init, type Initialiser, Module, type Seeds } from "./layers.ts";
import {
  add,
  concat,
  convGru,
  embedding,
  gruCell,
  linear,
  lstm,
  lstmSteps,
  reshape,
  slice,
  transpose,
} from "../ops/mod.ts";
import type { Tensor } from "../tensor.ts";

/** Vectors of a vocabulary: weight [vocabulary, width], normal with standard deviation 1 by default. */
export class Embedding extends Module {
  /** [vocabulary, width]. */
  readonly weight: Tensor;

  /** A table of `vocabulary` vectors of `width` numbers. */
  constructor(
    device: Device,
    vocabulary: number,
    width: number,
    seeds: Seeds,
    options: { readonly init?: Initialiser } = {},
  ) {
    super(device);
    this.weight = this.parameter("weight", [vocabulary, width], options.init ?? init.normal(1), seeds.next());
  }

  /** Vectors at `indices` (i32, any shape) → [...indices, width]. */
  forward(indices: Tensor): Tensor {
    return embedding(this.weight, indices);
  }
}

/** Uniform in ±1/√hidden, as PyTorch starts recurrent cells. */
const recurrentInit = (hidden: number): Initialiser => init.uniform(1 / Math.sqrt(hidden));

/** A GRU cell with PyTorch's gates r, z, n. */
export class GRUCell extends Module {
  /** [inputs, 3 · hidden]. */
  readonly wx: Tensor;
  /** [hidden, 3 · hidden]. */
  readonly wh: Tensor;
  /** [3 · hidden]. */
  readonly bx: Tensor;
  /** [3 · hidden]. */
  readonly bh: Tensor;

  /** A cell from `inputs` to `hidden` numbers. */
  constructor(device: Device, inputs: number, hidden: number, seeds: Seeds) {
    super(device);
    const make = recurrentInit(hidden);
    this.wx = this.parameter("x.weight", [inputs, 3 * hidden], make, seeds.next());
    this.wh = this.parameter("h.weight", [hidden, 3 * hidden], make, seeds.next());
    this.bx = this.parameter("x.bias", [3 * hidden], make, seeds.next());
    this.bh = this.parameter("h.bias", [3 * hidden], make, seeds.next());
  }

  /** x [B, inputs], h [B, hidden] → h' [B, hidden]. */
  forward(x: Tensor, h: Tensor): Tensor {
    return gruCell(x, h, { wx: this.wx, wh: this.wh, bx: this.bx, bh: this.bh });
  }
}

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

/** One or more LSTM layers over a sequence, PyTorch's gates i, f, g, o. */
export class LSTM extends Module {
  readonly #layers: { readonly wx: Tensor; readonly wh: Tensor; readonly bx: Tensor; readonly bh: Tensor }[] = [];
  readonly #hidden: number;

  /** Weights and biases uniform in ±1/√hidden, as PyTorch starts them. */
  constructor(
    device: Device,
    inputs: number,
    hidden: number,
    seeds: Seeds,
    options: LSTMOptions = {},
  ) {
    super(device);
    this.#hidden = hidden;
    const make = recurrentInit(hidden), { forgetBias } = options;
    const biases: Initialiser = forgetBias === undefined ? make : (on, _shape, seed) => {
      const [input, rest] = [[hidden], [2 * hidden]].map((shape, i) => make(on, shape, seed + i));
      return concat([input, on.full([hidden], forgetBias), rest], 0);
    };
    for (let l = 0; l < (options.layers ?? 1); l++) {
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
}

/** Options of {@link ConvGRU}. */
export interface ConvGRUOptions {
  /** Window of all convolutions, odd; default 3. */
  readonly kernel?: number;
  /** One gate value a cell shared by all channels (`cell`, the spatial memory's), or one a channel; default `cell`. */
  readonly gates?: "cell" | "channel";
  /** Of the candidate; default relu. */
  readonly activation?: "relu" | "tanh";
  /** Weight initialiser; default normal with standard deviation 0.01, as the spatial memory's. */
  readonly init?: Initialiser;
}

/** A convolutional GRU over feature maps, as the local spatial memory uses it. */
export class ConvGRU extends Module {
  readonly #weights: Parameters<typeof convGru>[2];
  readonly #activation: "relu" | "tanh";

  /** x has `inputs` channels, the state `depth`. */
  constructor(device: Device, inputs: number, depth: number, seeds: Seeds, options: ConvGRUOptions = {}) {
    super(device);
    const { kernel: k = 3, gates = "cell", activation = "relu", init: make = init.normal(0.01) } = options;
    const g = gates === "cell" ? 2 : 2 * depth;
    this.#activation = activation;
    this.#weights = {
      wxGates: this.parameter("gates.x.weight", [k, k, inputs, g], make, seeds.next()),
      wsGates: this.parameter("gates.s.weight", [k, k, depth, g], make, seeds.next()),
      bGates: this.parameter("gates.bias", [g], init.zeros, 0),
      wxCand: this.parameter("candidate.x.weight", [k, k, inputs, depth], make, seeds.next()),
      wsCand: this.parameter("candidate.s.weight", [k, k, depth, depth], make, seeds.next()),
      bCand: this.parameter("candidate.bias", [depth], init.zeros, 0),
    };
  }

  /** x [N, H, W, inputs], s [N, H, W, depth] → s' [N, H, W, depth]. */
  forward(x: Tensor, s: Tensor): Tensor {
    return convGru(x, s, this.#weights, { activation: this.#activation });
  }
}
