/** Settings that runs of every kind have. */
import { z } from "../../engine/base/packages/zod.ts";
import { winogradWanted } from "../../engine/internal.ts";
import { Device, type DeviceOptions } from "../../engine/mod.ts";

/** Ways in which a run computes its 3 × 3 convolutions: Winograd's where it is faster, or direct sums everywhere. */
export const CONVOLUTIONS = ["winograd", "direct"] as const;

/** One of {@link CONVOLUTIONS}. */
export type Convolutions = typeof CONVOLUTIONS[number];

/** The setting, which decides the last bits. Runs of before it was one have direct convolutions. */
export const convolutionsSchema = z.enum(CONVOLUTIONS).default("direct").describe(
  "3 × 3 convolutions: by Winograd's way where it is faster, or direct everywhere; decides their last bits",
);

/** A new run's, unless its settings say otherwise: `winograd`, or `direct` where `ITERA_WINOGRAD` is `none`. */
export function newConvolutions(): Convolutions {
  return winogradWanted() ? "winograd" : "direct";
}

/** Opens a device that computes as a run's settings say, by the adapter's kernels or by those of the set given. */
export function openDevice(
  { adapter, convolutions }: Required<Pick<DeviceOptions, "adapter">> & { readonly convolutions: Convolutions },
  { kernels }: { readonly kernels?: DeviceOptions["kernels"] | undefined } = {},
): Promise<Device> {
  return Device.open({ adapter, winograd: convolutions === "winograd", ...kernels && { kernels } });
}

/** Settings that every run has. */
export interface RunConfig {
  /** Kind of the run; see `RunKind`. */
  readonly kind: string;
  /** Version that began the run. */
  readonly version: string;
  readonly seed: number;
  /** The way in which 3 × 3 convolutions are computed. */
  readonly convolutions: Convolutions;
  /** Updates in all. */
  readonly steps: number;
  /** Losses are read from the device and recorded every so many steps. */
  readonly displayEvery: number;
  /** Held-out data is measured every so many steps, and at the end; never where it is absent or null. */
  readonly validateEvery?: number | null;
  /** Choice of the best checkpoint; absent where a kind of run keeps none. */
  readonly validation?: {
    /** Measure of a validation by which the best checkpoint is kept; null keeps none. */
    readonly metric: string | null;
    /** Validations in a row without a better one after which the run ends; null never ends it. */
    readonly patience: number | null;
  };
  readonly checkpointEvery: number;
  /** Newest checkpoints kept. */
  readonly checkpointKeep: number;
}
