/** Kernels that compute wrong numbers with an adapter's driver, as `itera doctor --kernels` found them. */
import { host } from "../host.ts";

/** A kernel that is left out. */
export interface RefusedKernel {
  /** Vendor, architecture, description and kernel set. */
  readonly adapter: string;
  /** Version of its driver, with which the entry counts; empty where it could not be known, and then with any. */
  readonly driver: string;
  /** Form of the kernel; see `formOf`. */
  readonly kernel: string;
  /** The sample that showed it. */
  readonly sample: string;
  /** The fault in words. */
  readonly fault: string;
}

/** True for an entry as a file may hold it. */
export function isRefusedKernel(x: unknown): x is RefusedKernel {
  const one = (x ?? {}) as Partial<Record<keyof RefusedKernel, unknown>>;
  return [one.adapter, one.driver, one.kernel, one.sample, one.fault].every((text) => typeof text === "string") &&
    one.kernel !== "";
}

/** Version of the driver of an adapter of that description; empty where it cannot be known. */
export function driverOf({ description }: { readonly description: string }): string {
  return host.driverVersion(description) ?? "";
}

/**
 * Forms of the kernels that are left out on an adapter (as `adapterKey` names it). An entry is void once its driver is known to be
 * of another version; where that cannot be known it counts, for wrong numbers are worse than slow ones.
 */
export function refusedOn(
  refused: readonly RefusedKernel[],
  adapter: string,
  info: { readonly description: string },
): ReadonlySet<string> {
  const own = refused.filter((entry) => entry.adapter === adapter);
  // The driver is asked only where something depends on it.
  const driver = own.some((entry) => entry.driver !== "") ? driverOf(info) : "";
  const counts = own.filter((entry) => entry.driver === "" || driver === "" || entry.driver === driver);
  return new Set(counts.map(({ kernel }) => kernel));
}

let shown = "";

/** Says once which kernels are left out. */
export function sayRefused(refused: ReadonlySet<string>): void {
  const names = [...refused].sort().join(", ");
  if (names === "" || names === shown) return;
  shown = names;
  host.warn(
    `left out with this driver, for the wrong numbers that \`itera doctor --kernels\` found: ${names}`,
  );
}
