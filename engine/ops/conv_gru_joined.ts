/** The convolutional GRU of conv_gru.ts with few dispatches: candidate and gates share the input's convolution, and its gradients. */
import gatesText from "../../shaders/conv_gru_gates.wgsl" with { type: "text" };
import text from "../../shaders/conv_gru_joined.wgsl" with { type: "text" };
import { expectOneOf, expectOptions, expectSize } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensor, type Sample } from "../op.ts";
import { formatShape, sameShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./binary.ts";
import { conv2d, type Conv2dOptions, convGrads, filterGrad, inputGrad, sameAttrs } from "./conv.ts";
import { ceil4 } from "./lib/channels.ts";
import { convDataGrad, settlesDataGrad } from "./lib/conv/data_grad.ts";
import { activationLibs, ACTIVATIONS, GROUP, indexLib, scalarLib } from "./lib/library.ts";

const parts = [indexLib, scalarLib, ...activationLibs, { file: "conv_gru_joined.wgsl", text }] as const;
const openKernel = kernel("open_gates", ...parts);
const blendKernel = kernel("blend_joined", ...parts);
const blendGradKernel = kernel("blend_joined_grad", ...parts);
const gatesGradKernel = kernel("gates_grad", ...parts, { file: "conv_gru_gates.wgsl", text: gatesText });

/** Options of {@link convGruJoined}. */
export interface JoinedOptions {
  /** Of the candidate. */
  readonly activation: "relu" | "tanh";
  /** Values of a gate for each cell: 1, or one for each channel. */
  readonly gates: number;
}

const SAME: Conv2dOptions = { padding: "same" };

function run(which: Kernel, bind: Record<string, Tensor>, s: Tensor, { activation, gates }: JoinedOptions): void {
  const { device, size, shape } = s, d = shape[3], cells = size / d;
  const byCell = which === gatesGradKernel, activates = which === blendKernel || which === blendGradKernel;
  device.run(which, {
    bind: { ...bind, ...(which === blendGradKernel ? {} : { s }) },
    params: { count: size, cells, d, g: gates, wide: ceil4(2 * gates) },
    constants: activates ? { ACTIVATION: ACTIVATIONS[activation] } : {},
    grid: byCell ? device.grid(cells, 1) : device.grid(size, GROUP),
  });
}

const joinedOp = defineOp<JoinedOptions>({
  name: "convGruJoined",
  family: "recurrent",
  infer: ([x, s, wx, ws, bx, wc], { gates }) => {
    for (const t of [x, s, wx, ws, bx, wc]) expectDType("convGruJoined", "an input", t!, "f32");
    const [n, h, w, ci] = x!.shape, d = s!.shape[3], k = wx!.shape[0], wide = ceil4(2 * gates);
    const fits = x!.shape.length === 4 && sameShape(s!.shape, [n, h, w, d]) && k % 2 === 1 &&
      (gates === 1 || gates === d) &&
      sameShape(wx!.shape, [k, k, ci, d + wide]) && sameShape(ws!.shape, [k, k, d, wide]) &&
      sameShape(bx!.shape, [d + wide]) && sameShape(wc!.shape, [k, k, d, d]);
    if (!fits) {
      const shapes = [x!, s!, wx!, ws!].map((t) => formatShape(t.shape)).join(", ");
      throw new ShapeError(`convGruJoined: ${shapes} do not fit ${gates} values of a gate`);
    }
    const like = (channels: number) => ({ shape: [n, h, w, channels], dtype: "f32" as const });
    return [like(d), like(wide), like(d), like(d)];
  },
  forward: ([x, s, wx, ws, bx, wc], attrs, [y, gates, mixed, candidate]) => {
    if (y.size === 0) return;
    const fromX = conv2d(x!, wx!, { ...SAME, bias: bx! });
    run(openKernel, { from_x: fromX, from_s: conv2d(s!, ws!, SAME), gates_out: gates, y: mixed }, s!, attrs);
    run(
      blendKernel,
      { from_x: fromX, from_s: conv2d(mixed, wc!, SAME), gates, candidate_out: candidate, y },
      s!,
      attrs,
    );
  },
  constantOutputs: [1, 2, 3],
  saves: (needs) => ({ inputs: [...needs[2] || needs[4] ? [0] : [], 1, 2, 3, 5], outputs: [1, 2, 3] }),
  backward: (call) => {
    const dy = call.grads[0]!, { device } = dy, { attrs, needs } = call;
    const [s, wx, ws, wc] = [1, 2, 3, 5].map((i) => call.input(i));
    const [gates, mixed, candidate] = [1, 2, 3].map((i) => call.output(i));
    const like = (channels: number): Tensor => device.empty([...s.shape.slice(0, 3), channels]);
    const d = s.shape[3], wide = gates.shape[3];
    const [djoined, dinner, ds, dgates] = [d + wide, d, d, wide].map(like);
    const around = sameAttrs(wx.shape[0]);
    if (s.size > 0) {
      run(blendGradKernel, { gates, candidate, dy, djoined, dinner, ds }, s, attrs);
      const dmixed = convDataGrad(dinner, wc, s.shape, around);
      run(gatesGradKernel, { gates, candidate, dy, dmixed, djoined, ds, dgates }, s, attrs);
    }
    const dx = needs[0] ? inputGrad(call, 0, djoined, wx, around) : null;
    const [dwx, dbx] = convGrads(call, { x: 0, weight: 2, bias: 4 }, { dz: djoined }, around);
    const state = (): Tensor => {
      if (!settlesDataGrad(dgates, ws.shape, s.shape, around)) {
        return add(ds, convDataGrad(dgates, ws, s.shape, around));
      }
      return convDataGrad(dgates, ws, s.shape, around, null, { into: ds });
    };
    return [
      dx,
      needs[1] ? state() : null,
      dwx,
      filterGrad(call, 3, s, dgates, around),
      dbx,
      filterGrad(call, 5, mixed, dinner, around),
    ];
  },
  samples: () =>
    ([
      [[2, 5, 4, 3], 4, 1, 3, "relu"],
      [[1, 9, 15, 4], 6, 6, 1, "tanh"],
      [[1, 3, 5, 8], 68, 1, 1, "tanh"],
      [[1, 1, 1, 1], 1, 1, 1, "tanh"],
      [[0, 4, 4, 2], 3, 1, 3, "relu"],
    ] as const).map(([x, d, gates, k, activation]): Sample<JoinedOptions> => ({
      inputs: shapesOf(x, d, gates, k).map((shape) => ({ shape, range: [-0.7, 0.7] })),
      attrs: { activation, gates },
    })),
  bad: [{
    inputs: shapesOf([1, 4, 4, 2], 3, 1, 3).with(2, [3, 3, 2, 5]).map((shape) => ({ shape })),
    attrs: { activation: "relu", gates: 1 },
    message: /do not fit 1 values/,
  }],
});

/** Shapes of the operands. */
function shapesOf(x: Shape, d: number, gates: number, k: number): Shape[] {
  const wide = ceil4(2 * gates);
  return [x, [x[0], x[1], x[2], d], [k, k, x[3], d + wide], [k, k, d, wide], [d + wide], [k, k, d, d]];
}

/** Weights of {@link convGruJoined}; k is odd. */
export interface JoinedWeights {
  /** [k, k, C, D + G]: the candidate's, then the gates': reset, update and zeros, G in all, a multiple of 4. */
  readonly wx: Tensor;
  /** [k, k, D, G]. */
  readonly ws: Tensor;
  /** [D + G]. */
  readonly bx: Tensor;
  /** [k, k, D, D]: of the candidate's state. */
  readonly wc: Tensor;
}

/**
 * A step of a convolutional GRU as {@link convGru} has it, by joined weights: x [N, H, W, C], s [N, H, W, D] → [N, H, W, D]. `gates`
 * is 1 (one value a cell) or D.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { convGruJoined, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.full([1, 1, 1, 1], 2), s = device.full([1, 1, 1, 1], 5);
 * // The candidate is three times the input; the gates are half open.
 * const weights = {
 *   wx: device.tensor([3, 0, 0, 0, 0], [1, 1, 1, 5]),
 *   ws: device.zeros([1, 1, 1, 4]),
 *   bx: device.zeros([5]),
 *   wc: device.zeros([1, 1, 1, 1]),
 * };
 * strictEqual(await convGruJoined(x, s, weights, { gates: 1, activation: "relu" }).item(), 5.5);
 * ```
 */
export function convGruJoined(
  x: Tensor,
  s: Tensor,
  weights: JoinedWeights,
  options: JoinedOptions,
): Tensor {
  expectOptions("convGruJoined", weights, { wx: true, ws: true, bx: true, wc: true });
  expectOptions("convGruJoined", options, { activation: true, gates: true });
  const { wx, ws, bx, wc } = weights, { activation, gates } = options;
  expectSize("convGruJoined", "gates", gates);
  expectOneOf("convGruJoined", "activation", activation, ["relu", "tanh"]);
  for (const [name, t] of Object.entries({ x, s, wx, ws, bx, wc })) expectTensor("convGruJoined", t, name);
  const [y, ...saved] = joinedOp([x, s, wx, ws, bx, wc], { activation, gates });
  for (const tensor of saved) tensor.dispose();
  return y;
}
