/** WGSL library files that kernels lean on. */
import activationText from "../../../shaders/lib/activation.wgsl" with { type: "text" };
import bilinearText from "../../../shaders/lib/bilinear.wgsl" with { type: "text" };
import broadcastText from "../../../shaders/lib/broadcast.wgsl" with { type: "text" };
import epilogueText from "../../../shaders/lib/epilogue.wgsl" with { type: "text" };
import indexText from "../../../shaders/lib/index.wgsl" with { type: "text" };
import nanText from "../../../shaders/lib/elementwise/nan.wgsl" with { type: "text" };
import powerText from "../../../shaders/lib/elementwise/power.wgsl" with { type: "text" };
import randomText from "../../../shaders/lib/random.wgsl" with { type: "text" };
import risingText from "../../../shaders/lib/elementwise/rising.wgsl" with { type: "text" };
import rowAloneText from "../../../shaders/lib/row_alone.wgsl" with { type: "text" };
import rowGroupText from "../../../shaders/lib/row_group.wgsl" with { type: "text" };
import scalarText from "../../../shaders/lib/scalar.wgsl" with { type: "text" };
import sigmoidText from "../../../shaders/lib/sigmoid.wgsl" with { type: "text" };
import vec4Text from "../../../shaders/lib/vec4.wgsl" with { type: "text" };
import { expectOneOf } from "../../base/given.ts";
import { type Kernel, kernel, type ShaderText } from "../../gpu/kernel.ts";
import { numbered } from "../../gpu/wgsl.ts";

/** `linear_index` of folded one-dimensional dispatches. */
export const indexLib: ShaderText = { file: "lib/index.wgsl", text: indexText };
/** `broadcast_offset`. */
export const broadcastLib: ShaderText = { file: "lib/broadcast.wgsl", text: broadcastText };
/** `power` and `logarithm` of fours. */
export const powerLib: ShaderText = { file: "lib/elementwise/power.wgsl", text: powerText };
/** `threefry`, `unit_float`. */
export const randomLib: ShaderText = { file: "lib/random.wgsl", text: randomText };
/** `Value` and `Word`, single ones. */
export const scalarLib: ShaderText = { file: "lib/scalar.wgsl", text: scalarText };
/** `Value` and `Word`, four neighbours. */
export const vec4Lib: ShaderText = { file: "lib/vec4.wgsl", text: vec4Text };
/** `larger`, `or_nan` and `sign_of` of `Value`s, by which NaN is kept. */
export const nanLib: ShaderText = { file: "lib/elementwise/nan.wgsl", text: nanText };
/** `rising`, a word that orders numbers, and `rising_word` by the constant TYPE, one of {@link TYPES}. */
export const risingLib: ShaderText = { file: "lib/elementwise/rising.wgsl", text: risingText };
/** Numbers of the element types, as the shader has them. */
export const TYPES: Readonly<Record<"f32" | "i32" | "u32", number>> = (({ float, signed, unsigned }) => ({
  f32: float,
  i32: signed,
  u32: unsigned,
}))(numbered(risingText, "float", "signed", "unsigned"));
/** `sigmoid` and `bounded_tanh` of a `Value`. */
export const sigmoidLibs: readonly ShaderText[] = [nanLib, { file: "lib/sigmoid.wgsl", text: sigmoidText }];
/** `Sample`s of a `Value` between cells. */
export const bilinearLib: ShaderText = { file: "lib/bilinear.wgsl", text: bilinearText };
/** `activate` of a `Value`, chosen by the constant ACTIVATION. */
export const activationLibs: readonly ShaderText[] = [
  ...sigmoidLibs,
  { file: "lib/activation.wgsl", text: activationText },
];
/** `epilogue` of a `Value`, by the constants HAS_SCALE, HAS_BIAS, HAS_RESIDUAL and ACTIVATION. */
export const epilogueLibs: readonly ShaderText[] = [
  ...activationLibs,
  { file: "lib/epilogue.wgsl", text: epilogueText },
];

/** Kernels for single numbers and for four neighbours. */
export type ValueKernels = Readonly<Record<"scalar" | "vec4", Kernel>>;

/** One text on `Value` as two kernels: for single numbers, and for four neighbours where an axis is a multiple of four. */
export function valueKernels(entry: string, ...parts: readonly ShaderText[]): ValueKernels {
  return { scalar: kernel(entry, scalarLib, ...parts), vec4: kernel(entry, { ...vec4Lib, variant: "vec4" }, ...parts) };
}

/** A walk along a row by one invocation; wants `Value`. */
export const rowAloneLib: ShaderText = { file: "lib/row_alone.wgsl", text: rowAloneText };
/** A walk along a row by a workgroup. */
export const rowGroupLib: ShaderText = { file: "lib/row_group.wgsl", text: rowGroupText };

/** Kernels of which an invocation has a row, and a workgroup has a row. */
export type RowKernels = Readonly<Record<"alone" | "group", Kernel>>;

/** One text that walks along rows of single numbers as two kernels: an invocation to a row, and a workgroup to a row. */
export function rowKernels(entry: string, ...parts: readonly ShaderText[]): RowKernels {
  return {
    alone: kernel(entry, scalarLib, nanLib, rowAloneLib, ...parts),
    group: kernel(entry, scalarLib, nanLib, { ...rowGroupLib, variant: "group" }, ...parts),
  };
}

/** Name of an epilogue activation. */
export type Activation = "none" | "relu" | "tanh" | "sigmoid";

/** Activations an epilogue can apply. */
export const ACTIVATIONS: Readonly<Record<Activation, number>> = numbered(
  activationText,
  "none",
  "relu",
  "tanh",
  "sigmoid",
);

/** Throws {@link ArgumentError} unless an activation, where one is given, is one that an epilogue can apply. */
export function expectActivation(op: string, activation: unknown): void {
  if (activation !== undefined) expectOneOf(op, "activation", activation, Object.keys(ACTIVATIONS));
}

/** `checked_index`, which notes indices out of range for the next reading. */
export { indexFaultsLib } from "../../gpu/index_faults.ts";

/** Invocations of a one-dimensional workgroup, as written in the shaders. */
export const GROUP = 64;
