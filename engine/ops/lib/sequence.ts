/** Kernels that fill fresh tensors with even steps, or with the identity matrix. */
import text from "../../../shaders/sequence.wgsl" with { type: "text" };
import { expectNumber, expectOneOf } from "../../base/given.ts";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import type { Device } from "../../device.ts";
import { type DType, DTYPES, hostArray } from "../../dtype.ts";
import { kernel } from "../../gpu/kernel.ts";
import { checkShape } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { GROUP, indexLib } from "./library.ts";

const parts = [indexLib, { file: "sequence.wgsl", text }] as const;
const stepsKernel = kernel("steps", ...parts);
const wholeStepsKernel = kernel("whole_steps", ...parts);
const identityKernel = kernel("identity", ...parts);

const NONE = { columns: 1, first: 0, step: 0, first_bits: 0, step_bits: 0, one: 0 };

function refuseHalf(op: string, dtype: DType): void {
  expectOneOf(op, "dtype", dtype, DTYPES);
  if (dtype === "f16") throw new DTypeError(`${op}: f16 is for storage; cast() an f32 tensor to it`);
}

/** start, start + step, … before stop. */
export function arange(device: Device, start: number, stop: number, step: number, dtype: DType): Tensor {
  refuseHalf("arange", dtype);
  for (const [what, value] of Object.entries({ start, stop, step })) expectNumber("arange", what, value);
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!Number.isSafeInteger(count)) throw new ShapeError(`arange: steps of ${step} from ${start} do not reach ${stop}`);
  if (dtype !== "f32" && !(Number.isInteger(start) && Number.isInteger(step))) {
    throw new DTypeError(`arange: steps of ${step} from ${start} are no whole numbers; dtype ${dtype} holds no others`);
  }
  const y = device.empty([count], dtype), whole = dtype !== "f32";
  device.run(whole ? wholeStepsKernel : stepsKernel, {
    bind: whole ? { words: y } : { y },
    params: { ...NONE, count, first: start, step, first_bits: start, step_bits: step },
    grid: device.grid(count, GROUP),
  });
  return y;
}

/** Ones on the diagonal of a matrix. */
export function identity(device: Device, rows: number, columns: number, dtype: DType): Tensor {
  refuseHalf("eye", dtype);
  checkShape("eye", [rows, columns]);
  const y = device.empty([rows, columns], dtype);
  device.run(identityKernel, {
    bind: { words: y },
    params: { ...NONE, count: y.size, columns, one: new Uint32Array(hostArray(dtype, [1]).buffer)[0] },
    grid: device.grid(y.size, GROUP),
  });
  return y;
}
