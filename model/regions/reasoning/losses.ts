/** Losses of the roll-out: hard examples weigh more (papers/iterative-reasoning.md#hard-examples). */
import { crossEntropy, exampleWeights, oneHot, reshape, softmax, type Tensor } from "../../../engine/mod.ts";
import type { RealRegions } from "../regions.ts";

const EPSILON = 1e-14;

/**
 * Weight of each region, [R]: max(1 − q, β) with q the probability `previous` [R, C] logits give the true class, divided by
 * their sum; 0 for padding. Carries no gradient.
 */
export function hardExampleWeights(
  previous: Tensor,
  labels: Tensor,
  beta: number,
  real: RealRegions | null = null,
): Tensor {
  // Elsewhere runs keep the bits that they began with.
  if (previous.device.kernels === "gpu") {
    return exampleWeights(previous, labels, { least: beta, factors: real && real.mask });
  }
  return previous.device.noGrad(() => {
    const truth = softmax(previous).mul(oneHot(labels, previous.shape[1])).sum(1);
    const weights = truth.neg().add(1).maximum(beta);
    const raw = real ? weights.mul(reshape(real.mask, weights.shape)) : weights;
    return raw.div(raw.sum().maximum(EPSILON));
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
