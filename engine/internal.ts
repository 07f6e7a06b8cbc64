/** Parts of the engine for this project's models and trainers, beside its public face; no promise to anybody else. */
export { bucketSize, EXACT_UP_TO } from "./buckets.ts";
export { contextOf } from "./friends.ts";
export { type TimedDispatch } from "./gpu/dispatch_timer.ts";
export { flopsOf } from "./gpu/flops.ts";
export { readTensors } from "./nn/named_values.ts";
export { UNUSED } from "./optim/optim.ts";
export { withUpdateCounts } from "./optim/state.ts";
export { checkSafetensors, firstNonFinite } from "./safetensors.ts";
export { sameShape } from "./shape.ts";
export { winogradWanted } from "./tuning/known.ts";
