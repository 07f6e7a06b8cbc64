/** Recurrent cells: one product and one pointwise kernel each way. */
import text from "../../shaders/recurrent.wgsl" with { type: "text" };
import { ShapeError } from "../errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, type Sample } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";
import { add } from "./binary.ts";
import { GROUP, indexLib } from "./library.ts";
import { linear, matmul } from "./matmul.ts";
import { sum } from "./reduce.ts";

const parts = [indexLib, { file: "recurrent.wgsl", text }] as const;
const gruKernel = kernel("gru", ...parts);
const gruGradKernel = kernel("gru_grad", ...parts);
const lstmKernel = kernel("lstm", ...parts);
const lstmGradKernel = kernel("lstm_grad", ...parts);

type NoAttrs = Record<string, never>;

/** Checks a cell's shapes; returns rows and hidden units. */
function checkCell(
  name: string,
  gates: number,
  x: TensorMeta,
  states: readonly TensorMeta[],
  [wx, wh]: readonly TensorMeta[],
  biases: readonly (TensorMeta | null)[],
): { b: number; n: number } {
  for (const t of [x, ...states, wx, wh]) expectDType(name, "an input", t, "f32");
  const [b, inputs] = x.shape;
  const n = states[0].shape[1];
  const fits = x.shape.length === 2 && states.every((s) => sameShape(s.shape, [b, n])) &&
    sameShape(wx.shape, [inputs, gates * n]) && sameShape(wh.shape, [n, gates * n]) &&
    biases.every((t) => !t || sameShape(t.shape, [gates * n]));
  if (!fits) {
    const shapes = [x, ...states, wx, wh].map((t) => formatShape(t.shape)).join(", ");
    throw new ShapeError(
      `${name}: ${shapes} do not fit; wanted x [B, I], states [B, H], weights [I, ${gates}H] and [H, ${gates}H], biases [${gates}H]`,
    );
  }
  return { b, n };
}

/** Gradients of z = x·w + b to x, w and b, as far as they are needed. */
function productGrads(dz: Tensor, x: () => Tensor, w: () => Tensor, [nx, nw, nb]: readonly boolean[]) {
  return {
    x: nx ? matmul(dz, w(), { transposeB: true }) : null,
    w: nw ? matmul(x(), dz, { transposeA: true }) : null,
    b: nb ? sum(dz, 0) : null,
  };
}

function cellSamples(gates: number, states: number): Sample<NoAttrs>[] {
  return ([[3, 5, 4, true], [1, 1, 1, false], [7, 8, 12, true], [0, 3, 2, true]] as const).map(([b, i, n, bias]) => ({
    inputs: [
      { shape: [b, i] },
      ...new Array(states).fill({ shape: [b, n] }),
      { shape: [i, gates * n] },
      { shape: [n, gates * n] },
      bias ? { shape: [gates * n] } : null,
      bias ? { shape: [gates * n] } : null,
    ],
    attrs: {},
  }));
}

const gruOp = defineOp<NoAttrs>({
  name: "gruCell",
  family: "recurrent",
  infer: ([x, h, wx, wh, bx, bh]) => {
    const { b, n } = checkCell("gruCell", 3, x!, [h!], [wx!, wh!], [bx, bh]);
    return [{ shape: [b, n], dtype: "f32" }, { shape: [b, 4 * n], dtype: "f32" }];
  },
  forward: ([x, h, wx, wh, bx, bh], _attrs, [hidden, kept], device) => {
    device.run(gruKernel, {
      bind: { gx: linear(x!, wx!, bx ?? null), gh: linear(h!, wh!, bh ?? null), before: h!, hidden, kept },
      params: { count: hidden.size, n: h!.shape[1], has_dh: 1, has_dc: 0 },
      grid: device.gpu.grid(hidden.size, GROUP),
    });
  },
  constantOutputs: [1],
  saves: (needs) => ({
    inputs: [...needs[2] ? [0] : [], 1, ...needs[0] ? [2] : [], ...needs[1] ? [3] : []],
    outputs: [1],
  }),
  backward: (call) => {
    const dh = call.grads[0]!;
    const { device } = dh;
    const before = call.input(1);
    const [b, n] = before.shape;
    const [dgx, dgh, dbefore] = [device.empty([b, 3 * n]), device.empty([b, 3 * n]), device.empty([b, n])];
    device.run(gruGradKernel, {
      bind: { kept_in: call.output(1), dh, before, dgx, dgh, dbefore },
      params: { count: dh.size, n, has_dh: 1, has_dc: 0 },
      grid: device.gpu.grid(dh.size, GROUP),
    });
    const [nx, nh, nwx, nwh, nbx, nbh] = call.needs;
    const fromX = productGrads(dgx, () => call.input(0), () => call.input(2), [nx, nwx, nbx]);
    const fromH = productGrads(dgh, () => before, () => call.input(3), [nh, nwh, nbh]);
    return [fromX.x, fromH.x && add(fromH.x, dbefore), fromX.w, fromH.w, fromX.b, fromH.b];
  },
  samples: () => cellSamples(3, 1),
  bad: [{
    inputs: [{ shape: [2, 3] }, { shape: [2, 4] }, { shape: [3, 12] }, { shape: [4, 8] }, null, null],
    attrs: {},
    message: /do not fit/,
  }],
});

/** Weights of a recurrent cell with `g` gates. */
export interface CellWeights {
  /** [inputs, g · hidden]. */
  readonly wx: Tensor;
  /** [hidden, g · hidden]. */
  readonly wh: Tensor;
  /** [g · hidden]. */
  readonly bx?: Tensor | null;
  /** [g · hidden]. */
  readonly bh?: Tensor | null;
}

/** A GRU step with PyTorch's gates r, z, n: x [B, I], h [B, H] → h' [B, H] (Cho et al., 2014). */
export function gruCell(x: Tensor, h: Tensor, { wx, wh, bx = null, bh = null }: CellWeights): Tensor {
  const [hidden, kept] = gruOp([x, h, wx, wh, bx, bh], {});
  kept.dispose();
  return hidden;
}

const lstmOp = defineOp<NoAttrs>({
  name: "lstmCell",
  family: "recurrent",
  infer: ([x, h, c, wx, wh, bx, bh]) => {
    const { b, n } = checkCell("lstmCell", 4, x!, [h!, c!], [wx!, wh!], [bx, bh]);
    const state: TensorMeta = { shape: [b, n], dtype: "f32" };
    return [state, state, { shape: [b, 4 * n], dtype: "f32" }];
  },
  forward: ([x, h, c, wx, wh, bx, bh], _attrs, [hidden, cell, kept], device) => {
    device.run(lstmKernel, {
      bind: { gx: linear(x!, wx!, bx ?? null), gh: linear(h!, wh!, bh ?? null), before: c!, hidden, cell, kept },
      params: { count: hidden.size, n: h!.shape[1], has_dh: 1, has_dc: 1 },
      grid: device.gpu.grid(hidden.size, GROUP),
    });
  },
  constantOutputs: [2],
  saves: (needs) => ({
    inputs: [...needs[3] ? [0] : [], ...needs[4] ? [1] : [], 2, ...needs[0] ? [3] : [], ...needs[1] ? [4] : []],
    outputs: [1, 2],
  }),
  backward: (call) => {
    const [dh, dc] = call.grads;
    const before = call.input(2);
    const { device } = before;
    const [b, n] = before.shape;
    const [dgx, dbefore] = [device.empty([b, 4 * n]), device.empty([b, n])];
    device.run(lstmGradKernel, {
      bind: { kept_in: call.output(2), cell_in: call.output(1), before, dh, dc, dgx, dbefore },
      params: { count: before.size, n, has_dh: Number(dh !== null), has_dc: Number(dc !== null) },
      grid: device.gpu.grid(before.size, GROUP),
    });
    const [nx, nh, , nwx, nwh, nbx, nbh] = call.needs;
    const fromX = productGrads(dgx, () => call.input(0), () => call.input(3), [nx, nwx, nbx]);
    const fromH = productGrads(dgx, () => call.input(1), () => call.input(4), [nh, nwh, nbh]);
    return [fromX.x, fromH.x, dbefore, fromX.w, fromH.w, fromX.b, fromH.b];
  },
  samples: () => cellSamples(4, 2),
  bad: [{
    inputs: [
      { shape: [2, 3] },
      { shape: [2, 4] },
      { shape: [1, 4] },
      { shape: [3, 16] },
      { shape: [4, 16] },
      null,
      null,
    ],
    attrs: {},
    message: /do not fit/,
  }],
});

/** An LSTM step with PyTorch's gates i, f, g, o: x [B, I], h and c [B, H] → h' and c' [B, H]. */
export function lstmCell(
  x: Tensor,
  h: Tensor,
  c: Tensor,
  { wx, wh, bx = null, bh = null }: CellWeights,
): { readonly h: Tensor; readonly c: Tensor } {
  const [hidden, cell, kept] = lstmOp([x, h, c, wx, wh, bx, bh], {});
  kept.dispose();
  return { h: hidden, c: cell };
}
