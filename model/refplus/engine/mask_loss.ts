/** The soft Dice loss, and overlaps of masks. */
import { concat, div, greater, maximum, reshape, sigmoid, split, sub, type Tensor } from "../../../engine/mod.ts";

/** 1 where the second score is larger: [N, H, W, 2] → f32 [N, H, W] of 0 and 1. */
export function foreground(scores: Tensor): Tensor {
  const [n, h, w] = scores.shape;
  const [background, object] = split(scores, [1, 1], 3);
  return reshape(greater(object, background).cast("f32"), [n, h, w]);
}

/** Probability of foreground for each pixel: the second of two scores' softmax, [N, H, W, 2] → [N, H, W, 1]. */
export function probability(scores: Tensor): Tensor {
  const [background, object] = split(scores, [1, 1], 3);
  return sigmoid(sub(object, background));
}

/**
 * Soft Dice loss of each sample (Milletari, Navab and Ahmadi, "V-Net", 3DV 2016): 1 − (2 Σ pt + 1) / (Σ p + Σ t + 1), where p
 * is the probability of foreground. Scores [N, H, W, 2], masks t [N, pixels] → [N].
 */
export function diceLoss(scores: Tensor, masks: Tensor): Tensor {
  const likely = reshape(probability(scores), masks.shape);
  const both = likely.mul(masks).sum(1).mul(2).add(1), either = likely.sum(1).add(masks.sum(1)).add(1);
  return div(both, either).mul(-1).add(1);
}

/** Pixels in both masks and in either: two of [N, pixels] → [N, 2]. */
export function overlap(a: Tensor, b: Tensor): Tensor {
  return concat([a.mul(b).sum(1, { keepDims: true }), maximum(a, b).sum(1, { keepDims: true })], 1);
}
