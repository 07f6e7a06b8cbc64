/** What this project's models and trainers need of the engine beside its public face; no promise to anybody else. */
export { bucketSize, EXACT_UP_TO } from "./buckets.ts";
export { type TimedDispatch } from "./gpu/dispatch_timer.ts";
export { flopsOf } from "./gpu/flops.ts";
export { withUpdateCounts } from "./optim/state.ts";
export { sameShape } from "./shape.ts";
export { StepCache, type StepCacheOptions } from "./step_cache.ts";
