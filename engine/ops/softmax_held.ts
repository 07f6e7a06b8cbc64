/** Softmax of rows that fit into the registers of a team of invocations, on GPUs; see `shaders/softmax_held.wgsl`. */
import teamsText from "../../shaders/lib/teams.wgsl" with { type: "text" };
import text from "../../shaders/softmax_held.wgsl" with { type: "text" };
import { powerAbove } from "../buckets.ts";
import type { Device } from "../device.ts";
import { declareKernel, type Kernel, type ShaderText } from "../gpu/kernel.ts";
import type { Tensor } from "../tensor.ts";
import { byValues, mayRun } from "./lib/choice.ts";
import { nanLib, scalarLib, type ValueKernels, vec4Lib } from "./lib/library.ts";

/** `team_max` and `team_sum` of the invocations that share a row. */
export const teamsLib: ShaderText = { file: "lib/teams.wgsl", text: teamsText };
const part = { file: "softmax_held.wgsl", text };

/** The kernels of rows that lie in registers between their one load and their one store, for single numbers and for fours. */
export function heldKernels(entry: string): ValueKernels {
  const of = (value: ShaderText): Kernel => declareKernel(entry, { kernelSet: "gpu" }, value, nanLib, teamsLib, part);
  return { scalar: of(scalarLib), vec4: of({ ...vec4Lib, variant: "vec4" }) };
}

/** Values that an invocation holds, and invocations of a workgroup. */
const HELD = 8, LANES = 256;

/** Runs rows that fit into registers, on GPUs; else false. */
export function runHeld(
  device: Device,
  which: ValueKernels,
  bind: Readonly<Record<"x" | "y", Tensor> & Partial<Record<"dy", Tensor>>>,
  constants: Readonly<Record<string, number>>,
): boolean {
  const { size, shape } = bind.x, columns = shape.at(-1)!, rows = size / columns;
  const { kernel, per } = byValues(device, which, columns % 4 === 0);
  const team = Math.max(1, powerAbove(columns / per) / HELD);
  if (device.kernels !== "gpu" || team > LANES || !mayRun(device, kernel)) return false;
  device.run(kernel, {
    bind,
    params: { rows, columns: columns / per },
    constants: { ...constants, TEAM: team, FOURS: Number(per === 4) },
    grid: device.grid(rows, LANES / team),
  });
  return true;
}
