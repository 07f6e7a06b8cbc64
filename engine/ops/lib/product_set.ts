/** The set whose kernels compute a product or a convolution. */
import type { Device } from "../../device.ts";
import { contextOf } from "../../friends.ts";
import type { KernelSet } from "../../gpu/adapter.ts";
import { blocksOf, type TunedOp } from "../../tuning/table.ts";
import { LANES, SHARED_COLUMNS } from "./blocks.ts";
import { mayTile } from "./choice.ts";

/** The device's own set, else the other where none of its own kernels may run; null where none of either may. */
export function productSet(device: Device, op: TunedOp): KernelSet | null {
  const own = device.kernels;
  if (contextOf(device).refused.size === 0) return own;
  const runs = (set: KernelSet): boolean =>
    blocksOf(set, op).some((block) => {
      const lanes = set === "cpu" && SHARED_COLUMNS.includes(block.columns);
      return (!lanes || device.info.lanes === LANES) && mayTile(device, op, { ...block, splitK: 1 }, set);
    });
  const other = own === "gpu" ? "cpu" : "gpu";
  return runs(own) ? own : runs(other) ? other : null;
}
