/** Options that all checks share, and the devices that they run on. */
import { ArgumentError } from "../base/errors.ts";
import { expectOneOf, expectSize } from "../base/given.ts";
import { Device } from "../device.ts";
import { isDevice } from "../friends.ts";
import { CHECK_NAMES, type CheckName } from "./checks/names.ts";
import { CheckError, type CheckReport } from "./checks/report.ts";
import { checkSubject } from "./checks/run.ts";
import type { Subject } from "./checks/subject.ts";

/** Options that all checks share. */
export interface OwnOptions {
  /** Device to run on; default one that is opened for it. */
  readonly device?: Device;
  /** Checks to run; default all but `tilings`. */
  readonly checks?: readonly CheckName[];
  /** Decides which numbers are drawn; default 1. */
  readonly seed?: number;
}

/** Their names. */
export const OWN = { device: true, checks: true, seed: true } as const;

/** Kernel sets; a kernel that is none of the engine's is run in the first. */
const SETS = ["cpu", "gpu"] as const;

/**
 * Checks what `subject` gives on some devices, or on those of so many kernel sets that are opened for it; throws a
 * {@link CheckError} where anything is wrong.
 */
export async function checkOn(
  devices: readonly Device[] | null,
  sets: number,
  checks: readonly CheckName[] | undefined,
  subject: () => Subject,
): Promise<readonly CheckReport[]> {
  const reports: CheckReport[] = [], options = checks === undefined ? {} : { checks };
  for (const device of devices ?? []) reports.push(await checkSubject(device, subject(), options));
  for (const kernels of devices ? [] : SETS.slice(0, sets)) {
    await using device = await Device.open({ kernels });
    reports.push(await checkSubject(device, subject(), options));
  }
  if (reports.some(({ faults }) => faults.length > 0)) throw new CheckError(reports);
  return reports;
}

/** Throws where shared options are not what they should be. */
export function expectOwn(where: string, { device, checks, seed }: OwnOptions): void {
  if (device !== undefined && !isDevice(device)) {
    throw new ArgumentError(`${where}: the device is one that Device.open() gives`);
  }
  if (checks !== undefined && !Array.isArray(checks)) {
    throw new ArgumentError(`${where}: checks are a list of names: ${CHECK_NAMES.join(", ")}`);
  }
  for (const name of checks ?? []) expectOneOf(where, "a check", name, CHECK_NAMES);
  if (seed !== undefined) expectSize(where, "the seed", seed, 0);
}
