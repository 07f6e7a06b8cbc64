/** The convolutional GRU of the spatial memory (papers/iterative-reasoning.md#memory-update). */
import text from "../../shaders/conv_gru.wgsl" with { type: "text" };
import { expectOneOf, expectOptions, type NamesOf } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensor, type Sample } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { activationGrad } from "./lib/activation.ts";
import { add } from "./binary.ts";
import { conv2d, conv2dDataGrad, conv2dInto, conv2dWeightGradCollected } from "./conv.ts";
import { concat } from "./layout.ts";
import { GROUP, indexLib } from "./lib/library.ts";
import { sum, sumCollected } from "./reduce.ts";

const parts = [indexLib, { file: "conv_gru.wgsl", text }] as const;
const resetKernel = kernel("reset", ...parts);
const blendKernel = kernel("blend", ...parts);
const blendGradKernel = kernel("blend_grad", ...parts);
const resetGradKernel = kernel("reset_grad", ...parts);

interface Attrs {
  readonly activation: "relu" | "tanh";
}

const SAME = { padding: "same" } as const;

function run(which: Kernel, bind: Record<string, Tensor>, s: Tensor, gates: number): void {
  s.device.run(which, {
    bind: { ...bind, s },
    params: { count: s.size, d: s.shape[3], g: gates },
    grid: s.device.grid(s.size, GROUP),
  });
}

const gruOp = defineOp<Attrs>({
  name: "convGru",
  family: "recurrent",
  infer: ([x, s, wxGates, wsGates, bGates, wxCand, wsCand, bCand]) => {
    for (const t of [x, s, wxGates, wsGates, bGates, wxCand, wsCand, bCand]) {
      expectDType("convGru", "an input", t!, "f32");
    }
    const [n, h, w, ci] = x!.shape;
    const d = s!.shape[3];
    const k = wxGates!.shape[0];
    const g2 = wxGates!.shape[3];
    const fits = x!.shape.length === 4 && sameShape(s!.shape, [n, h, w, d]) && k % 2 === 1 &&
      (g2 === 2 || g2 === 2 * d) &&
      sameShape(wxGates!.shape, [k, k, ci, g2]) && sameShape(wsGates!.shape, [k, k, d, g2]) &&
      sameShape(bGates!.shape, [g2]) && sameShape(wxCand!.shape, [k, k, ci, d]) &&
      sameShape(wsCand!.shape, [k, k, d, d]) && sameShape(bCand!.shape, [d]);
    if (!fits) {
      throw new ShapeError(
        `convGru: x ${formatShape(x!.shape)}, s ${formatShape(s!.shape)} and gate weights ${
          formatShape(wxGates!.shape)
        } do not fit; wanted [N, H, W, C], [N, H, W, D] and [k, k, C, 2] or [k, k, C, 2D], k odd`,
      );
    }
    const like = (channels: number) => ({ shape: [n, h, w, channels], dtype: "f32" as const });
    return [like(d), like(g2), like(d), like(d)];
  },
  forward: ([x, s, wxGates, wsGates, bGates, wxCand, wsCand, bCand], { activation }, [y, gates, mixed, candidate]) => {
    const g = wxGates!.shape[3] / 2;
    const fromX = conv2d(x!, wxGates!, { ...SAME, bias: bGates! });
    conv2dInto(gates, s!, wsGates!, { ...SAME, residual: fromX, activation: "sigmoid" });
    run(resetKernel, { gates, y: mixed }, s!, g);
    const input = conv2d(x!, wxCand!, { ...SAME, bias: bCand! });
    conv2dInto(candidate, mixed, wsCand!, { ...SAME, residual: input, activation });
    run(blendKernel, { gates, candidate, y }, s!, g);
  },
  constantOutputs: [1, 2, 3],
  saves: (needs) => ({ inputs: [...needs[2] || needs[5] ? [0] : [], 1, 2, 3, 5, 6], outputs: [1, 2, 3] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const { device } = dy;
    const s = call.input(1);
    const [wxGates, wsGates, wxCand, wsCand] = [2, 3, 5, 6].map((i) => call.input(i));
    const [gates, mixed, candidate] = [1, 2, 3].map((i) => call.output(i));
    const g = gates.shape[3] / 2;
    const perCell = (t: Tensor): Tensor => g === 1 && s.shape[3] > 1 ? sum(t, 3, { keepDims: true }) : t;
    const [dCandidate, ds, updateTerms, resetTerms] = [0, 1, 2, 3].map(() => device.empty(s.shape));
    run(blendGradKernel, { gates, candidate, dy, y: dCandidate, ds, dgate: updateTerms }, s, g);
    const dInner = activationGrad(call.attrs.activation, candidate, dCandidate);
    const dMixed = conv2dDataGrad(dInner, wsCand, s.shape, SAME);
    run(resetGradKernel, { gates, dy: dMixed, ds, dgate: resetTerms }, s, g);
    const dGates = concat([perCell(resetTerms), perCell(updateTerms)], 3);
    const xShape = call.inputMetas[0]!.shape;
    const { needs } = call;
    const filter = (i: number, x: Tensor, dz: Tensor): Tensor | null =>
      needs[i] ? conv2dWeightGradCollected(call.collected(i), x, dz, call.inputMetas[i]!.shape, SAME) : null;
    const shift = (i: number, dz: Tensor): Tensor | null =>
      needs[i] ? sumCollected(call.collected(i), dz, [0, 1, 2]) : null;
    return [
      needs[0]
        ? add(conv2dDataGrad(dInner, wxCand, xShape, SAME), conv2dDataGrad(dGates, wxGates, xShape, SAME))
        : null,
      needs[1] ? add(ds, conv2dDataGrad(dGates, wsGates, s.shape, SAME)) : null,
      needs[2] ? filter(2, call.input(0), dGates) : null,
      filter(3, s, dGates),
      shift(4, dGates),
      needs[5] ? filter(5, call.input(0), dInner) : null,
      filter(6, mixed, dInner),
      shift(7, dInner),
    ];
  },
  samples: () =>
    ([
      [[2, 5, 4, 3], 4, 1, 3, "relu"],
      [[1, 9, 15, 4], 5, 5, 3, "tanh"],
      [[1, 1, 1, 1], 1, 1, 1, "tanh"],
      [[0, 4, 4, 2], 3, 1, 3, "relu"],
    ] as const).map(([x, d, g, k, activation]): Sample<Attrs> => ({
      inputs: [
        { shape: x },
        { shape: [x[0], x[1], x[2], d] },
        { shape: [k, k, x[3], 2 * g] },
        { shape: [k, k, d, 2 * g] },
        { shape: [2 * g] },
        { shape: [k, k, x[3], d] },
        { shape: [k, k, d, d] },
        { shape: [d] },
      ],
      attrs: { activation },
    })),
  bad: [{
    inputs: [[1, 4, 4, 2], [1, 4, 4, 3], [3, 3, 2, 4], [3, 3, 3, 4], [4], [3, 3, 2, 3], [3, 3, 3, 3], [3]].map((
      shape,
    ) => ({
      shape,
    })),
    attrs: { activation: "relu" },
    message: /do not fit/,
  }],
});

/** Weights of {@link convGru}; k is odd, G is 1 (one gate value a cell) or D. */
export interface ConvGruWeights {
  /** [k, k, C, 2G]: reset, then update. */
  readonly wxGates: Tensor;
  /** [k, k, D, 2G]. */
  readonly wsGates: Tensor;
  /** [2G]. */
  readonly bGates: Tensor;
  /** [k, k, C, D]. */
  readonly wxCand: Tensor;
  /** [k, k, D, D]. */
  readonly wsCand: Tensor;
  /** [D]. */
  readonly bCand: Tensor;
}

const WEIGHTS: NamesOf<ConvGruWeights> = {
  wxGates: true,
  wsGates: true,
  bGates: true,
  wxCand: true,
  wsCand: true,
  bCand: true,
};

/**
 * One step of a convolutional GRU: with [r | u] = σ(x∗wxGates + bGates + s∗wsGates) and c = act(x∗wxCand + bCand +
 * (r·s)∗wsCand), s' = s + u·(c − s). x [N, H, W, C], s [N, H, W, D] → [N, H, W, D]; `activation` defaults to relu.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { convGru, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.full([1, 1, 1, 1], 2), s = device.full([1, 1, 1, 1], 5);
 * const gates = { wxGates: device.zeros([1, 1, 1, 2]), wsGates: device.zeros([1, 1, 1, 2]) };
 * const [wxCand, wsCand, bCand] = [device.full([1, 1, 1, 1], 3), device.zeros([1, 1, 1, 1]), device.zeros([1])];
 * const weights = { ...gates, wxCand, wsCand, bCand };
 * // The candidate is 6. An update gate half open gives the middle, one that is open the candidate.
 * strictEqual(await convGru(x, s, { ...weights, bGates: device.tensor([0, 0]) }).item(), 5.5);
 * strictEqual(await convGru(x, s, { ...weights, bGates: device.tensor([0, 100]) }).item(), 6);
 * ```
 */
export function convGru(
  x: Tensor,
  s: Tensor,
  w: ConvGruWeights,
  options: { readonly activation?: "relu" | "tanh" } = {},
): Tensor {
  expectOptions("convGru", w, WEIGHTS);
  expectOptions("convGru", options, { activation: true });
  if (options.activation !== undefined) expectOneOf("convGru", "activation", options.activation, ["relu", "tanh"]);
  for (const name in WEIGHTS) expectTensor("convGru", w[name as keyof ConvGruWeights], name);
  const inputs = [x, s, w.wxGates, w.wsGates, w.bGates, w.wxCand, w.wsCand, w.bCand];
  const [y, ...saved] = gruOp(inputs, { activation: options.activation ?? "relu" });
  for (const tensor of saved) tensor.dispose();
  return y;
}
