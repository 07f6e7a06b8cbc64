/**
 * An LSTM layer over a whole sequence. The input's product with its weights is made before, of all steps at once, or looked
 * up where inputs come from a table; a step here is the state's product and a pointwise kernel.
 */
import stepText from "../../shaders/lstm.wgsl" with { type: "text" };
import sequenceText from "../../shaders/lstm_sequence.wgsl" with { type: "text" };
import { ShapeError } from "../base/errors.ts";
import type { Device } from "../device.ts";
import { declareKernel, type DispatchParams, kernel } from "../gpu/kernel.ts";
import { type BackwardCall, defineOp, expectDType, expectTensor } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./binary.ts";
import { type CellWeights, expectWeights } from "./gru.ts";
import { concat, reshape, slice, transpose } from "./layout.ts";
import { mayRun } from "./lib/choice.ts";
import { GROUP, indexLib, scalarLib, sigmoidLibs, vec4Lib } from "./lib/library.ts";
import { linear, matmul } from "./matmul.ts";

const parts = [indexLib, scalarLib, ...sigmoidLibs, { file: "lstm.wgsl", text: stepText }] as const;
const stepKernel = kernel("step", ...parts);
const stepGradKernel = kernel("step_grad", ...parts);
const sequence = [vec4Lib, ...sigmoidLibs, { file: "lstm_sequence.wgsl", text: sequenceText }] as const;
const flops = (p: DispatchParams): number => 2 * p.steps * p.b * p.n * 4 * p.n;
const sequenceKernel = declareKernel("sequence", { flops }, ...sequence);
const sequenceGradKernel = declareKernel("sequence_grad", { flops }, ...sequence);

interface Attrs {
  /**
   * True where one dispatch takes rows through all steps, which wants a multiple of four units, at most 128; false where
   * each step is a product of its own and a pointwise kernel.
   */
  readonly fused: boolean;
}

/** Numbers saved of each unit and step for the gradient. */
const SAVED = 6;

/** Most hidden units of which a workgroup's memory holds the gates of its rows. */
const MAX_UNITS = 128;

/** Rows that a workgroup takes through all steps. */
const ROWS = 8;

const lstmOp = defineOp<Attrs>({
  name: "lstm",
  family: "recurrent",
  infer: ([gx, h, c, wh], { fused }) => {
    for (const t of [gx, h, c, wh]) expectDType("lstm", "an input", t!, "f32");
    const [steps, b] = gx!.shape;
    const n = h!.shape[1];
    if (fused && (n % 4 !== 0 || n > MAX_UNITS)) {
      throw new ShapeError(`lstm: ${n} units are no multiple of four up to ${MAX_UNITS}, which one dispatch can take`);
    }
    const fits = sameShape(gx!.shape, [steps, b, 4 * n]) && [h!, c!].every((t) => sameShape(t.shape, [b, n])) &&
      sameShape(wh!.shape, [n, 4 * n]);
    if (!fits) {
      const shapes = [gx!, h!, c!, wh!].map((t) => formatShape(t.shape)).join(", ");
      throw new ShapeError(
        `lstm: ${shapes} do not fit; wanted products of the input [T, B, 4H], states [B, H], weights [H, 4H]`,
      );
    }
    const of = (...shape: number[]) => ({ shape, dtype: "f32" as const });
    return [of(steps, b, n), of(b, n), of(b, n), of(steps, b, SAVED * n)];
  },
  forward: ([gx, h, c, wh], { fused }, [states, lastH, lastC, saved], device) => {
    const [steps, b] = gx!.shape, n = h!.shape[1], count = b * n;
    if (fused && maySequence(device)) {
      device.run(sequenceKernel, {
        bind: { gx: gx!, wh: wh!, h0: h!, c0: c!, states, saved, last_h: lastH, last_c: lastC },
        params: { steps, b, n, has_dh: 0, has_dc: 0 },
        constants: { LANES: lanes(n, 4) },
        grid: device.grid(b, ROWS),
      });
      return;
    }
    let [hidden, before] = [h!, c!];
    for (let step = 0; step < steps; step++) {
      const last = step === steps - 1;
      const [next, cell] = last ? [lastH, lastC] : [device.empty([b, n]), device.empty([b, n])];
      device.run(stepKernel, {
        bind: { gx: gx!, gh: matmul(hidden, wh!), before, hidden: next, cell, states, saved },
        params: { count, n, step, has_dh: 0, has_dc: 0 },
        grid: device.grid(count, GROUP),
      });
      [hidden, before] = [next, cell];
    }
    if (steps === 0) {
      lastH.copyFrom(h!);
      lastC.copyFrom(c!);
    }
  },
  constantOutputs: [3],
  saves: (needs) => ({ inputs: [...needs[3] ? [1] : [], 3], outputs: [...needs[3] ? [0] : [], 3] }),
  backward: (call) => {
    const { inputMetas: [xMeta, hMeta], needs: [nx, nh, nc, nw] } = call;
    const [steps, b] = xMeta!.shape, n = hMeta!.shape[1];
    const { device } = call.grads.find((grad) => grad !== null)!;
    const { dgx, dh, dc } = (call.attrs.fused && maySequence(device) ? sequenceGrads : stepGrads)(call, steps, b, n);
    const weights = (): Tensor => {
      if (steps === 0) return device.zeros([n, 4 * n]);
      const first = reshape(call.input(1), [1, b, n]), rest = slice(call.output(0), [0, 0, 0], [steps - 1, b, n]);
      return matmul(reshape(concat([first, rest], 0), [steps * b, n]), reshape(dgx, [steps * b, 4 * n]), {
        transposeA: true,
      });
    };
    return [nx ? dgx : null, nh ? dh : null, nc ? dc : null, nw ? weights() : null];
  },
  samples: () =>
    ([[4, 3, 4], [1, 1, 1], [3, 9, 12], [2, 0, 4], [0, 2, 4], [2, 17, 36]] as const).flatMap(([steps, b, n]) =>
      [true, false].filter((fused) => !fused || n % 4 === 0).map((fused) => ({
        inputs: [{ shape: [steps, b, 4 * n] }, { shape: [b, n] }, { shape: [b, n] }, { shape: [n, 4 * n] }],
        attrs: { fused },
      }))
    ),
  bad: [{
    inputs: [{ shape: [2, 3, 16] }, { shape: [2, 4] }, { shape: [3, 4] }, { shape: [4, 16] }],
    attrs: { fused: true },
    message: /do not fit/,
  }, {
    inputs: [{ shape: [2, 3, 20] }, { shape: [3, 5] }, { shape: [3, 5] }, { shape: [5, 20] }],
    attrs: { fused: true },
    message: /5 units are no multiple of four up to 128/,
  }],
});

/** Gradients to the products and to the first states. */
interface Grads {
  readonly dgx: Tensor;
  readonly dh: Tensor;
  readonly dc: Tensor;
}

function sequenceGrads(call: BackwardCall<Attrs>, steps: number, b: number, n: number): Grads {
  const [dstates, dh, dc] = call.grads, wh = call.input(3), { device } = wh;
  const out: Grads = { dgx: device.empty([steps, b, 4 * n]), dh: device.empty([b, n]), dc: device.empty([b, n]) };
  device.run(sequenceGradKernel, {
    bind: {
      saved_in: call.output(3),
      wh_t: transpose(wh, [1, 0]),
      dstates: dstates ?? device.zeros([steps, b, n]),
      dh,
      dc,
      dgx: out.dgx,
      dh0: out.dh,
      dc0: out.dc,
    },
    params: { steps, b, n, has_dh: Number(dh !== null), has_dc: Number(dc !== null) },
    constants: { LANES: lanes(n, 8) },
    grid: device.grid(b, ROWS),
  });
  return out;
}

function stepGrads(call: BackwardCall<Attrs>, steps: number, b: number, n: number): Grads {
  const saved = call.output(3), wh = call.input(3), count = b * n, { device } = wh;
  const dstates = call.grads[0] ?? device.zeros([steps, b, n]), dgx = device.empty([steps, b, 4 * n]);
  let [, dh, dc] = call.grads;
  for (let step = steps - 1; step >= 0; step--) {
    using scope = device.scope();
    const [dgates, dbefore] = [device.empty([b, 4 * n]), device.empty([b, n])];
    device.run(stepGradKernel, {
      bind: { saved_in: saved, dstates, dh, dc, dgates, dgx, dbefore },
      params: { count, n, step, has_dh: Number(dh !== null), has_dc: Number(dc !== null) },
      grid: device.grid(count, GROUP),
    });
    dh = scope.keep(matmul(dgates, wh, { transposeB: true }));
    dc = scope.keep(dbefore);
  }
  return { dgx, dh: dh ?? device.zeros([b, n]), dc: dc ?? device.zeros([b, n]) };
}

/** False where one of the kernels that take rows through all steps is left out. */
function maySequence(device: Device): boolean {
  return mayRun(device, sequenceKernel) && mayRun(device, sequenceGradKernel);
}

/** True where one dispatch should take states h [B, H] through all steps. */
function canFuse({ device, shape: [, n] }: Tensor): boolean {
  return device.kernels === "cpu" && n % 4 === 0 && n <= MAX_UNITS;
}

/** Invocations for `n` units, so many each. */
function lanes(n: number, each: number): number {
  return 8 * Math.ceil(n / (8 * each));
}

/** States of an LSTM layer: of all steps, and after the last. */
export interface LSTMStates {
  /** Hidden states of all steps, [T, B, H]. */
  readonly outputs: Tensor;
  /** Hidden state after the last step, [B, H]. */
  readonly h: Tensor;
  /** Cell state after the last step, [B, H]. */
  readonly c: Tensor;
}

/**
 * The steps of an LSTM layer, PyTorch's gates i, f, g, o, time first: products of the input with its weights, biases added,
 * gx [T, B, 4H]; states h and c [B, H]; the state's weights wh [H, 4H] → hidden states [T, B, H] and the last states.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { Device, lstmSteps } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const none = device.zeros([1, 1]);
 * // All gates open: each of three steps adds 1 to the cell.
 * const { outputs, c } = lstmSteps(device.full([3, 1, 4], 100), none, none, device.zeros([1, 4]));
 * deepStrictEqual(outputs.shape, [3, 1, 1]);
 * strictEqual(await c.item(), 3);
 * ```
 */
export function lstmSteps(gx: Tensor, h: Tensor, c: Tensor, wh: Tensor): LSTMStates {
  for (const x of [gx, h, c, wh]) expectTensor("lstmSteps", x);
  const [outputs, lastH, lastC, saved] = lstmOp([gx, h, c, wh], { fused: canFuse(h) });
  saved.dispose();
  return { outputs, h: lastH, c: lastC };
}

/**
 * {@link lstmSteps} over x [T, B, I], both biases optional.
 *
 * ```ts
 * import { ok, strictEqual } from "node:assert/strict";
 * import { Device, lstm } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const none = device.zeros([1, 1]), wx = device.full([1, 4], 100), wh = device.zeros([1, 4]);
 * // All gates open: each of two steps adds 1 to the cell, and the output is its hyperbolic tangent.
 * const { outputs, c } = lstm(device.ones([2, 1, 1]), none, none, { wx, wh });
 * ok((await outputs.data()).every((v, i) => Math.abs(v - Math.tanh(i + 1)) < 1e-6));
 * strictEqual(await c.item(), 2);
 * ```
 */
export function lstm(x: Tensor, h: Tensor, c: Tensor, weights: CellWeights): LSTMStates {
  for (const each of [x, h, c]) expectTensor("lstm", each);
  expectWeights("lstm", weights);
  const { wx, wh, bx = null, bh = null } = weights;
  const [steps, b, inputs] = x.shape;
  const gx = linear(reshape(x, [steps * b, inputs]), wx, bx && bh ? add(bx, bh) : bx ?? bh);
  return lstmSteps(reshape(gx, [steps, b, gx.shape[1]]), h, c, wh);
}

/**
 * One step of {@link lstm}: x [B, I], h and c [B, H] → h' and c' [B, H].
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { Device, lstmCell } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.ones([1, 1]), h = device.zeros([1, 1]), wx = device.full([1, 4], 100), wh = device.zeros([1, 4]);
 * // All gates open: the step adds 1 to the cell.
 * strictEqual(await lstmCell(x, h, device.tensor([[2]]), { wx, wh }).c.item(), 3);
 * // The forget gate's bias shuts the former cell out.
 * const bx = device.tensor([0, -200, 0, 0]);
 * strictEqual(await lstmCell(x, h, device.tensor([[2]]), { wx, wh, bx }).c.item(), 1);
 * ```
 */
export function lstmCell(
  x: Tensor,
  h: Tensor,
  c: Tensor,
  weights: CellWeights,
): { readonly h: Tensor; readonly c: Tensor } {
  expectTensor("lstmCell", x);
  const { outputs, h: nextH, c: nextC } = lstm(reshape(x, [1, ...x.shape]), h, c, weights);
  outputs.dispose();
  return { h: nextH, c: nextC };
}
