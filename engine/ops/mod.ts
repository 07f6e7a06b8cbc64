/** Every op, as functions on tensors. */
export { abs, clamp, exp, log, neg, reciprocal, relu, sigmoid, sign, sqrt, square, tanh } from "./unary.ts";
export { cos, sin } from "./trigonometric.ts";
export { erf, gelu, type GeluOptions, leakyRelu, silu } from "./activation_functions.ts";
export { addRelu } from "./add_relu.ts";
export { weightedSum } from "./weighted_sum.ts";
export { add, div, maximum, minimum, mul, pow, sub } from "./binary.ts";
export { floorDiv, mod } from "./integer.ts";
export { equal, greater, greaterEqual, less, lessEqual, notEqual, where } from "./compare.ts";
export { cast } from "./cast.ts";
export { concat, pad, type PadWidths, reshape, slice, tile, transpose } from "./layout.ts";
export { flip, squeeze, stack, unsqueeze } from "./axes.ts";
export { split } from "./split.ts";
export { lstm, lstmCell, type LSTMStates, lstmSteps } from "./lstm.ts";
export { einsum } from "./einsum.ts";
export { mean, sum } from "./reduce.ts";
export { type Axes, type ReduceOptions } from "./lib/reduce.ts";
export { argmax, argmin, max, min } from "./extremes.ts";
export { prod } from "./prod.ts";
export { std, variance, type VarianceOptions } from "./moments.ts";
export { cumsum } from "./scan.ts";
export { type Topk, topk, type TopkOptions } from "./topk.ts";
export { linear, type LinearOptions, matmul, type MatmulOptions } from "./matmul.ts";
export { type Activation } from "./lib/library.ts";
export {
  bceWithLogits,
  crossEntropy,
  type CrossEntropyOptions,
  exampleWeights,
  logSoftmax,
  type Reduction,
  softmax,
} from "./softmax.ts";
export { type DistanceOptions, l1Loss, mseLoss } from "./distance.ts";
export { conv2dBank, type Conv2dBankOptions } from "./conv_bank.ts";
export { conv2d, conv2dDataGrad, type Conv2dOptions, conv2dWeightGrad } from "./conv.ts";
export { type Padding, type Pair, type Sides } from "./lib/window.ts";
export { avgPool2d, maxPool2d, type Pool2dOptions } from "./pool2d.ts";
export { batchNorm, batchNormInference, type BatchNormResult } from "./norm.ts";
export { groupNorm, layerNorm, type LayerNormOptions } from "./row_norm.ts";
export { dropout, type DropoutOptions } from "./dropout.ts";
export { cropAndResize, type CropAndResizeOptions } from "./crop_and_resize.ts";
export { embedding, gather, oneHot } from "./gather.ts";
export { scatter, type ScatterOptions } from "./scatter.ts";
export { resizeBilinear, type ResizeMode } from "./resize.ts";
export { roiAlign, type RoiAlignOptions } from "./roi_align.ts";
export { type CellWeights, gruCell } from "./gru.ts";
export { convGru, type ConvGruWeights } from "./conv_gru.ts";
export { convGruJoined, type JoinedOptions, type JoinedWeights } from "./conv_gru_joined.ts";
export { type PasteOptions, pasteRegions } from "./paste_regions.ts";
export { propagate } from "./propagate.ts";
