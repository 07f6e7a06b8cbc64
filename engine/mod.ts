/**
 * The engine's public face: tensors with autograd on WebGPU, ops, layers, optimisers and safetensors files. Ops and layers
 * stand here by name, and together as `ops` and `nn`.
 *
 * @module
 */
export {
  type CapturedStep,
  CapturePool,
  Device,
  type DeviceOptions,
  type KernelRun,
  type MemoryInfo,
  type Nested,
} from "./device.ts";
export { StepCache, type StepCacheOptions } from "./step_cache.ts";
export { type ContextOptions } from "./gpu/context.ts";
export { type AdapterChoice, type AdapterInfo, type KernelSet } from "./gpu/adapter.ts";
/** Kernels of one's own: WGSL texts run on tensors by `device.run`. */
export { kernel } from "./kernel.ts";
export type { Kernel, ShaderText } from "./gpu/kernel.ts";
/** Ops of one's own. */
export {
  type BackwardCall,
  type BadSample,
  defineOp,
  type LaterUses,
  type Op,
  type OpSpec,
  type Sample,
  type SampleInput,
} from "./op.ts";
export { type Operand, Tensor, type TensorMeta } from "./tensor.ts";
export { Scope } from "./scope.ts";
export { type DType, type HostArray, type TypedArray } from "./dtype.ts";
export { type Shape } from "./shape.ts";
export { Graph, type GraphData, type Relation, StaticGraph, type Triple } from "./sparse.ts";
export * from "./base/errors.ts";
export * from "./ops/mod.ts";
/** Ops as functions on tensors: `ops.conv2d`, `ops.softmax`, … */
export * as ops from "./ops/mod.ts";
export * from "./nn/mod.ts";
/** Layers, modules and initialisers. */
export * as nn from "./nn/mod.ts";
export * from "./optim/mod.ts";
/** Optimisers and schedules of their rates. */
export * as optim from "./optim/mod.ts";
export {
  type LoadOptions,
  loadTensors,
  type NamedTensors,
  readSafetensors,
  saveTensors,
  tensorsOf,
} from "./checkpoint.ts";
/** Named tensors to and from safetensors files. */
export * as checkpoint from "./checkpoint.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type EncodeSafetensorsOptions,
  type Safetensors,
  type SafetensorsArray,
  type SafetensorsDType,
  SafetensorsError,
  type SafetensorsTensor,
} from "./safetensors.ts";
