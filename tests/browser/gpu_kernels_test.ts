/** The kernels for GPUs, by the browser's compiler. */
import { testKernels } from "./samples.ts";

testKernels("gpu");
