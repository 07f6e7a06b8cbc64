/** Gradient of an epilogue activation from the activated output. */
import text from "../../../shaders/activation_grad.wgsl" with { type: "text" };
import { kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../tensor.ts";
import { type Activation, activationLibs, ACTIVATIONS, GROUP, indexLib, vec4Lib } from "./library.ts";

const gradKernel = kernel("activation_grad", indexLib, vec4Lib, ...activationLibs, {
  file: "activation_grad.wgsl",
  text,
});

/**
 * dz = dy · act′(z) · scale, where y = act(z) and `scale`, if given, has one factor per channel (the last axis, a multiple
 * of 4 then). y may be null when there is no activation.
 */
export function activationGrad(
  activation: Activation,
  y: Tensor | null,
  dy: Tensor,
  scale: Tensor | null = null,
): Tensor {
  const dz = dy.device.empty(dy.shape);
  const count = Math.ceil(dy.size / 4);
  dy.device.run(gradKernel, {
    bind: { y, dy, scale, dz },
    params: { count, channels4: scale ? scale.size / 4 : 1 },
    constants: { ACTIVATION: ACTIVATIONS[activation], HAS_SCALE: Number(scale !== null) },
    grid: dy.device.grid(count, GROUP),
  });
  return dz;
}
