/** The loss of one prediction for the regions of images. */
import { crossEntropy, type Tensor } from "../../engine/mod.ts";
import type { RealRegions } from "./regions.ts";

/**
 * Mean cross-entropy over the regions of logits [R, C] against `labels` i32 [R], of several images the mean of theirs; `real` says
 * which are no padding.
 */
export function regionLoss(logits: Tensor, labels: Tensor, real: RealRegions | null): Tensor {
  return real ? crossEntropy(logits, labels, { weights: real.share, reduction: "sum" }) : crossEntropy(logits, labels);
}
