/**
 * Winners that need no tuning first: none, for the rules hold them. Those in `engine/ops/lib/blocks.ts` for llvmpipe (Mesa 22.3.6,
 * two cores) are what two tunings of the models' 58 sizes agreed on; where they did not, one kernel differed from itself
 * between the two by up to 2.5 times. Those in `engine/ops/lib/tiles.ts` for NVIDIA's GPUs and all others come from reasoning, not
 * from measuring, until `itera tune` or the `tune` phase of `bench/gpu.sh` has run there.
 */
import type { TunedTiling } from "./table.ts";

/** In the form of a tuning file's winners. */
export const SHIPPED: readonly TunedTiling[] = [];
