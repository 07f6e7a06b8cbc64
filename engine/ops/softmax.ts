/** Softmax, log-softmax and the classification losses. */
import bceText from "../../shaders/bce.wgsl" with { type: "text" };
import lossTeamsText from "../../shaders/loss_teams.wgsl" with { type: "text" };
import text from "../../shaders/softmax.wgsl" with { type: "text" };
import { expectNumber, expectOneOf, expectOptions, type NamesOf } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { declareKernel, kernel } from "../gpu/kernel.ts";
import type { Device } from "../device.ts";
import { defineOp, expectDType, expectTensor } from "../op.ts";
import { type Axes, formatShape, sameShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { reshape, transpose } from "./layout.ts";
import { alongAxis } from "./lib/axis.ts";
import { byRows, mayRun } from "./lib/choice.ts";
import {
  GROUP,
  indexFaultsLib,
  indexLib,
  nanLib,
  rowAloneLib,
  type RowKernels,
  rowKernels,
  scalarLib,
  sigmoidLibs,
} from "./lib/library.ts";
import { sumInto } from "./reduce.ts";
import { heldKernels, runHeld, teamsLib } from "./softmax_held.ts";

const parts = [indexLib, indexFaultsLib, { file: "softmax.wgsl", text }] as const;
const rowsKernels = rowKernels("softmax_rows", ...parts);
const gradKernels = rowKernels("softmax_grad", ...parts);
const crossEntropyKernels = rowKernels("cross_entropy", ...parts);
const crossEntropyGradKernel = kernel("cross_entropy_grad", scalarLib, rowAloneLib, ...parts);
/** One workgroup for all rows, on GPUs. */
const lossTeams = { file: "loss_teams.wgsl", text: lossTeamsText };
const teamParts = [scalarLib, nanLib, rowAloneLib, teamsLib, ...parts, lossTeams] as const;
const totalKernel = declareKernel("cross_entropy_total", { kernelSet: "gpu" }, ...teamParts);
const exampleKernel = kernel("example_weights", ...teamParts);
const held = { value: heldKernels("softmax_held"), grad: heldKernels("softmax_held_grad") };
const bceParts = [indexLib, scalarLib, ...sigmoidLibs, { file: "bce.wgsl", text: bceText }] as const;
const bceKernel = kernel("bce", ...bceParts);
const bceGradKernel = kernel("bce_grad", ...bceParts);

/** Logits up to which one workgroup takes all rows. */
const FEW = 2 ** 16;

const PLAIN = { has_weights: 0, per_row: 0, scale: 1, smoothing: 0, ignored: -1 };

/** Kernel and workgroups for `rows` rows. */
function rowsOf(device: Device, kernels: RowKernels, rows: number, columns: number) {
  return byRows(device, kernels, { rows, grouped: device.kernels === "gpu" && columns >= 32 });
}

function define(name: "softmax" | "logSoftmax") {
  const constants = { LOG: Number(name === "logSoftmax") };
  return defineOp<{ readonly axis: number }>({
    name,
    family: "loss",
    infer: ([x], { axis }) => {
      expectDType(name, "the input", x!, "f32");
      if (axis !== x!.shape.length - 1) throw new ShapeError(`${name}: the kernel works on the last axis`);
      return [{ shape: x!.shape, dtype: "f32" }];
    },
    forward: ([x], _attrs, [y], device) => {
      if (x!.size === 0 || runHeld(device, held.value, { x: x!, y }, constants)) return;
      const columns = x!.shape.at(-1)!;
      const rows = x!.size / columns;
      const { kernel, grid } = rowsOf(device, rowsKernels, rows, columns);
      device.run(kernel, { bind: { x: x!, y }, params: { rows, columns, ...PLAIN }, constants, grid });
    },
    saves: () => ({ outputs: [0] }),
    backward: (call) => {
      const y = call.output(0);
      const dx = y.device.empty(y.shape);
      const dy = call.grads[0]!;
      if (y.size === 0 || runHeld(y.device, held.grad, { x: y, dy, y: dx }, constants)) return [dx];
      const columns = y.shape.at(-1)!;
      const rows = y.size / columns;
      const { kernel, grid } = rowsOf(y.device, gradKernels, rows, columns);
      y.device.run(kernel, {
        bind: { x: y, dy, y: dx },
        params: { rows, columns, ...PLAIN },
        constants,
        grid,
      });
      return [dx];
    },
    samples: () =>
      // The last is longer than registers hold.
      ([[1], [7], [5, 41], [3, 1], [2, 3, 130], [0, 4], [4, 0], [3, 252], [2, 2051]] as const).map((shape) => ({
        inputs: [{ shape, range: [-6, 6] }],
        attrs: { axis: shape.length - 1 },
      })),
  });
}

const softmaxOp = define("softmax");
const logSoftmaxOp = define("logSoftmax");

function softmaxAlong(op: typeof softmaxOp, x: Tensor, at: number): Tensor {
  const rank = x.shape.length;
  if (at === rank - 1) return op([x], { axis: at })[0];
  const swap = x.shape.map((_, i) => i === at ? rank - 1 : i === rank - 1 ? at : i);
  return transpose(op([transpose(x, swap)], { axis: rank - 1 })[0], swap);
}

/**
 * Softmax along `axis` (the last by default).
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, softmax } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * // Twice as likely for each ln 2.
 * const x = device.tensor([[0, Math.log(2), 0], [0, 0, 0]]);
 * ok((await softmax(x).data()).every((p, i) => Math.abs(p - [1 / 4, 1 / 2, 1 / 4, 1 / 3, 1 / 3, 1 / 3][i]) < 1e-6));
 * ok((await softmax(device.zeros([2, 3]), 0).data()).every((p) => Math.abs(p - 1 / 2) < 1e-6));
 * ```
 */
export function softmax(x: Tensor, axis: Axes = -1): Tensor {
  expectTensor("softmax", x);
  return alongAxis("softmax", x, axis, (rows, at) => softmaxAlong(softmaxOp, rows, at));
}

/**
 * Logarithm of the softmax along `axis` (the last by default), without leaving log space.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, logSoftmax } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const y = await logSoftmax(device.tensor([0, -200])).data();
 * // The logarithm of a probability that is too small for f32.
 * ok(Math.abs(y[0]) < 1e-6 && Math.abs(y[1] + 200) < 1e-4);
 * ```
 */
export function logSoftmax(x: Tensor, axis: Axes = -1): Tensor {
  expectTensor("logSoftmax", x);
  return alongAxis("logSoftmax", x, axis, (rows, at) => softmaxAlong(logSoftmaxOp, rows, at));
}

/** Reduction of the rows' losses to one number; `none` leaves them as they are. */
export type Reduction = "mean" | "sum" | "none";

/** Every {@link Reduction}. */
export const REDUCTIONS: readonly Reduction[] = ["mean", "sum", "none"];

interface CrossEntropyAttrs {
  readonly reduction: Reduction;
  readonly smoothing: number;
  /** Default -1. */
  readonly ignored?: number;
}

const crossEntropyOp = defineOp<CrossEntropyAttrs>({
  name: "crossEntropy",
  family: "loss",
  infer: ([logits, labels, weights], { reduction, smoothing, ignored = -1 }) => {
    expectDType("crossEntropy", "logits", logits!, "f32");
    expectDType("crossEntropy", "labels", labels!, "i32");
    const rows = logits!.shape[0];
    const fits = logits!.shape.length === 2 && sameShape(labels!.shape, [rows]) && logits!.shape[1] > 0 &&
      (!weights || sameShape(weights.shape, [rows]));
    if (!fits) {
      throw new ShapeError(
        `crossEntropy: logits ${formatShape(logits!.shape)} want labels [N]${weights ? " and weights [N]" : ""}, got ${
          formatShape(labels!.shape)
        }${weights ? ` and ${formatShape(weights.shape)}` : ""}`,
      );
    }
    if (!(smoothing >= 0 && smoothing <= 1)) {
      throw new ShapeError(`crossEntropy: label smoothing is between 0 and 1, got ${smoothing}`);
    }
    if (!Number.isInteger(ignored)) throw new ShapeError(`crossEntropy: ignoreIndex ${ignored} is no whole number`);
    return [{ shape: reduction === "none" ? [rows] : [], dtype: "f32" }, { shape: [rows], dtype: "f32" }];
  },
  forward: ([x, labels, weights], { reduction, smoothing, ignored = -1 }, [y, lse], device) => {
    const [rows, columns] = x!.shape;
    const scale = reduction === "mean" && rows > 0 ? 1 / rows : 1;
    const given = { rows, columns, ...PLAIN, has_weights: Number(weights !== null), smoothing, ignored };
    const all = { x: x!, labels: labels!, weights: weights ?? null, y, lse };
    const inOne = device.kernels === "gpu" && rows * columns <= FEW && mayRun(device, totalKernel);
    if (reduction !== "none" && inOne) {
      return device.run(totalKernel, { bind: all, params: { ...given, scale }, grid: [1, 1, 1] });
    }
    const losses = reduction === "none" ? y : device.empty([rows]);
    const { kernel, grid } = rowsOf(device, crossEntropyKernels, rows, columns);
    device.run(kernel, {
      bind: { ...all, y: losses },
      params: given,
      grid,
    });
    if (reduction === "none") return;
    sumInto(y, losses, [0], { scale });
  },
  constantInputs: [1, 2],
  constantOutputs: [1],
  saves: () => ({ inputs: [0, 1, 2], outputs: [1] }),
  backward: (call) => {
    const x = call.input(0);
    const weights = call.optionalInput(2);
    const [rows, columns] = x.shape;
    const { reduction, smoothing, ignored = -1 } = call.attrs;
    const dx = x.device.empty(x.shape);
    x.device.run(crossEntropyGradKernel, {
      bind: { x, labels: call.input(1), weights, dy: call.grads[0]!, lse_in: call.output(1), y: dx },
      params: {
        rows,
        columns,
        has_weights: Number(weights !== null),
        per_row: Number(reduction === "none"),
        scale: reduction === "mean" ? 1 / Math.max(1, rows) : 1,
        smoothing,
        ignored,
      },
      grid: x.device.grid(x.size, GROUP),
    });
    return [dx, null, null];
  },
  samples: () =>
    ([
      [1, 1, false, 0.3],
      [5, 41, false, 0],
      [6, 41, false, 0.1],
      [7, 3, true, 0],
      [3, 130, true, 0.25],
      [0, 4, false, 0],
      [8, 3, false, 0.1, 1],
    ] as const).flatMap(([n, c, weighted, smoothing, ignored = -1]) =>
      (["mean", "sum", "none"] as const).map((reduction) => ({
        inputs: [
          { shape: [n, c], range: [-6, 6] as const },
          { shape: [n], dtype: "i32" as const, range: [ignored < 0 ? -1 : 0, c] as const },
          weighted ? { shape: [n], range: [0, 1] as const } : null,
        ],
        attrs: { reduction, smoothing, ignored },
      }))
    ),
  bad: [{
    inputs: [{ shape: [3, 4] }, { shape: [2], dtype: "i32" }, null],
    attrs: { reduction: "mean", smoothing: 0 },
    message: /want labels/,
  }, {
    inputs: [{ shape: [3, 4] }, { shape: [3], dtype: "i32" }, null],
    attrs: { reduction: "mean", smoothing: 1.5 },
    message: /smoothing is between 0 and 1/,
  }],
});

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** A factor for each row, [N]; carries no gradient. */
  readonly weights?: Tensor;
  /** Default `mean`: the sum over rows divided by N. */
  readonly reduction?: Reduction;
  /**
   * Share s in [0, 1] of the target that is spread evenly over all classes, its own included, default 0 (Szegedy et al.,
   * "Rethinking the Inception architecture", CVPR 2016, section 7): the target is 1 − s + s/C at the label, s/C elsewhere.
   */
  readonly labelSmoothing?: number;
  /** The label of rows that cost nothing; default −1. */
  readonly ignoreIndex?: number;
}

const CROSS_ENTROPY: NamesOf<CrossEntropyOptions> = {
  weights: true,
  reduction: true,
  labelSmoothing: true,
  ignoreIndex: true,
};

/**
 * Softmax cross-entropy of logits [N, C] against labels i32 [N], fused. A row whose label is `ignoreIndex` costs
 * nothing but still counts in N; any other label outside 0..C−1 makes the next reading throw {@link IndexError}. Throws
 * {@link ShapeError} for a `labelSmoothing` outside [0, 1].
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { crossEntropy, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * // Logits without preference among two classes; the label −1 costs nothing.
 * const logits = device.zeros([3, 2]), labels = device.tensor(Int32Array.of(0, 1, -1));
 * const losses = await crossEntropy(logits, labels, { reduction: "none" }).data();
 * ok(losses.every((loss, i) => Math.abs(loss - [Math.LN2, Math.LN2, 0][i]) < 1e-6));
 * ok(Math.abs(await crossEntropy(logits, labels).item() - 2 / 3 * Math.LN2) < 1e-6);
 * ```
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  expectOptions("crossEntropy", options, CROSS_ENTROPY);
  const { reduction = "mean", weights = null, labelSmoothing: smoothing = 0, ignoreIndex: ignored = -1 } = options;
  expectOneOf("crossEntropy", "reduction", reduction, REDUCTIONS);
  expectNumber("crossEntropy", "labelSmoothing", smoothing);
  const [loss, lse] = crossEntropyOp([logits, labels, weights], { reduction, smoothing, ignored });
  lse.dispose();
  return loss;
}

const exampleOp = defineOp<{ readonly least: number }>({
  name: "exampleWeights",
  family: "loss",
  infer: ([logits, labels, factors]) => {
    expectDType("exampleWeights", "logits", logits!, "f32");
    expectDType("exampleWeights", "labels", labels!, "i32");
    const [rows] = logits!.shape;
    const fits = logits!.shape.length === 2 && logits!.shape[1] > 0 && sameShape(labels!.shape, [rows]) &&
      (!factors || sizeOf(factors.shape) === rows);
    if (!fits) {
      const found = [labels, factors].flatMap((t) => t ? [formatShape(t.shape)] : []).join(" and ");
      throw new ShapeError(
        `exampleWeights: logits ${formatShape(logits!.shape)} want labels [N] and N factors, got ${found}`,
      );
    }
    return [{ shape: [rows], dtype: "f32" }];
  },
  forward: ([x, labels, factors], { least }, [y], device) => {
    const [rows, columns] = x!.shape;
    device.run(exampleKernel, {
      bind: { x: x!, labels: labels!, weights: factors ?? null, y },
      params: { rows, columns, ...PLAIN, has_weights: Number(factors != null), scale: least },
      grid: [rows === 0 ? 0 : 1, 1, 1],
    });
  },
  backward: { nondifferentiable: "weights of examples are constants of the loss" },
  samples: () =>
    ([[1, 1, false], [5, 41, true], [19, 7, false], [9, 130, true], [0, 3, false]] as const).map(([n, c, factors]) => ({
      inputs: [
        { shape: [n, c], range: [-4, 4] },
        { shape: [n], dtype: "i32", range: [-1, c] },
        factors ? { shape: [n, 1], range: [0.1, 1] } : null,
      ],
      attrs: { least: 0.5 },
    })),
  bad: [{
    inputs: [{ shape: [3, 4] }, { shape: [2], dtype: "i32" }, null],
    attrs: { least: 0 },
    message: /want labels/,
  }],
});

/**
 * Weights of examples, [N], larger for those with a low probability p of their label: max(1 − p, `least`), times `factors` [N] or
 * [N, 1] where these are given, divided by their sum, or by 1e-14 where that is less. p is the softmax of logits [N, C] at the label, 0 for a label outside
 * 0..C−1. Carries no gradient.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, exampleWeights } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * // Probabilities of the labels 3/4 and 1/4.
 * const logits = device.tensor([[Math.log(3), 0], [Math.log(3), 0]]), labels = device.tensor(Int32Array.of(0, 1));
 * const weights = await exampleWeights(logits, labels, { least: 0 }).data();
 * ok(weights.every((w, i) => Math.abs(w - [0.25, 0.75][i]) < 1e-6));
 * ```
 */
export function exampleWeights(
  logits: Tensor,
  labels: Tensor,
  options: { readonly least?: number; readonly factors?: Tensor | null } = {},
): Tensor {
  for (const t of [logits, labels]) expectTensor("exampleWeights", t);
  expectOptions("exampleWeights", options, { least: true, factors: true });
  const { least = 0, factors = null } = options;
  expectNumber("exampleWeights", "least", least);
  return exampleOp([logits, labels, factors], { least })[0];
}

const bceOp = defineOp<{ readonly reduction: Reduction }>({
  name: "bceWithLogits",
  family: "loss",
  infer: ([x, t], { reduction }) => {
    expectDType("bceWithLogits", "logits", x!, "f32");
    expectDType("bceWithLogits", "targets", t!, "f32");
    if (!sameShape(x!.shape, t!.shape)) {
      throw new ShapeError(
        `bceWithLogits: logits ${formatShape(x!.shape)} and targets ${formatShape(t!.shape)} differ`,
      );
    }
    return [{ shape: reduction === "none" ? x!.shape : [] as Shape, dtype: "f32" }];
  },
  forward: ([x, t], { reduction }, [y], device) => {
    const losses = reduction === "none" ? y : device.empty(x!.shape);
    device.run(bceKernel, {
      bind: { x: x!, t: t!, y: losses },
      params: { count: x!.size, per_element: 0, scale: 1 },
      grid: device.grid(x!.size, GROUP),
    });
    if (reduction === "none") return;
    const scale = reduction === "mean" && x!.size > 0 ? 1 / x!.size : 1;
    sumInto(y, reshape(losses, [x!.size]), [0], { scale });
  },
  constantInputs: [1],
  saves: () => ({ inputs: [0, 1] }),
  backward: (call) => {
    const x = call.input(0);
    const dx = x.device.empty(x.shape);
    const { reduction } = call.attrs;
    x.device.run(bceGradKernel, {
      bind: { x, t: call.input(1), dy: call.grads[0]!, y: dx },
      params: {
        count: x.size,
        per_element: Number(reduction === "none"),
        scale: reduction === "mean" ? 1 / Math.max(1, sizeOf(x.shape)) : 1,
      },
      grid: x.device.grid(x.size, GROUP),
    });
    return [dx, null];
  },
  samples: () =>
    ([[1], [7, 5], [0]] as const).flatMap((shape) =>
      (["mean", "sum", "none"] as const).map((reduction) => ({
        inputs: [{ shape, range: [-6, 6] as const }, { shape, range: [0, 1] as const }],
        attrs: { reduction },
      }))
    ),
  bad: [{ inputs: [{ shape: [3] }, { shape: [4] }], attrs: { reduction: "mean" }, message: /differ/ }],
});

/**
 * Binary cross-entropy of logits against targets in [0, 1] of the same shape; targets carry no gradient.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { bceWithLogits, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const logits = device.tensor([0, 100, 100]), targets = device.tensor([1, 1, 0]);
 * const losses = await bceWithLogits(logits, targets, { reduction: "none" }).data();
 * ok(losses.every((loss, i) => Math.abs(loss - [Math.LN2, 0, 100][i]) < 1e-4));
 * ```
 */
export function bceWithLogits(
  logits: Tensor,
  targets: Tensor,
  options: { readonly reduction?: Reduction } = {},
): Tensor {
  expectOptions("bceWithLogits", options, { reduction: true });
  const { reduction = "mean" } = options;
  expectOneOf("bceWithLogits", "reduction", reduction, REDUCTIONS);
  return bceOp([logits, targets], { reduction })[0];
}
