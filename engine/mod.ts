/** The engine's public face; the library's `mod.ts` re-exports it. */
export {
  type CapturedStep,
  CapturePool,
  Device,
  type DeviceOptions,
  type KernelRun,
  type MemoryInfo,
  type Nested,
} from "./device.ts";
export { type ContextOptions } from "./gpu/context.ts";
export { type AdapterChoice, type AdapterInfo, type KernelSet } from "./gpu/adapter.ts";
export {
  type DispatchParams,
  type Kernel,
  kernel,
  type KernelTraits,
  type ShaderText,
  type Tilings,
} from "./gpu/kernel.ts";
export { type KernelInterface, type ParamField, type StorageBinding } from "./gpu/wgsl.ts";
export { type ProductShape, type Tiling, type TunedOp, type TunedTiling } from "./tuning/table.ts";
export { type Operand, Tensor, type TensorMeta } from "./tensor.ts";
export { Scope } from "./scope.ts";
export { type DType, type HostArray, type TypedArray } from "./dtype.ts";
export { type Shape } from "./shape.ts";
export {
  Graph,
  type GraphData,
  type Relation,
  type SparseParts,
  type SparseTensors,
  StaticGraph,
  type Triple,
} from "./sparse.ts";
export * from "./base/errors.ts";
export * from "./ops/mod.ts";
export * from "./nn/mod.ts";
export * from "./optim/optim.ts";
export { type LoadOptions, loadTensors, type NamedTensors, saveTensors, tensorsOf } from "./checkpoint.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type Safetensors,
  type SafetensorsArray,
  type SafetensorsDType,
  SafetensorsError,
  type SafetensorsTensor,
} from "./safetensors.ts";
