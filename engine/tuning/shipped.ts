/**
 * Winners that need no tuning first. There are none for any GPU: none was measured on one, and the rules in
 * `engine/ops/tiles.ts`, which come from reasoning alone, choose there until `itera tune` has run.
 */
import type { TunedCut } from "./table.ts";

/** What `itera tune` wrote on the adapters that were at hand. */
export const SHIPPED: readonly TunedCut[] = [];
