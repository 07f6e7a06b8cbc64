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
export {
  Adam,
  type AdamOptions,
  type AdapterChoice,
  type AdapterInfo,
  type CapturedStep,
  CapturePool,
  type ContextOptions,
  Device,
  DeviceLostError,
  type DeviceOptions,
  type DispatchParams,
  DisposedError,
  type DType,
  DTypeError,
  EngineError,
  GradientError,
  Graph,
  type GraphData,
  type HostArray,
  /** Kernels of one's own: WGSL texts run on tensors by `device.run`. */
  type Kernel,
  kernel,
  KernelError,
  type KernelInterface,
  type KernelRun,
  type KernelSet,
  type KernelTraits,
  type MatmulOptions,
  type MemoryInfo,
  type NamedParameter,
  type Nested,
  NoAdapterError,
  type Operand,
  Optimiser,
  type OptimiserOptions,
  OutOfMemoryError,
  type ParamField,
  type ProductShape,
  type ReduceOptions,
  type Relation,
  type Schedule,
  schedules,
  Scope,
  SGD,
  type ShaderText,
  type Shape,
  ShapeError,
  type SparseParts,
  type SparseTensors,
  StaticGraph,
  type StorageBinding,
  Tensor,
  type TensorMeta,
  type Tiling,
  type Tilings,
  type Triple,
  type TunedOp,
  type TunedTiling,
  type TypedArray,
  type Unused,
} from "./engine/mod.ts";
/** Ops as functions on tensors: `ops.conv2d`, `ops.softmax`, … */
export * as ops from "./engine/ops/mod.ts";
/** Layers, modules and initialisers. */
export * as nn from "./engine/nn/mod.ts";
/** Named tensors to and from safetensors files. */
export * as checkpoint from "./engine/checkpoint.ts";
/** Data sets of image regions, loaders, knowledge graphs. */
export * as datasets from "./datasets/mod.ts";
/** Models, their metrics and weights. */
export * as models from "./model/mod.ts";
