/**
 * Checks for whoever writes an op, a kernel or a WGSL function: against float64, in known memory, at odd sizes, for races. They run
 * in any repository, under `deno test` or by themselves, and need no files of this one.
 *
 * @module
 */
import "../ops/mod.ts";

export { type Checked, gradcheck, type GradcheckOptions, type GradcheckReport } from "./gradcheck.ts";
export { checkFunction, type CheckFunctionOptions, type FunctionValue } from "./function.ts";
export { checkKernel, type CheckKernelOptions } from "./kernel.ts";
export { checkOp, type CheckOpOptions, type ReferenceValues } from "./op.ts";
export type { OwnOptions } from "./on_device.ts";
export type { KernelCheck, KernelInput, ReferenceInput, Sized } from "./checks/kernel_subject.ts";
export type { CheckName } from "./checks/names.ts";
export { CHECKS } from "./checks/names.ts";
export { CheckError, type CheckFault, type CheckReport, type SampleReport } from "./checks/report.ts";
export type { Compared, Worst } from "./checks/compare.ts";
export type { KernelLine } from "../gpu/kernel.ts";
