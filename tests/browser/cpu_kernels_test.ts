/** The kernels for CPUs, by the browser's compiler. */
import { testKernels } from "./samples.ts";

testKernels("cpu");
