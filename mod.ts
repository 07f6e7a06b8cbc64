/**
 * Itera: a WebGPU tensor engine with autograd for Deno, and models that reason about images on it.
 *
 * ```ts
 * import { Device, ops } from "./mod.ts";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const w = device.randn([3, 2], { seed: 1 });
 * w.requiresGrad = true;
 * const loss = ops.crossEntropy(device.ones([4, 3]).matmul(w), device.tensor(new Int32Array([0, 1, 0, 1])));
 * loss.backward();
 * console.log(await loss.item(), await w.grad?.data());
 * ```
 *
 * @module
 */
export { type Captured, CaptureMemory, Device, type KernelRun, type MemoryInfo, type Nested } from "./engine/device.ts";
export type { DeviceOptions } from "./engine/gpu/context.ts";
export type { Cut, ProductShape, TunedCut, TunedOp } from "./engine/tuning/table.ts";
export type { AdapterChoice, AdapterInfo, Profile } from "./engine/gpu/adapter.ts";
export { type Operand, Tensor, type TensorMeta } from "./engine/tensor.ts";
export {
  Graph,
  type GraphData,
  GraphSlots,
  type Relation,
  type SparseParts,
  type SparseTensors,
  type Triple,
} from "./engine/sparse.ts";
export { Scope } from "./engine/scope.ts";
export type { DType, HostArray, TypedArray } from "./engine/dtype.ts";
export type { Shape } from "./engine/shape.ts";
export {
  DeviceLostError,
  DisposedError,
  DTypeError,
  EngineError,
  GradientError,
  KernelError,
  NoAdapterError,
  OutOfMemoryError,
  ShapeError,
} from "./engine/base/errors.ts";
export type { MatmulOptions, ReduceOptions } from "./engine/ops/mod.ts";
export type { NamedParameter } from "./engine/nn/layers.ts";
/** Kernels of one's own: WGSL texts run on tensors by `device.run`. */
export { type Kernel, kernel, type ShaderText } from "./engine/gpu/kernel.ts";
export type { KernelInterface, ParamField, StorageBinding } from "./engine/gpu/wgsl.ts";
/** Ops as functions on tensors: `ops.conv2d`, `ops.softmax`, … */
export * as ops from "./engine/ops/mod.ts";
/** Layers, modules and initialisers. */
export * as nn from "./engine/nn/mod.ts";
export {
  Adam,
  type AdamOptions,
  Optimiser,
  type OptimiserOptions,
  type Schedule,
  schedules,
  SGD,
} from "./engine/optim/optim.ts";
/** Named tensors to and from safetensors files. */
export * as checkpoint from "./engine/checkpoint.ts";
/** Data sets of image regions, loaders, knowledge graphs. */
export * as datasets from "./datasets/mod.ts";
/** Models, their metrics and weights. */
export * as models from "./model/mod.ts";
