/** An LSTM layer over a whole sequence: two products and a pointwise kernel a step, the input's product once for all. */
import text from "../../shaders/lstm.wgsl" with { type: "text" };
import { ShapeError } from "../errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { concat, reshape, slice, transpose } from "./layout.ts";
import { GROUP, indexLib } from "./library.ts";
import { linear, matmul } from "./matmul.ts";
import type { CellWeights } from "./gru.ts";
import { sum } from "./reduce.ts";

const parts = [indexLib, { file: "lstm.wgsl", text }] as const;
const stepKernel = kernel("step", ...parts);
const gradKernel = kernel("step_grad", ...parts);

type NoAttrs = Record<string, never>;

/** Numbers kept of each unit and step for the gradient. */
const KEPT = 6;

const lstmOp = defineOp<NoAttrs>({
  name: "lstm",
  family: "recurrent",
  infer: ([x, h, c, wx, wh, bx, bh]) => {
    for (const t of [x, h, c, wx, wh, bx, bh]) if (t) expectDType("lstm", "an input", t, "f32");
    const [steps, b, inputs] = x!.shape;
    const n = h!.shape[1];
    const fits = x!.shape.length === 3 && [h!, c!].every((s) => sameShape(s.shape, [b, n])) &&
      sameShape(wx!.shape, [inputs, 4 * n]) && sameShape(wh!.shape, [n, 4 * n]) &&
      [bx, bh].every((t) => !t || sameShape(t.shape, [4 * n]));
    if (!fits) {
      const shapes = [x!, h!, c!, wx!, wh!].map((t) => formatShape(t.shape)).join(", ");
      throw new ShapeError(
        `lstm: ${shapes} do not fit; wanted x [T, B, I], states [B, H], weights [I, 4H] and [H, 4H], biases [4H]`,
      );
    }
    const of = (...shape: number[]) => ({ shape, dtype: "f32" as const });
    return [of(steps, b, n), of(b, n), of(b, n), of(steps, b, KEPT * n)];
  },
  forward: ([x, h, c, wx, wh, bx, bh], _attrs, [states, lastH, lastC, kept], device) => {
    const [steps, b, inputs] = x!.shape, n = h!.shape[1], count = b * n;
    const gx = linear(reshape(x!, [steps * b, inputs]), wx!, bx ?? null);
    let [hidden, before] = [h!, c!];
    for (let step = 0; step < steps; step++) {
      const last = step === steps - 1;
      const [next, cell] = last ? [lastH, lastC] : [device.empty([b, n]), device.empty([b, n])];
      device.run(stepKernel, {
        bind: { gx, gh: linear(hidden, wh!, bh ?? null), before, hidden: next, cell, states, kept },
        params: { count, n, step, has_dh: 0, has_dc: 0 },
        grid: device.gpu.grid(count, GROUP),
      });
      [hidden, before] = [next, cell];
    }
    if (steps === 0) {
      lastH.copyFrom(h!);
      lastC.copyFrom(c!);
    }
  },
  constantOutputs: [3],
  saves: (needs) => ({
    inputs: [...needs[3] ? [0] : [], ...needs[4] ? [1] : [], ...needs[0] ? [3] : [], 4],
    outputs: [...needs[4] ? [0] : [], 3],
  }),
  backward: (call) => {
    const { inputMetas: [xMeta, hMeta], needs: [nx, nh, nc, nwx, nwh, nbx, nbh] } = call;
    const [steps, b, inputs] = xMeta!.shape, n = hMeta!.shape[1], count = b * n;
    const { device } = call.grads.find((grad) => grad !== null)!;
    const kept = call.output(3), wh = call.input(4);
    const dstates = call.grads[0] ?? device.zeros([steps, b, n]);
    let [, dh, dc] = call.grads;
    const dall = device.empty([steps, b, 4 * n]);
    for (let step = steps - 1; step >= 0; step--) {
      using scope = device.scope();
      const [dgates, dbefore] = [device.empty([b, 4 * n]), device.empty([b, n])];
      device.run(gradKernel, {
        bind: { kept_in: kept, dstates, dh, dc, dgates, dall, dbefore },
        params: { count, n, step, has_dh: Number(dh !== null), has_dc: Number(dc !== null) },
        grid: device.gpu.grid(count, GROUP),
      });
      dh = scope.keep(matmul(dgates, wh, { transposeB: true }));
      dc = scope.keep(dbefore);
    }
    const gates = reshape(dall, [steps * b, 4 * n]);
    const biases = nbx || nbh ? sum(gates, 0) : null;
    const states = (): Tensor =>
      concat([reshape(call.input(1), [1, b, n]), slice(call.output(0), [0, 0, 0], [Math.max(0, steps - 1), b, n])], 0);
    return [
      nx ? reshape(matmul(gates, call.input(3), { transposeB: true }), [steps, b, inputs]) : null,
      nh ? dh ?? device.zeros([b, n]) : null,
      nc ? dc ?? device.zeros([b, n]) : null,
      nwx ? matmul(reshape(call.input(0), [steps * b, inputs]), gates, { transposeA: true }) : null,
      nwh
        ? steps === 0
          ? device.zeros([n, 4 * n])
          : matmul(reshape(states(), [steps * b, n]), gates, { transposeA: true })
        : null,
      nbx ? biases : null,
      nbh ? biases : null,
    ];
  },
  samples: () =>
    ([[4, 3, 5, 4, true], [1, 1, 1, 1, false], [3, 2, 8, 12, true], [2, 0, 3, 2, true], [0, 2, 3, 4, true]] as const)
      .map(([steps, b, i, n, bias]) => ({
        inputs: [
          { shape: [steps, b, i] },
          { shape: [b, n] },
          { shape: [b, n] },
          { shape: [i, 4 * n] },
          { shape: [n, 4 * n] },
          bias ? { shape: [4 * n] } : null,
          bias ? { shape: [4 * n] } : null,
        ],
        attrs: {},
      })),
  bad: [{
    inputs: [
      { shape: [2, 3, 4] },
      { shape: [2, 5] },
      { shape: [2, 5] },
      { shape: [4, 20] },
      { shape: [5, 20] },
      null,
      null,
    ],
    attrs: {},
    message: /do not fit/,
  }],
});

/**
 * An LSTM layer over a sequence, PyTorch's gates i, f, g, o: x [B, T, I] from states h and c [B, H] → the hidden states of
 * all steps [B, T, H] and the states after the last.
 */
export function lstm(
  x: Tensor,
  h: Tensor,
  c: Tensor,
  { wx, wh, bx = null, bh = null }: CellWeights,
): { readonly outputs: Tensor; readonly h: Tensor; readonly c: Tensor } {
  const [states, lastH, lastC, kept] = lstmOp([transpose(x, [1, 0, 2]), h, c, wx, wh, bx, bh], {});
  kept.dispose();
  return { outputs: transpose(states, [1, 0, 2]), h: lastH, c: lastC };
}

/** One step of {@link lstm}: x [B, I], h and c [B, H] → h' and c' [B, H]. */
export function lstmCell(x: Tensor, h: Tensor, c: Tensor, { wx, wh, bx = null, bh = null }: CellWeights): {
  readonly h: Tensor;
  readonly c: Tensor;
} {
  const [states, lastH, lastC, kept] = lstmOp([reshape(x, [1, ...x.shape]), h, c, wx, wh, bx, bh], {});
  states.dispose();
  kept.dispose();
  return { h: lastH, c: lastC };
}
