/** The engine's public face, re-exported by the library's `mod.ts`. */
export {
  type Captured,
  CaptureMemory,
  Device,
  type DeviceOptions,
  type KernelRun,
  type MemoryInfo,
  type Nested,
} from "./device.ts";
export { type AdapterChoice, type AdapterInfo, type Profile } from "./gpu/adapter.ts";
export { type Operand, Tensor, type TensorMeta } from "./tensor.ts";
export { Scope } from "./scope.ts";
export { type DType, type HostArray, type TypedArray } from "./dtype.ts";
export { type Shape } from "./shape.ts";
export * from "./base/errors.ts";
export * from "./ops/mod.ts";
export * from "./nn/mod.ts";
export * from "./optim/optim.ts";
export { withUpdateCounts } from "./optim/state.ts";
export { type LoadOptions, loadTensors, type NamedTensors, saveTensors, tensorsOf } from "./checkpoint.ts";
