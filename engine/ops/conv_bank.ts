/** Convolutions with a filter of its own for each image, out of a bank: the modules of a module network, all in one call. */
import { expectActivation } from "./lib/library.ts";
import { expectNumbers, expectOptions, type NamesOf } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { storageOf } from "../friends.ts";
import { defineOp, expectDType } from "../op.ts";
import { formatShape, sameShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { activationGrad } from "./lib/activation.ts";
import { convDataGrad } from "./lib/conv/data_grad.ts";
import { convForward } from "./lib/conv/forward.ts";
import type { Attrs, Bank } from "./lib/conv/geometry.ts";
import { bankWeightGrad } from "./lib/conv/weight_grad.ts";
import { scatterAdd } from "./gather.ts";
import type { Activation } from "./lib/library.ts";
import { slice } from "./layout.ts";
import { sum } from "./reduce.ts";

interface BankAttrs {
  /** Entry of each image, ascending. */
  readonly entries: readonly number[];
  /** Pixels from one tap to the next. */
  readonly dilation: number;
  readonly activation: Activation;
}

/** Same size, no strides. */
function geometry([kh, kw]: readonly number[], { dilation, activation }: BankAttrs): Attrs {
  const around = (k: number): readonly [number, number] => {
    const reach = (k - 1) * dilation;
    return [Math.floor(reach / 2), Math.ceil(reach / 2)];
  };
  return { stride: [1, 1], dilation: [dilation, dilation], padding: [around(kh), around(kw)], activation };
}

function bankOf({ entries }: BankAttrs, like: Tensor): Bank {
  const { device } = like;
  const groups: number[] = [];
  entries.forEach((entry, image) => {
    if (image > 0 && entries[image - 1] === entry) groups[groups.length - 3]++;
    else groups.push(image, 1, entry, 0);
  });
  return {
    entries: device.tensor(Int32Array.from(entries)),
    groups: device.tensor(Int32Array.from(groups), [groups.length / 4, 4]),
  };
}

const bankOp = defineOp<BankAttrs>({
  name: "conv2dBank",
  family: "convolution",
  infer: ([x, w, bias, residual], { entries, dilation }) => {
    for (const t of [x, w, bias]) expectDType("conv2dBank", "an input", t!, "f32");
    const [n, height, width, inputs] = x!.shape, [count, , , from, outputs] = w!.shape;
    const shape = [n, height, width, outputs];
    const fits = x!.shape.length === 4 && w!.shape.length === 5 && from === inputs &&
      sameShape(bias!.shape, [count, outputs]) && (!residual || sameShape(residual.shape, shape));
    if (!fits) {
      throw new ShapeError(
        `conv2dBank: ${
          [x!, w!, bias!].map((t) => formatShape(t.shape)).join(", ")
        } do not fit; wanted x [N, H, W, Cin], ` +
          "filters [entries, kH, kW, Cin, Cout], biases [entries, Cout], and a residual of the output's shape",
      );
    }
    const bad = entries.some((entry, i) => !Number.isInteger(entry) || entry < (entries[i - 1] ?? 0) || entry >= count);
    if (entries.length !== n || bad) {
      throw new ShapeError(`conv2dBank: entries [${entries}] must be ${n}, ascending, below ${count}`);
    }
    if (!Number.isInteger(dilation) || dilation < 1) {
      throw new ShapeError(`conv2dBank: dilation ${dilation} must be whole and positive`);
    }
    return [{ shape, dtype: "f32" }];
  },
  forward: ([x, w, bias, residual], attrs, [y]) =>
    convForward(
      x!,
      w!,
      { scale: null, bias: bias!, residual: residual ?? null },
      geometry(w!.shape.slice(1), attrs),
      y,
      bankOf(attrs, y),
    ),
  saves: (needs, { activation }) => ({
    inputs: [...needs[0] ? [1] : [], ...needs[1] ? [0] : []],
    outputs: activation === "none" ? [] : [0],
  }),
  backward: (call) => {
    const { attrs, needs: [nx, nw, nb, nr], inputMetas: [xMeta, wMeta, bMeta] } = call;
    const dy = call.grads[0]!, { activation } = attrs, around = geometry(wMeta!.shape.slice(1), attrs);
    const dz = activation === "none" ? dy : activationGrad(activation, call.output(0), dy);
    const bank = bankOf(attrs, dy);
    for (const input of [1, 2]) call.touches(input, attrs.entries);
    const filters = (): Tensor | null => {
      const slot = call.collected(1);
      if (slot && slot.shape.slice(-2).every((c) => c % 4 === 0)) {
        bankWeightGrad(call.input(0), dz, slot, around, bank);
        storageOf(slot).version++;
        return null;
      }
      return freshWeightGrad(call.input(0), dz, wMeta!.shape, around, bank);
    };
    return [
      nx ? convDataGrad(dz, call.input(1), xMeta!.shape, around, bank) : null,
      nw ? filters() : null,
      nb ? scatterAdd(sum(dz, [1, 2]), bank.entries, bMeta!.shape) : null,
      nr ? dz : null,
    ];
  },
  samples: () =>
    ([
      [[3, 5, 7, 4], [4, 3, 3, 4, 8], [0, 2, 2], 1, "relu", true],
      [[5, 4, 4, 8], [3, 3, 3, 8, 8], [0, 0, 1, 1, 1], 1, "none", false],
      [[4, 5, 5, 3], [3, 3, 3, 3, 5], [1, 1, 1, 2], 3, "relu", true],
      [[2, 3, 3, 12], [2, 1, 1, 12, 36], [0, 1], 1, "tanh", false],
      [[1, 9, 8, 20], [1, 3, 3, 20, 20], [0], 2, "relu", true],
      [[2, 7, 6, 4], [3, 3, 3, 4, 8], [1, 2], 6, "none", false],
      [[0, 4, 4, 4], [2, 3, 3, 4, 4], [], 1, "none", false],
    ] as const).map(([x, w, entries, dilation, activation, residual]) => ({
      inputs: [
        { shape: x },
        { shape: w },
        { shape: [w[0], w[4]] },
        residual ? { shape: [...x.slice(0, 3), w[4]] } : null,
      ],
      attrs: { entries, dilation, activation },
    })),
  bad: [
    {
      inputs: [{ shape: [2, 4, 4, 4] }, { shape: [3, 3, 3, 4, 4] }, { shape: [3, 4] }, null],
      attrs: { entries: [1, 0], dilation: 1, activation: "none" },
      message: /must be 2, ascending, below 3/,
    },
    {
      inputs: [{ shape: [2, 4, 4, 4] }, { shape: [3, 3, 3, 8, 4] }, { shape: [3, 4] }, null],
      attrs: { entries: [0, 1], dilation: 1, activation: "none" },
      message: /do not fit/,
    },
    {
      inputs: [{ shape: [2, 4, 4, 4] }, { shape: [3, 3, 3, 4, 4] }, { shape: [3, 4] }, null],
      attrs: { entries: [0, 1], dilation: 0, activation: "none" },
      message: /dilation 0 must be whole and positive/,
    },
  ],
});

/** The bank's whole gradient where there is nothing to add to yet. */
function freshWeightGrad(x: Tensor, dz: Tensor, shape: Shape, around: Attrs, bank: Bank): Tensor {
  const padded = shape.map((extent, axis) => axis < 3 ? extent : Math.ceil(extent / 4) * 4);
  const dw = x.device.zeros(padded);
  bankWeightGrad(x, dz, dw, around, bank);
  return sameShape(padded, shape) ? dw : slice(dw, [0, 0, 0, 0, 0], [...shape]);
}

/** Options of {@link conv2dBank}. */
export interface Conv2dBankOptions {
  /** Added elementwise before the activation, of the output's shape. */
  readonly residual?: Tensor;
  /** Pixels from one tap to the next, along both axes; default 1. */
  readonly dilation?: number;
  /** Applied last; default `none`. */
  readonly activation?: Activation;
}

const BANK: NamesOf<Conv2dBankOptions> = { residual: true, dilation: true, activation: true };

/**
 * act(conv(x, w[entry]) + bias[entry] + residual), the entry of each image its own: x [N, H, W, Cin], w [entries, kH, kW,
 * Cin, Cout], bias [entries, Cout] → [N, H, W, Cout], zeros beyond the edges. `entries` [N] ascend, so that equal ones lie
 * together.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { conv2dBank, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const w = device.tensor([10, 100], [2, 1, 1, 1, 1]), bias = device.tensor([[1], [2]]);
 * const x = device.tensor([3, 4, 5], [3, 1, 1, 1]);
 * deepStrictEqual([...await conv2dBank(x, w, bias, [0, 1, 1]).data()], [31, 402, 502]);
 * ```
 */
export function conv2dBank(
  x: Tensor,
  w: Tensor,
  bias: Tensor,
  entries: readonly number[],
  options: Conv2dBankOptions = {},
): Tensor {
  expectOptions("conv2dBank", options, BANK);
  expectNumbers("conv2dBank", "entries", entries);
  expectActivation("conv2dBank", options.activation);
  const { residual, dilation = 1, activation = "none" } = options;
  return bankOp([x, w, bias, residual ?? null], { entries, dilation, activation })[0];
}
