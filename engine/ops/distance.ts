/** Losses of regression: squared and absolute distances from targets. */
import text from "../../shaders/distance.wgsl" with { type: "text" };
import { expectOneOf, expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { numbered } from "../gpu/wgsl.ts";
import { defineOp, expectDType } from "../op.ts";
import { formatShape, sameShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { reshape } from "./layout.ts";
import { GROUP, indexLib, nanLib, scalarLib } from "./lib/library.ts";
import { sumInto } from "./reduce.ts";
import { type Reduction, REDUCTIONS } from "./softmax.ts";

const parts = [indexLib, scalarLib, nanLib, { file: "distance.wgsl", text }] as const;
const distanceKernel = kernel("distance_of", ...parts);
const gradKernel = kernel("distance_grad", ...parts);

const DISTANCES = numbered(text, "squared", "absolute");

/** Options of {@link mseLoss} and {@link l1Loss}. */
export interface DistanceOptions {
  /** Default `mean`: the sum divided by the number of elements. */
  readonly reduction?: Reduction;
}

function define(name: string, distance: keyof typeof DISTANCES) {
  const constants = { OP: DISTANCES[distance] };
  const op = defineOp<{ readonly reduction: Reduction }>({
    name,
    family: "loss",
    infer: ([x, t], { reduction }) => {
      expectDType(name, "predictions", x!, "f32");
      expectDType(name, "targets", t!, "f32");
      if (!sameShape(x!.shape, t!.shape)) {
        throw new ShapeError(
          `${name}: predictions ${formatShape(x!.shape)} and targets ${
            formatShape(t!.shape)
          } differ; reshape one of them`,
        );
      }
      return [{ shape: reduction === "none" ? x!.shape : [] as Shape, dtype: "f32" }];
    },
    forward: ([x, t], { reduction }, [y], device) => {
      const { size, shape } = x!, losses = reduction === "none" ? y : device.empty(shape);
      device.run(distanceKernel, {
        bind: { x: x!, t: t!, y: losses },
        params: { count: size, per_element: 0, scale: 1 },
        constants,
        grid: device.grid(size, GROUP),
      });
      if (reduction === "none") return;
      sumInto(y, reshape(losses, [size]), [0], { scale: reduction === "mean" ? 1 / Math.max(1, size) : 1 });
    },
    saves: () => ({ inputs: [0, 1] }),
    backward: (call) => {
      const x = call.input(0), { device, size, shape } = x, { reduction } = call.attrs;
      const scale = reduction === "mean" ? 1 / Math.max(1, size) : 1;
      const towards = (sign: 1 | -1): Tensor => {
        const dx = device.empty(shape);
        device.run(gradKernel, {
          bind: { x, t: call.input(1), dy: call.grads[0]!, y: dx },
          params: { count: size, per_element: Number(reduction === "none"), scale: sign * scale },
          constants,
          grid: device.grid(size, GROUP),
        });
        return dx;
      };
      return [call.needs[0] ? towards(1) : null, call.needs[1] ? towards(-1) : null];
    },
    samples: () =>
      ([[], [1], [7, 5], [1031], [0, 3]] as const).flatMap((shape) =>
        (["mean", "sum", "none"] as const).map((reduction) => ({
          inputs: [{ shape, range: [-2, 2] as const }, { shape, range: [-2, 2] as const }],
          attrs: { reduction },
        }))
      ),
    bad: [{ inputs: [{ shape: [3, 1] }, { shape: [3] }], attrs: { reduction: "mean" }, message: /differ/ }],
  });
  return (x: Tensor, targets: Tensor, options: DistanceOptions = {}): Tensor => {
    expectOptions(name, options, { reduction: true });
    const { reduction = "mean" } = options;
    expectOneOf(name, "reduction", reduction, REDUCTIONS);
    return op([x, targets], { reduction })[0];
  };
}

/**
 * Mean of (prediction − target)² over all elements, or their sum, or each; both of one shape. Gradients go to both.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { Device, mseLoss } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * strictEqual(await mseLoss(device.tensor([1, 2]), device.tensor([0, 5])).item(), 5);
 * ```
 */
export const mseLoss: (predictions: Tensor, targets: Tensor, options?: DistanceOptions) => Tensor = define(
  "mseLoss",
  "squared",
);

/**
 * Mean of |prediction − target| over all elements, or their sum, or each; both of one shape. Gradients go to both, and are 0
 * where they are equal.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { Device, l1Loss } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * strictEqual(await l1Loss(device.tensor([1, 2]), device.tensor([0, 5]), { reduction: "sum" }).item(), 4);
 * ```
 */
export const l1Loss: (predictions: Tensor, targets: Tensor, options?: DistanceOptions) => Tensor = define(
  "l1Loss",
  "absolute",
);
