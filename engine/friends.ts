/**
 * The engine's own access to tensors, scopes and devices: what its files need of them and users do not. The classes keep it
 * `#private` and hand it over once, where they are defined, so that none of it stands on their face. This file imports
 * nothing at run time, so it can be reached from inside the circle of tensors, tape and ops.
 */
import type { GradNode } from "./autograd/tape.ts";
import type { Device } from "./device.ts";
import type { DType } from "./dtype.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Scope, ScopeStack } from "./scope.ts";
import type { Shape } from "./shape.ts";
import type { Storage } from "./storage.ts";
import type { Tensor } from "./tensor.ts";
import type { Tuning } from "./tuning/table.ts";

/** A tensor on `storage`, or on fresh memory; the innermost open scope owns it. */
export let makeTensor: (device: Device, shape: Shape, dtype: DType, storage?: Storage) => Tensor;
/** True for a tensor. */
export let isTensor: (value: unknown) => value is Tensor;
/** Memory under a tensor; shared by reshapes. */
export let storageOf: (tensor: Tensor) => Storage;
/** Frees a tensor that its scope has let go of already. */
export let release: (tensor: Tensor, by?: "a held scope") => void;
/** Gives ownership to `scope`, or to nobody but the caller. */
export let moveTo: (tensor: Tensor, scope: Scope | undefined) => void;
/** Throws `DisposedError` naming `op` when the tensor is gone. */
export let assertAlive: (tensor: Tensor, op: string) => void;
/** The node that made a tensor; none for leaves. */
export let nodeOf: (tensor: Tensor) => GradNode | undefined;
/** The number of a tensor among its node's outputs. */
export let outputIndexOf: (tensor: Tensor) => number;
/** Links a tensor to the node that made it. */
export let attach: (tensor: Tensor, node: GradNode, index: number) => void;
/** Sets the gradient; the tensor takes charge of it. */
export let setGrad: (tensor: Tensor, grad: Tensor) => void;
/** Entries of the first axis that the collected gradient is about, for a bank of which a step may use a part; null for all. */
export let gradEntriesOf: (tensor: Tensor) => ReadonlySet<number> | null;
/** Notes that a gradient of these entries was collected; null for all. */
export let noteGrad: (tensor: Tensor, entries: readonly number[] | null) => void;

/** Takes what `tensor.ts` gives, once. */
export function befriendTensors(friends: {
  readonly makeTensor: typeof makeTensor;
  readonly isTensor: typeof isTensor;
  readonly storageOf: typeof storageOf;
  readonly release: typeof release;
  readonly moveTo: typeof moveTo;
  readonly assertAlive: typeof assertAlive;
  readonly nodeOf: typeof nodeOf;
  readonly outputIndexOf: typeof outputIndexOf;
  readonly attach: typeof attach;
  readonly setGrad: typeof setGrad;
  readonly gradEntriesOf: typeof gradEntriesOf;
  readonly noteGrad: typeof noteGrad;
}): void {
  ({
    makeTensor,
    isTensor,
    storageOf,
    release,
    moveTo,
    assertAlive,
    nodeOf,
    outputIndexOf,
    attach,
    setGrad,
    gradEntriesOf,
    noteGrad,
  } = friends);
}

/** Opens a scope on top of `stack`. */
export let openScope: (stack: ScopeStack) => Scope;
/** The same for what an op makes on the way to its results. */
export let openTemporaryScope: (stack: ScopeStack) => Scope;
/** True for such a scope. */
export let isTemporary: (scope: Scope) => boolean;
/** A scope that is on top of `stack` while its `run` runs, and only then. */
export let openFlow: (stack: ScopeStack) => Scope;
/** Puts a tensor in a scope's charge. */
export let own: (scope: Scope, tensor: Tensor) => void;
/** Takes a tensor out of a scope's charge without disposing it. */
export let disown: (scope: Scope, tensor: Tensor) => void;

/** Takes what `scope.ts` gives, once. */
export function befriendScopes(friends: {
  readonly openScope: typeof openScope;
  readonly openTemporaryScope: typeof openTemporaryScope;
  readonly isTemporary: typeof isTemporary;
  readonly openFlow: typeof openFlow;
  readonly own: typeof own;
  readonly disown: typeof disown;
}): void {
  ({ openScope, openTemporaryScope, isTemporary, openFlow, own, disown } = friends);
}

/** True for a device. */
export let isDevice: (value: unknown) => value is Device;
/** The device as `gpu/` knows it: buffers, kernels, counts, timings. */
export let contextOf: (device: Device) => GpuContext;
/** The open scopes. */
export let scopesOf: (device: Device) => ScopeStack;
/** Every tensor not yet disposed. */
export let liveTensorsOf: (device: Device) => Set<Tensor>;
/** Measured tilings of products. */
export let tuningOf: (device: Device) => Tuning;
/** Replaces the measured tilings. */
export let setTuning: (device: Device, tuning: Tuning) => void;
/** Leaves out kernels of these forms, and of no others. */
export let refuse: (device: Device, forms: ReadonlySet<string>) => void;

/** Takes what `device.ts` gives, once. */
export function befriendDevices(friends: {
  readonly isDevice: typeof isDevice;
  readonly contextOf: typeof contextOf;
  readonly scopesOf: typeof scopesOf;
  readonly liveTensorsOf: typeof liveTensorsOf;
  readonly tuningOf: typeof tuningOf;
  readonly setTuning: typeof setTuning;
  readonly refuse: typeof refuse;
}): void {
  ({ isDevice, contextOf, scopesOf, liveTensorsOf, tuningOf, setTuning, refuse } = friends);
}

/** A tensor of a tensor's shape on other memory, or on the same, that no scope owns and no record follows. */
export function aliasOf(tensor: Tensor, storage: Storage = storageOf(tensor), dtype: DType = tensor.dtype): Tensor {
  return makeTensor(tensor.device, tensor.shape, dtype, storage.retain()).unscoped();
}
