/** Losses of the roll-out: hard examples weigh more (papers/iterative-reasoning.md#hard-examples). */
import { crossEntropy, exampleWeights, oneHot, reshape, softmax, type Tensor } from "../../../engine/mod.ts";
import type { RealRegions } from "../regions.ts";

const EPSILON = 1e-14;

/**
 * Weight of each region, [R]: max(1 − q, β) with q the probability `previous` [R, C] logits give the true class, divided by
 * their sum, of N images by N times the sum of their own; 0 for padding. Carries no gradient.
 */
export function hardExampleWeights(
  previous: Tensor,
  labels: Tensor,
  beta: number,
  real: RealRegions | null = null,
): Tensor {
  const images = real?.images ?? 1;
  // Elsewhere runs keep the bits that they began with.
  if (previous.device.kernels === "gpu" && images === 1) {
    return exampleWeights(previous, labels, { least: beta, factors: real && real.mask });
  }
  return previous.device.noGrad(() => {
    const truth = softmax(previous).mul(oneHot(labels, previous.shape[1])).sum(1);
    const weights = truth.neg().add(1).maximum(beta);
    const raw = real ? weights.mul(reshape(real.mask, weights.shape)) : weights;
    if (images === 1) return raw.div(raw.sum().maximum(EPSILON));
    const each = reshape(raw, [images, raw.size / images]);
    return reshape(each.div(each.sum(1, { keepDims: true }).maximum(EPSILON)).div(images), raw.shape);
  });
}

/** Σ_r w_r CE(f_r): the loss of one prediction whose predecessor was `previous`. */
export function hardExampleLoss(
  logits: Tensor,
  labels: Tensor,
  previous: Tensor,
  beta: number,
  real: RealRegions | null = null,
): Tensor {
  return crossEntropy(logits, labels, { weights: hardExampleWeights(previous, labels, beta, real), reduction: "sum" });
}
