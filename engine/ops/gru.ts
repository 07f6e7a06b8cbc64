/**
 * A GRU's step: a product of all gates for the input and one for the state, and one pointwise kernel, each way. One product of
 * both will not do for PyTorch's gates: the reset gate weighs what the state adds to the candidate after its product.
 */
import text from "../../shaders/gru.wgsl" with { type: "text" };
import { expectOptions, type NamesOf } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensor } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./binary.ts";
import { GROUP, indexLib, scalarLib, sigmoidLibs } from "./lib/library.ts";
import { linear, matmul } from "./matmul.ts";
import { sum } from "./reduce.ts";

const parts = [indexLib, scalarLib, ...sigmoidLibs, { file: "gru.wgsl", text }] as const;
const gruKernel = kernel("gru", ...parts);
const gruGradKernel = kernel("gru_grad", ...parts);

type NoAttrs = Record<string, never>;

/** Gradients of z = x·w + b to x, w and b, as far as they are needed. */
function productGrads(dz: Tensor, x: () => Tensor, w: () => Tensor, [nx, nw, nb]: readonly boolean[]) {
  return {
    x: nx ? matmul(dz, w(), { transposeB: true }) : null,
    w: nw ? matmul(x(), dz, { transposeA: true }) : null,
    b: nb ? sum(dz, 0) : null,
  };
}

const gruOp = defineOp<NoAttrs>({
  name: "gruCell",
  family: "recurrent",
  infer: ([x, h, wx, wh, bx, bh]) => {
    for (const t of [x, h, wx, wh, bx, bh]) if (t) expectDType("gruCell", "an input", t, "f32");
    const [b, inputs] = x!.shape;
    const n = h!.shape[1];
    const fits = x!.shape.length === 2 && sameShape(h!.shape, [b, n]) && sameShape(wx!.shape, [inputs, 3 * n]) &&
      sameShape(wh!.shape, [n, 3 * n]) && [bx, bh].every((t) => !t || sameShape(t.shape, [3 * n]));
    if (!fits) {
      const shapes = [x!, h!, wx!, wh!].map((t) => formatShape(t.shape)).join(", ");
      throw new ShapeError(
        `gruCell: ${shapes} do not fit; wanted x [B, I], state [B, H], weights [I, 3H] and [H, 3H], biases [3H]`,
      );
    }
    return [{ shape: [b, n], dtype: "f32" }, { shape: [b, 4 * n], dtype: "f32" }];
  },
  forward: ([x, h, wx, wh, bx, bh], _attrs, [hidden, saved], device) => {
    device.run(gruKernel, {
      bind: { gx: linear(x!, wx!, bx ?? null), gh: linear(h!, wh!, bh ?? null), before: h!, hidden, saved },
      params: { count: hidden.size, n: h!.shape[1] },
      grid: device.grid(hidden.size, GROUP),
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
      bind: { saved_in: call.output(1), dh, before, dgx, dgh, dbefore },
      params: { count: dh.size, n },
      grid: device.grid(dh.size, GROUP),
    });
    const [nx, nh, nwx, nwh, nbx, nbh] = call.needs;
    const fromX = productGrads(dgx, () => call.input(0), () => call.input(2), [nx, nwx, nbx]);
    const fromH = productGrads(dgh, () => before, () => call.input(3), [nh, nwh, nbh]);
    return [fromX.x, fromH.x && add(fromH.x, dbefore), fromX.w, fromH.w, fromX.b, fromH.b];
  },
  samples: () =>
    ([[3, 5, 4, true], [1, 1, 1, false], [7, 8, 12, true], [0, 3, 2, true]] as const).map(([b, i, n, bias]) => ({
      inputs: [
        { shape: [b, i] },
        { shape: [b, n] },
        { shape: [i, 3 * n] },
        { shape: [n, 3 * n] },
        bias ? { shape: [3 * n] } : null,
        bias ? { shape: [3 * n] } : null,
      ],
      attrs: {},
    })),
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

const WEIGHTS: NamesOf<CellWeights> = { wx: true, wh: true, bx: true, bh: true };

/** Throws {@link ArgumentError} unless a cell's weights are tensors, under the names they have. */
export function expectWeights(op: string, weights: CellWeights): void {
  expectOptions(op, weights, WEIGHTS);
  const { wx, wh, bx = null, bh = null } = weights;
  for (const [name, x] of Object.entries({ wx, wh })) expectTensor(op, x, name);
  for (const [name, x] of Object.entries({ bx, bh })) if (x !== null) expectTensor(op, x, name);
}

/**
 * A GRU step with PyTorch's gates r, z, n: x [B, I], h [B, H] → h' [B, H] (Cho et al., 2014).
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, gruCell } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1]]), h = device.tensor([[4]]);
 * const wx = device.zeros([1, 3]), wh = device.zeros([1, 3]);
 * // All gates half open, the candidate 0.
 * deepStrictEqual([...await gruCell(x, h, { wx, wh }).data()], [2]);
 * // The bias of z shuts the candidate out.
 * deepStrictEqual([...await gruCell(x, h, { wx, wh, bx: device.tensor([0, 100, 0]) }).data()], [4]);
 * ```
 */
export function gruCell(x: Tensor, h: Tensor, weights: CellWeights): Tensor {
  expectWeights("gruCell", weights);
  const { wx, wh, bx = null, bh = null } = weights;
  const [hidden, saved] = gruOp([x, h, wx, wh, bx, bh], {});
  saved.dispose();
  return hidden;
}
