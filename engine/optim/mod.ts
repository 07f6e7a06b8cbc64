/** Optimisers and schedules of their rates. */
export { Adam, type AdamOptions, AdamW, type AdamWOptions } from "./adam.ts";
export { type GradientMean, GradientSum } from "./gradient_sum.ts";
export {
  type NonFinite,
  Optimiser,
  Optimiser as Optimizer,
  type OptimiserOptions,
  type OptimizerOptions,
  type Unused,
} from "./optim.ts";
export { type Schedule, schedules } from "./schedules.ts";
export { SGD } from "./sgd.ts";
