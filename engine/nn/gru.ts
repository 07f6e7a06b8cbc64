/** GRU cells, of vectors and of feature maps. */
import { ArgumentError } from "../base/errors.ts";
import { expectOneOf, expectSize, type NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import { concat, convGru, convGruJoined, gruCell, type JoinedWeights } from "../ops/mod.ts";
import type { Tensor } from "../tensor.ts";
import { checkFields } from "./fields.ts";
import { init, type Initialiser, recurrentInit, type Seeded, type Seeds, seedsOf } from "./init.ts";
import { Module } from "./module.ts";

/** Sizes and seeds of {@link GRUCell}. */
export type GRUCellFields = Seeded & {
  /** Numbers of an input. */
  readonly inputs: number;
  /** Numbers of the state. */
  readonly hidden: number;
};

const GRU_CELL: NamesOf<GRUCellFields> = { inputs: true, hidden: true, seed: true, seeds: true };

/**
 * A GRU cell with PyTorch's gates r, z, n.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using cell = new nn.GRUCell(device, { inputs: 3, hidden: 4, seed: 1 });
 * using scope = device.scope();
 * const y = cell.forward(device.ones([2, 3]), device.zeros([2, 4]));
 * deepStrictEqual(y.shape, [2, 4]);
 * // Without weights the gates are 1/2 and the candidate is 0: half of the state is left.
 * for (const { tensor } of cell.parameters()) tensor.write(new Float32Array(tensor.size));
 * const half = await cell.forward(device.ones([2, 3]), device.full([2, 4], 6)).data();
 * ok(half.every((v) => Math.abs(v - 3) < 1e-5));
 * ```
 */
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
  constructor(device: Device, layer: GRUCellFields);
  /**
   * The same, sizes by place.
   *
   * @deprecated name them: `{ inputs, hidden, seeds }`
   */
  constructor(device: Device, inputs: number, hidden: number, seeds: Seeds);
  constructor(device: Device, first: GRUCellFields | number, second?: number, third?: Seeds) {
    super(device);
    const layer = typeof first === "number" ? { inputs: first, hidden: second!, seeds: third! } : first;
    checkFields("GRUCell", layer, GRU_CELL, ["inputs", "hidden"]);
    const { inputs, hidden } = layer, seeds = seedsOf(layer), make = recurrentInit(hidden);
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

/** Sizes, seeds and options of {@link ConvGRU}. */
export type ConvGRUFields = ConvGRUOptions & Seeded & {
  /** Channels of the input. */
  readonly inputs: number;
  /** Channels of the state. */
  readonly depth: number;
};

const CONV_GRU: NamesOf<ConvGRUFields> = {
  inputs: true,
  depth: true,
  seed: true,
  seeds: true,
  kernel: true,
  gates: true,
  activation: true,
  init: true,
};

/**
 * A convolutional GRU over feature maps, as the local spatial memory uses it.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using cell = new nn.ConvGRU(device, { inputs: 3, depth: 4, seed: 1 });
 * using scope = device.scope();
 * const x = device.ones([1, 5, 6, 3]);
 * deepStrictEqual(cell.forward(x, device.zeros([1, 5, 6, 4])).shape, [1, 5, 6, 4]);
 * // Without weights the gates are 1/2 and the candidate is 0: half of the state is left.
 * for (const { tensor } of cell.parameters()) tensor.write(new Float32Array(tensor.size));
 * const half = await cell.forward(x, device.full([1, 5, 6, 4], 6)).data();
 * ok(half.every((v) => Math.abs(v - 3) < 1e-5));
 * ```
 */
export class ConvGRU extends Module {
  readonly #weights: Parameters<typeof convGru>[2];
  readonly #activation: "relu" | "tanh";
  /** Zeros behind the gates up to a whole four of channels, on GPUs. */
  readonly #fill: Readonly<Record<"wx" | "ws" | "bx", Tensor>> | null;

  /** x has `inputs` channels, the state `depth`. */
  constructor(device: Device, layer: ConvGRUFields);
  /**
   * The same, sizes by place.
   *
   * @deprecated name them: `{ inputs, depth, seeds }`
   */
  constructor(device: Device, inputs: number, depth: number, seeds: Seeds, options?: ConvGRUOptions);
  constructor(
    device: Device,
    first: ConvGRUFields | number,
    second?: number,
    third?: Seeds,
    rest: ConvGRUOptions = {},
  ) {
    super(device);
    const layer = typeof first === "number" ? { inputs: first, depth: second!, seeds: third!, ...rest } : first;
    checkFields("ConvGRU", layer, CONV_GRU, ["inputs", "depth"], ["relu", "tanh"]);
    if (layer.gates !== undefined) expectOneOf("ConvGRU", "gates", layer.gates, ["cell", "channel"]);
    const { inputs, depth, kernel: k = 3, gates = "cell", activation = "relu", init: make = init.normal(0.01) } = layer;
    expectSize("ConvGRU", "kernel", k);
    if (k % 2 === 0) {
      throw new ArgumentError(`ConvGRU: kernel is an odd number, so that maps keep their size, not ${k}`);
    }
    const seeds = seedsOf(layer);
    const g = gates === "cell" ? 2 : 2 * depth;
    this.#activation = activation;
    const behind = (4 - g % 4) % 4, zeros = (shape: readonly number[]): Tensor => device.zeros(shape).unscoped();
    this.#fill = device.kernels !== "gpu"
      ? null
      : { wx: zeros([k, k, inputs, behind]), ws: zeros([k, k, depth, behind]), bx: zeros([behind]) };
    this.#weights = {
      wxGates: this.parameter("gates.x.weight", [k, k, inputs, g], make, seeds.next()),
      wsGates: this.parameter("gates.s.weight", [k, k, depth, g], make, seeds.next()),
      bGates: this.parameter("gates.bias", [g], init.zeros, 0),
      wxCand: this.parameter("candidate.x.weight", [k, k, inputs, depth], make, seeds.next()),
      wsCand: this.parameter("candidate.s.weight", [k, k, depth, depth], make, seeds.next()),
      bCand: this.parameter("candidate.bias", [depth], init.zeros, 0),
    };
  }

  /**
   * The weights as several steps share them: on GPUs joined, so that each step takes fewer dispatches; null elsewhere. They belong to
   * the record of the gradients, so they are made anew for each `backward()`.
   */
  joined(): JoinedWeights | null {
    const fill = this.#fill;
    if (!fill) return null;
    const { wxGates, wsGates, bGates, wxCand, bCand, wsCand } = this.#weights;
    return {
      wx: concat([wxCand, wxGates, fill.wx], 3),
      ws: concat([wsGates, fill.ws], 3),
      bx: concat([bCand, bGates, fill.bx], 0),
      wc: wsCand,
    };
  }

  /** x [N, H, W, inputs], s [N, H, W, depth] → s' [N, H, W, depth]; `joined` are its own weights where several steps share them. */
  forward(x: Tensor, s: Tensor, joined: JoinedWeights | null = this.joined()): Tensor {
    const activation = this.#activation, gates = this.#weights.bGates.shape[0] / 2;
    if (joined) return convGruJoined(x, s, joined, { activation, gates });
    return convGru(x, s, this.#weights, { activation });
  }

  /** Frees the parameters. */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    for (const tensor of Object.values(this.#fill ?? {})) tensor.dispose();
  }
}
