/** Prints what was timed: a table of times, and what is known of the kernels. */
import type { Device } from "../../engine/device.ts";
import { fact, line, member, table } from "../terminal/output.ts";
import type { Facts } from "./facts.ts";
import type { Limits } from "./measure.ts";
import type { InTurns, Spread } from "./turns.ts";

/** One size with its times. */
export interface Timed extends InTurns, Facts {
  readonly title: string;
}

const three = (value: number): string => String(Number(value.toPrecision(3)));

/** A median with its quartiles. */
function words({ median, low, high }: Spread): string {
  return `${three(median)} (${three(low)}–${three(high)})`;
}

/** The share of a device's limits that a run of so many ms reaches, whichever is nearer. */
export function shareOf({ flops, bytes }: Facts, ms: number, { compute, bandwidth }: Limits): number {
  return Math.max((flops ?? 0) / compute, bytes / bandwidth) / ms;
}

/** Prints times of today's kernels, and of `against` where there is such. */
export function showTimes(device: Device, limits: Limits, timed: readonly Timed[], against: string | null): void {
  fact("device", device.title);
  fact(
    "limits, measured",
    `${three(limits.compute / 1e6)} GFLOP/s (best product, ${limits.side} × ${limits.side}), ${
      three(limits.bandwidth / 1e6)
    } GB/s (copy)`,
  );
  const others = against === null ? [] : [`${against}, ms`, `${against} / today's`];
  if (timed.length > 0) {
    table({
      title: "medians, and quartiles in brackets",
      columns: ["size", "ms", ...others, "GFLOP/s", "MB", "GB/s", "of limit"],
      rows: timed.map((one) => {
        const { title, own, other, ratio, flops, bytes } = one, ms = own.median;
        return [
          title,
          words(own),
          ...other && ratio ? [words(other), `${words(ratio)}`] : [],
          flops === null ? "not known" : three(flops / ms / 1e6),
          three(bytes / 1e6),
          three(bytes / ms / 1e6),
          `${(100 * shareOf(one, ms, limits)).toFixed(0)} %`,
        ];
      }),
    });
  }
  const kernels = new Map(
    timed.flatMap(({ kernels }) => kernels.map((own) => [`${own.kernel} ${own.constants}`, own])),
  );
  for (const { kernel, constants, workgroupBytes } of kernels.values()) {
    const bytes = workgroupBytes === null ? "not known" : `${workgroupBytes} bytes`;
    line(`${kernel}${constants ? ` (${constants})` : ""}: ${bytes} of workgroup memory; registers not known`);
  }
  member("timed", timed.map((one) => ({ ...one, share: shareOf(one, one.own.median, limits) })));
  member("limits", limits);
  member("against", against);
}
