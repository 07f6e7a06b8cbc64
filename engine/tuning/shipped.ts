/**
 * Winners that need no tuning first: none. On llvmpipe (Mesa 22.3.6, two cores) nothing beat the rules for register blocks in
 * `engine/ops/blocks.ts` at any of the models' 35 smaller sizes; those for shared ones have not been put to that test. For
 * NVIDIA's GPUs and all others the rules in `engine/ops/tiles.ts` choose until `itera tune` has run: they come from
 * reasoning, not from measuring.
 */
import type { TunedCut } from "./table.ts";

/** In the form of a tuning file's winners. */
export const SHIPPED: readonly TunedCut[] = [];
