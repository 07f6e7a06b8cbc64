/**
 * The engine's own access to tensors, scopes and devices: what its files need of them and users do not. The classes keep it
 * `#private` and hand it over once, where they are defined, so that none of it stands on their face. This file imports
 * nothing at run time, so it can be reached from inside the circle of tensors, tape and ops.
 */
import type { GradNode } from "./autograd/tape.ts";
import type { Device } from "./device.ts";
import type { DType } from "./dtype.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Scope } from "./scope.ts";
import type { Shape } from "./shape.ts";
import type { Storage } from "./storage.ts";
import type { Tensor } from "./tensor.ts";
import type { Tuning } from "./tuning/table.ts";

/** Given by `tensor.ts`. */
export interface TensorFriends {
  /** A tensor on `storage`, or on fresh memory; the innermost open scope owns it. */
  readonly makeTensor: (device: Device, shape: Shape, dtype: DType, storage?: Storage) => Tensor;
  /** Memory under a tensor; shared by reshapes. */
  readonly storageOf: (tensor: Tensor) => Storage;
  /** Frees a tensor that its scope has let go of already. */
  readonly release: (tensor: Tensor) => void;
  /** Gives ownership to `scope`, or to nobody but the caller. */
  readonly moveTo: (tensor: Tensor, scope: Scope | undefined) => void;
  /** Throws `DisposedError` naming `op` when the tensor is gone. */
  readonly assertAlive: (tensor: Tensor, op: string) => void;
  /** The node that made a tensor; none for leaves. */
  readonly nodeOf: (tensor: Tensor) => GradNode | undefined;
  /** The number of a tensor among its node's outputs. */
  readonly outputIndexOf: (tensor: Tensor) => number;
  /** Links a tensor to the node that made it. */
  readonly attach: (tensor: Tensor, node: GradNode, index: number) => void;
  /** Sets the gradient; the tensor takes charge of it. */
  readonly setGrad: (tensor: Tensor, grad: Tensor) => void;
  /** Entries of the first axis that the collected gradient is about, for a bank of which a step may use a part; null for all. */
  readonly gradEntriesOf: (tensor: Tensor) => ReadonlySet<number> | null;
  /** Notes that a gradient of these entries was collected; null for all. */
  readonly noteGrad: (tensor: Tensor, entries: readonly number[] | null) => void;
}

/** Given by `scope.ts`. */
export interface ScopeFriends {
  /** Opens a scope on top of `stack`. */
  readonly openScope: (stack: Scope[]) => Scope;
  /** Puts a tensor in a scope's charge. */
  readonly own: (scope: Scope, tensor: Tensor) => void;
  /** Takes a tensor out of a scope's charge without disposing it. */
  readonly disown: (scope: Scope, tensor: Tensor) => void;
}

/** Given by `device.ts`. */
export interface DeviceFriends {
  /** The device as `gpu/` knows it: buffers, kernels, counts, timings. */
  readonly contextOf: (device: Device) => GpuContext;
  /** Every tensor not yet disposed. */
  readonly liveTensorsOf: (device: Device) => Set<Tensor>;
  /** Measured tilings of products. */
  readonly tuningOf: (device: Device) => Tuning;
  /** Replaces the measured tilings. */
  readonly setTuning: (device: Device, tuning: Tuning) => void;
}

export let makeTensor: TensorFriends["makeTensor"];
export let storageOf: TensorFriends["storageOf"];
export let release: TensorFriends["release"];
export let moveTo: TensorFriends["moveTo"];
export let assertAlive: TensorFriends["assertAlive"];
export let nodeOf: TensorFriends["nodeOf"];
export let outputIndexOf: TensorFriends["outputIndexOf"];
export let attach: TensorFriends["attach"];
export let setGrad: TensorFriends["setGrad"];
export let gradEntriesOf: TensorFriends["gradEntriesOf"];
export let noteGrad: TensorFriends["noteGrad"];

/** Called once, by the class {@link Tensor}. */
export function befriendTensors(friends: TensorFriends): void {
  ({
    makeTensor,
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

export let openScope: ScopeFriends["openScope"];
export let own: ScopeFriends["own"];
export let disown: ScopeFriends["disown"];

/** Called once, by the class {@link Scope}. */
export function befriendScopes(friends: ScopeFriends): void {
  ({ openScope, own, disown } = friends);
}

export let contextOf: DeviceFriends["contextOf"];
export let liveTensorsOf: DeviceFriends["liveTensorsOf"];
export let tuningOf: DeviceFriends["tuningOf"];
export let setTuning: DeviceFriends["setTuning"];

/** Called once, by the class {@link Device}. */
export function befriendDevices(friends: DeviceFriends): void {
  ({ contextOf, liveTensorsOf, tuningOf, setTuning } = friends);
}

/** A tensor of a tensor's shape on other memory, or on the same, that no scope owns and no record follows. */
export function aliasOf(tensor: Tensor, storage: Storage = storageOf(tensor), dtype: DType = tensor.dtype): Tensor {
  return makeTensor(tensor.device, tensor.shape, dtype, storage.retain()).unscoped();
}
