/** Sums of a few tensors with factors, in one dispatch. */
import text from "../../shaders/weighted_sum.wgsl" with { type: "text" };
import { expectNumber, expectNumbers, expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensors } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { GROUP, indexLib } from "./lib/library.ts";
import { add } from "./binary.ts";
import { mayRun } from "./lib/choice.ts";
import { copyAll } from "./lib/move.ts";
import { affine } from "./unary.ts";

const sumKernel = kernel("weighted_sum", indexLib, { file: "weighted_sum.wgsl", text });

/** Most terms of a dispatch. */
const TERMS = 8;

interface Attrs {
  readonly factors: readonly number[];
  readonly scale: number;
}

/** Factor times x; nothing is computed where the factor is 1. */
const times = (x: Tensor, factor: number): Tensor => factor === 1 ? x : affine(x, factor, 0);

/** The same term by term, for adapters that do not bind as many buffers. */
function sumInTurn(terms: readonly Tensor[], { factors, scale }: Attrs, y: Tensor): void {
  const total = terms.map((x, i) => times(x, factors[i])).reduce((sum, x) => add(sum, x));
  copyAll(y, times(total, scale));
}

const weightedSumOp = defineOp<Attrs>({
  name: "weightedSum",
  family: "pointwise",
  infer: (terms, { factors }) => {
    const [first] = terms;
    for (const x of terms) {
      expectDType("weightedSum", "a term", x!, "f32");
      if (!sameShape(x!.shape, first!.shape)) {
        throw new ShapeError(`weightedSum: terms of shapes ${formatShape(first!.shape)} and ${formatShape(x!.shape)}`);
      }
    }
    if (factors.length !== terms.length || terms.length > TERMS) {
      throw new ShapeError(`weightedSum: ${terms.length} terms, ${TERMS} at most, with ${factors.length} factors`);
    }
    return [{ shape: first!.shape, dtype: "f32" }];
  },
  forward: (terms, attrs, [y], device) => {
    const { factors, scale } = attrs;
    if (!mayRun(device, sumKernel)) return sumInTurn(terms as readonly Tensor[], attrs, y);
    const count = Math.ceil(y.size / 4), eight = [...factors, ...new Array<number>(TERMS - factors.length).fill(0)];
    device.run(sumKernel, {
      bind: { ...Object.fromEntries(eight.map((_, i) => [`x${i}`, terms[i] ?? null])), y },
      params: { count, terms: terms.length, scale, factor_a: eight.slice(0, 4), factor_b: eight.slice(4) },
      grid: device.grid(count, GROUP),
    });
  },
  backward: ({ grads: [dy], needs, attrs: { factors, scale } }) => {
    const scaled = times(dy!, scale), made = new Map<number, Tensor>();
    return factors.map((factor, i) => {
      if (!needs[i]) return null;
      const known = made.get(factor) ?? times(scaled, factor);
      made.set(factor, known);
      return known;
    });
  },
  samples: () =>
    ([[[], [1, 1, 1]], [[5, 3], [0.5]], [[7], [1, -2, 0.25, 3, 1, 1, 2, -1]], [[0], [1, 2]]] as const).map((
      [shape, factors],
    ) => ({ inputs: factors.map(() => ({ shape })), attrs: { factors, scale: 0.5 } })),
  bad: [{
    inputs: [{ shape: [3] }, { shape: [] }],
    attrs: { factors: [1, 1], scale: 1 },
    message: /shapes \[3\] and \[\]/,
  }],
});

/**
 * `scale` · Σᵢ `factors`ᵢ · `terms`ᵢ, elementwise, of tensors of one shape, added in their order; factors and scale are 1 by default.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, weightedSum } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const a = device.tensor([1, 2]), b = device.tensor([10, 20]);
 * deepStrictEqual([...await weightedSum([a, b], { scale: 0.5 }).data()], [5.5, 11]);
 * deepStrictEqual([...await weightedSum([a, b], { factors: [1, -1] }).data()], [-9, -18]);
 * ```
 */
export function weightedSum(
  terms: readonly Tensor[],
  options: { readonly factors?: readonly number[]; readonly scale?: number } = {},
): Tensor {
  expectTensors("weightedSum", terms);
  expectOptions("weightedSum", options, { factors: true, scale: true });
  const { factors = terms.map(() => 1), scale = 1 } = options;
  expectNumbers("weightedSum", "factors", factors);
  expectNumber("weightedSum", "scale", scale);
  if (terms.length === 0) throw new ShapeError("weightedSum: no terms");
  if (terms.length <= TERMS) return weightedSumOp(terms, { factors, scale })[0];
  const [first, rest] = [terms.slice(0, TERMS), terms.slice(TERMS)];
  const sum = weightedSumOp(first, { factors: factors.slice(0, TERMS), scale: 1 })[0];
  return weightedSum([sum, ...rest], { factors: [1, ...factors.slice(TERMS)], scale });
}
