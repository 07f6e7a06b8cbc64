/** Prints what checks found, and what they cover. */
import { type CheckName, CHECKS } from "../../engine/testing/checks/names.ts";
import { type CheckReport, faultLine, sampleLine } from "../../engine/testing/checks/report.ts";
import { line, lines } from "../terminal/output.ts";

/** Checks of a report that passed, and that failed. */
export function counts({ checks, faults }: CheckReport): { readonly passed: number; readonly failed: number } {
  const failed = new Set(faults.map(({ check }) => check)).size;
  return { passed: checks.filter((name) => !faults.some(({ check }) => check === name)).length, failed };
}

/** Prints a report: every sample with its worst number, then what is wrong. */
export function show(report: CheckReport): void {
  const { subject, kernels, checks, samples, faults, remarks } = report, { passed, failed } = counts(report);
  line(`${subject}, ${kernels} kernels: ${samples.length} samples, ${passed} of ${passed + failed} checks pass`);
  for (const sample of samples) line(`  ${sampleLine(sample)}`);
  line(`  passed: ${checks.filter((name) => !faults.some(({ check }) => check === name)).join(", ")}`);
  for (const fault of faults) lines(`  FAILED ${faultLine(fault)}`);
  for (const remark of remarks) line(`  not looked at: ${remark}`);
}

/** Prints the list of checks with what each covers. */
export function showChecks(): void {
  const width = Math.max(...Object.keys(CHECKS).map((name) => name.length));
  for (const name of Object.keys(CHECKS) as CheckName[]) line(`${name.padEnd(width)}  ${CHECKS[name]}`);
}
