/**
 * Checks for whoever writes an op or a kernel.
 *
 * @module
 */
export { type Checked, gradcheck, type GradcheckOptions, type GradcheckReport } from "./gradcheck.ts";
