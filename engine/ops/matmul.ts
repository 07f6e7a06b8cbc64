/** Batched matrix products and the fully connected layer. */
import { expectFlag, expectOptions, type NamesOf } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { defineOp, expectDType } from "../op.ts";
import { broadcastShapes, formatShape, sameShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { sumTo } from "./binary.ts";
import { layerGrads, productCollected, productInput } from "./layer_grads.ts";
import { expandTo, reshape } from "./layout.ts";
import { activationGrad } from "./lib/activation.ts";
import { type Activation, expectActivation } from "./lib/library.ts";
import { product } from "./product.ts";

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** Use the transpose of the last two axes of the first operand. */
  readonly transposeA?: boolean;
  /** Use the transpose of the last two axes of the second operand. */
  readonly transposeB?: boolean;
}

const MATMUL: NamesOf<MatmulOptions> = { transposeA: true, transposeB: true };

interface Attrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function extents(name: string, a: Shape, b: Shape, { transposeA, transposeB }: Attrs) {
  if (a.length < 2 || b.length < 2) {
    throw new ShapeError(
      `${name}: ${formatShape(a)} and ${formatShape(b)} are not both matrices; reshape vectors first`,
    );
  }
  const [m, k] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [kb, n] = transposeB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (k !== kb) {
    const t = (on: boolean) => on ? " transposed" : "";
    throw new ShapeError(
      `${name}: ${formatShape(a)}${t(transposeA)} has ${k} columns but ${formatShape(b)}${
        t(transposeB)
      } has ${kb} rows`,
    );
  }
  return { m, k, n, lead: broadcastShapes(name, a.slice(0, -2), b.slice(0, -2)) };
}

const matmulOp = defineOp<Attrs>({
  name: "matmul",
  family: "matmul",
  infer: ([a, b], attrs) => {
    expectDType("matmul", "the first operand", a!, "f32");
    expectDType("matmul", "the second operand", b!, "f32");
    const { m, n, lead } = extents("matmul", a!.shape, b!.shape, attrs);
    return [{ shape: [...lead, m, n], dtype: "f32" }];
  },
  forward: ([a, b], attrs, [y]) => {
    const { m, n, k, lead } = extents("matmul", a!.shape, b!.shape, attrs);
    const fit = (x: Tensor): Tensor => {
      const own = x.shape.slice(0, -2);
      if (sizeOf(own) === 1 || sameShape(own, lead)) return x;
      return expandTo(x, [...lead, ...x.shape.slice(-2)]);
    };
    // One matrix on the right of many plain ones: a single tall product.
    if (sizeOf(b!.shape.slice(0, -2)) === 1 && !attrs.transposeA && sizeOf(lead) > 1) {
      product(reshape(fit(a!), [sizeOf(lead) * m, k]), b!, y, 1, { m: sizeOf(lead) * m, n, k, ...attrs });
    } else {
      product(fit(a!), fit(b!), y, sizeOf(lead), { m, n, k, ...attrs });
    }
  },
  saves: (needs) => ({ inputs: [...needs[0] ? [1] : [], ...needs[1] ? [0] : []] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const { transposeA: ta, transposeB: tb } = call.attrs;
    const shapes = call.inputMetas.map((meta) => meta!.shape);
    const da = () =>
      !ta && !tb && shapes[1].length === 2
        ? productInput(call, 0, dy, call.input(1))
        : ta
        ? matmul(call.input(1), dy, { transposeA: tb, transposeB: true })
        : matmul(dy, call.input(1), { transposeB: !tb });
    const db = () => {
      // One right-hand matrix under many left ones: fold the batch into the summed axis.
      if (!ta && !tb && shapes[1].length === 2) {
        const [k, n] = shapes[1], rows = sizeOf(shapes[0].slice(0, -1));
        return productCollected(call.collected(1), reshape(call.input(0), [rows, k]), reshape(dy, [rows, n]));
      }
      return tb
        ? matmul(dy, call.input(0), { transposeA: true, transposeB: ta })
        : matmul(call.input(0), dy, { transposeA: !ta });
    };
    const right = call.needs[1] ? db() : null;
    const left = call.needs[0] ? da() : null;
    return [left && sumTo(left, shapes[0]), right && sumTo(right, shapes[1])];
  },
  samples: () => {
    const cases: [number[], number[], boolean, boolean][] = [
      [[1, 1], [1, 1], false, false],
      [[4, 4], [4, 4], false, false],
      [[5, 7], [7, 3], false, false],
      [[7, 5], [7, 3], true, false],
      [[5, 7], [3, 7], false, true],
      [[7, 5], [3, 7], true, true],
      [[37, 64], [64, 72], false, false],
      [[67, 33], [33, 129], false, false],
      [[131, 66], [66, 129], false, false],
      [[66, 131], [129, 66], true, true],
      [[2, 3, 4, 5], [5, 6], false, false],
      [[2, 1, 4, 5], [3, 5, 8], false, false],
      [[3, 5, 4], [3, 5, 2], true, false],
      [[0, 5], [5, 3], false, false],
      [[4, 0], [0, 3], false, false],
      [[2, 9], [9, 40], false, false],
      [[3, 1030], [1030, 7], false, false],
      [[30, 20], [20, 44], false, false],
    ];
    return cases.map(([a, b, transposeA, transposeB]) => ({
      inputs: [{ shape: a }, { shape: b }],
      attrs: { transposeA, transposeB },
    }));
  },
  bad: [
    {
      inputs: [{ shape: [2, 3] }, { shape: [4, 5] }],
      attrs: { transposeA: false, transposeB: false },
      message: /has 3 columns .* has 4 rows/,
    },
    {
      inputs: [{ shape: [3] }, { shape: [3, 5] }],
      attrs: { transposeA: false, transposeB: false },
      message: /not both/,
    },
  ],
});

/**
 * op(a) · op(b): [..., M, K] · [..., K, N] → [..., M, N]; leading axes broadcast, `op` transposes the last two on request.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, matmul } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const a = device.tensor([[1, 2], [3, 4]]), b = device.tensor([[0, 1], [1, 0]]);
 * deepStrictEqual([...await matmul(a, b).data()], [2, 1, 4, 3]);
 * deepStrictEqual([...await matmul(a, a, { transposeB: true }).data()], [5, 11, 11, 25]);
 * ```
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  expectOptions("matmul", options, MATMUL);
  const { transposeA = false, transposeB = false } = options;
  expectFlag("matmul", "transposeA", transposeA);
  expectFlag("matmul", "transposeB", transposeB);
  return matmulOp([a, b], { transposeA, transposeB })[0];
}

const linearOp = defineOp<{ readonly activation: Activation }>({
  name: "linear",
  family: "matmul",
  infer: ([x, w, bias, residual]) => {
    for (const [what, t] of [["the input", x], ["the weight", w]] as const) expectDType("linear", what, t!, "f32");
    const [k, n] = w!.shape;
    if (w!.shape.length !== 2 || x!.shape.length < 1 || x!.shape.at(-1) !== k) {
      throw new ShapeError(
        `linear: input ${formatShape(x!.shape)} does not fit a weight of shape ${formatShape(w!.shape)} ([in, out])`,
      );
    }
    if (bias && !sameShape(bias.shape, [n])) {
      throw new ShapeError(`linear: bias ${formatShape(bias.shape)} does not fit ${n} outputs`);
    }
    const shape = [...x!.shape.slice(0, -1), n];
    if (residual && !sameShape(residual.shape, shape)) {
      throw new ShapeError(
        `linear: residual ${formatShape(residual.shape)} does not fit the output ${formatShape(shape)}`,
      );
    }
    return [{ shape, dtype: "f32" }];
  },
  forward: ([x, w, bias, residual], { activation }, [y]) => {
    const [k, n] = w!.shape;
    const m = x!.size === 0 && k === 0 ? sizeOf(x!.shape.slice(0, -1)) : k === 0 ? 0 : x!.size / k;
    product(reshape(x!, [m, k]), w!, y, 1, {
      ...{ m, n, k, transposeA: false, transposeB: false },
      ...{ bias, residual, activation },
    });
  },
  saves: (needs, { activation }) => ({
    inputs: [...needs[1] ? [0] : [], ...needs[0] ? [1] : []],
    outputs: activation === "none" ? [] : [0],
  }),
  activation: ({ activation }) => activation,
  backward: (call) => {
    const [k, n] = call.inputMetas[1]!.shape;
    const { activation } = call.attrs;
    const raw = call.grads[0]!;
    const sloped = activation === "none" || call.sloped;
    const dz = reshape(sloped ? raw : activationGrad(activation, call.output(0), raw), [-1, n]);
    // Where the bias's gradient alone is wanted it is taken in the same order, of whatever fits.
    const rows = (): Tensor => call.needs[1] ? reshape(call.input(0), [-1, k]) : dz.device.empty([dz.shape[0], k]);
    const grads = [
      call.needs[0] ? productInput(call, 0, dz, call.input(1)) : null,
      ...layerGrads(call, [1, 2], call.needs[1] || call.needs[2] ? rows() : dz, dz),
      call.needs[3] ? reshape(dz, call.outputMetas[0].shape) : null,
    ];
    // Whoever calls the op itself may leave the residual out.
    return grads.slice(0, call.inputMetas.length);
  },
  samples: () =>
    ([
      [[5, 7], [7, 3], true, "none"],
      [[6, 5], [5, 7], true, "relu", true],
      [[3, 4, 8], [8, 20], false, "tanh", true],
      [[37, 64], [64, 40], true, "relu"],
      [[5, 7], [7, 8], true, "relu"],
      [[1031, 8], [8, 8], true, "tanh"],
      [[1031, 6], [6, 7], true, "none"],
      [[2, 3, 8], [8, 12], false, "tanh"],
      [[1, 5], [5, 1], true, "sigmoid"],
      [[8, 5], [5, 1], true, "relu"],
      [[0, 8], [8, 4], true, "relu"],
    ] as const).map(([x, w, bias, activation, residual = false]) => ({
      inputs: [
        { shape: x },
        { shape: w },
        bias ? { shape: [w[1]] } : null,
        residual ? { shape: [...x.slice(0, -1), w[1]] } : null,
      ],
      attrs: { activation },
    })),
  bad: [{
    inputs: [{ shape: [2, 3] }, { shape: [4, 5] }, null, null],
    attrs: { activation: "none" },
    message: /does not fit a weight/,
  }, {
    inputs: [{ shape: [2, 3] }, { shape: [3, 5] }, null, { shape: [5] }],
    attrs: { activation: "none" },
    message: /residual \[5\] does not fit/,
  }],
});

/** Options of {@link linear}. */
export interface LinearOptions {
  /** Applied to the result as it is written; default `none`. */
  readonly activation?: Activation;
  /** Added before the activation, of the result's shape. */
  readonly residual?: Tensor;
}

/**
 * act(x · w + bias + residual): x [..., K], w [K, N], bias [N] or null → [..., N].
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, linear } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1, 2]]), w = device.tensor([[1, -1], [1, -1]]), bias = device.tensor([10, 1]);
 * deepStrictEqual([...await linear(x, w, bias).data()], [13, -2]);
 * deepStrictEqual([...await linear(x, w, bias, { activation: "relu" }).data()], [13, 0]);
 * ```
 */
export function linear(x: Tensor, w: Tensor, bias: Tensor | null = null, options: LinearOptions = {}): Tensor {
  expectOptions("linear", options, { activation: true, residual: true });
  expectActivation("linear", options.activation);
  return linearOp([x, w, bias, options.residual ?? null], {
    activation: options.activation ?? "none",
  })[0];
}
