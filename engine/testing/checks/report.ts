/** Results of checks, for programs and in words. */
import { EngineError } from "../../base/errors.ts";
import type { KernelSet } from "../../gpu/adapter.ts";
import type { KernelLine } from "../../gpu/kernel.ts";
import { type Compared, compared } from "./compare.ts";
import type { CheckName } from "./names.ts";

/** A fault that a check found. */
export interface CheckFault {
  /** Name of the check. */
  readonly check: CheckName;
  /** The case that shows it; none where it is about all. */
  readonly sample: string | null;
  /** In words. */
  readonly text: string;
  /** The line of a shader that it is at, where that is known. */
  readonly place: KernelLine | null;
}

/** One case, and how far its results are from what they should be. */
export interface SampleReport {
  /** Inputs and attributes in words. */
  readonly sample: string;
  /** The check by whose name it fails where it is off. */
  readonly check: CheckName;
  /** Its results beside those that they should be. */
  readonly compared: Compared;
}

/** Results of all checks of an op or a kernel, in one kernel set. */
export interface CheckReport {
  /** Name of the op, kernel or function. */
  readonly subject: string;
  /** Kernel set of the device that it ran on. */
  readonly kernels: KernelSet;
  /** Checks that ran. */
  readonly checks: readonly CheckName[];
  /** Every case that was compared. */
  readonly samples: readonly SampleReport[];
  /** Empty where all is well. */
  readonly faults: readonly CheckFault[];
  /** Remarks on parts that could not be looked at. */
  readonly remarks: readonly string[];
}

/**
 * An op, a kernel or a function fails a check: {@link checkOp}, {@link checkKernel} and {@link checkFunction} throw it, with
 * all faults in its message.
 *
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { CheckError, checkFunction } from "@itera/itera/testing";
 *
 * const text = "fn half(x: f32) -> f32 { return 0.49 * x; }";
 * await rejects(checkFunction({ file: "half.wgsl", text }, "half", {
 *   ranges: [[1, 2]],
 *   reference: (x) => x / 2,
 *   ulps: 1,
 * }), CheckError);
 * ```
 */
export class CheckError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "CheckError";
  /** Results of all checks. */
  readonly reports: readonly CheckReport[];

  /** With the faults of `reports` as its message. */
  constructor(reports: readonly CheckReport[]) {
    super(reports.flatMap((report) => report.faults.length > 0 ? [faultsIn(report)] : []).join("\n"));
    this.reports = reports;
  }
}

/** A fault in one line. */
export function faultLine({ check, sample, text, place }: CheckFault): string {
  const line = place ? `${place.file}:${place.line}: ${place.text === "" ? "" : `\`${place.text}\`: `}` : "";
  return `${check}: ${line}${text}${sample ? ` (${sample})` : ""}`;
}

/** Faults of a report, a line each. */
export function faultsIn({ subject, kernels, faults }: CheckReport): string {
  return [`${subject} (${kernels} kernels):`, ...faults.map((fault) => `  ${faultLine(fault)}`)].join("\n");
}

/** A sample in one line. */
export function sampleLine({ sample, compared: own }: SampleReport): string {
  return `${sample}: ${compared(own)}`;
}
