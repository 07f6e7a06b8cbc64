/** The tensor: an immutable shape over device memory, with the record of how it was made. */
import type { Device } from "./device.ts";
import { bytesOf, type DType, dtypeOfArray, type HostArray, hostArray, type TypedArray } from "./dtype.ts";
import { DisposedError, DTypeError, GradientError, ShapeError } from "./base/errors.ts";
import * as ops from "./ops/mod.ts";
import type { Scope } from "./scope.ts";
import { formatShape, sameShape, type Shape, sizeOf } from "./shape.ts";
import { Storage } from "./storage.ts";
import { backward, type GradNode } from "./autograd/tape.ts";

/** Shape and element type, without data. */
export interface TensorMeta {
  /** Extents, outermost axis first. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
}

/** A tensor or a plain number, where broadcasting makes both meaningful. */
export type Operand = Tensor | number;

/**
 * An n-dimensional array on a device: row-major and contiguous, channels last. Its shape never changes; ops make new
 * tensors and never consume their arguments. Free it by a scope, by `using`, or by {@link Tensor.dispose}.
 */
export class Tensor implements TensorMeta, Disposable {
  /** The device that holds it. */
  readonly device: Device;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  /**
   * Memory under it; shared by reshapes.
   * @internal
   */
  readonly storage: Storage;
  #owner: Scope | undefined;
  #disposed = false;
  #requiresGrad = false;
  #node: GradNode | undefined;
  #nodeIndex = 0;
  #grad: Tensor | null = null;
  /** Nothing noted while undefined. */
  #gradEntries: Set<number> | null | undefined;

  /** Use `device.tensor`, `device.zeros` and their like. */
  constructor(device: Device, shape: Shape, dtype: DType, storage?: Storage) {
    this.device = device;
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.storage = storage ?? new Storage(device.gpu, this.size * bytesOf(dtype));
    device.registry.add(this);
    this.#owner = device.currentScope;
    this.#owner?.own(this);
  }

  // ---- data ----------------------------------------------------------------------------------------------------------

  /** Reads the elements, row-major. Reads asked for in the same turn share one wait (about 10 ms at least). */
  async data<D extends DType = "f32">(): Promise<HostArray[D]> {
    this.assertAlive("data");
    if (this.size === 0) return hostArray(this.dtype, 0) as HostArray[D];
    const bytes = await this.device.gpu.read(this.storage.buffer, this.size * bytesOf(this.dtype));
    return hostArray(this.dtype, bytes) as HostArray[D];
  }

  /** Reads the one element; throws {@link ShapeError} when there is not exactly one. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(`item: a tensor of shape ${formatShape(this.shape)} has ${this.size} elements`);
    }
    return (await this.data())[0];
  }

  /** Replaces the elements, in stream order: work already recorded still sees the old ones. */
  write(data: TypedArray): void {
    this.assertAlive("write");
    if (dtypeOfArray(data) !== this.dtype) {
      throw new DTypeError(`write: a ${dtypeOfArray(data)} array into a tensor of dtype ${this.dtype}`);
    }
    if (data.length !== this.size) {
      throw new ShapeError(`write: ${data.length} elements into a tensor of shape ${formatShape(this.shape)}`);
    }
    this.device.gpu.upload(this.storage.buffer, data);
    this.storage.version++;
  }

  /** Replaces the elements by those of another tensor of the same shape and type, in stream order. */
  copyFrom(other: Tensor): void {
    this.assertAlive("copyFrom");
    other.assertAlive("copyFrom");
    if (!sameShape(this.shape, other.shape) || this.dtype !== other.dtype) {
      throw new ShapeError(
        `copyFrom: ${other.dtype} ${formatShape(other.shape)} into ${this.dtype} ${formatShape(this.shape)}`,
      );
    }
    if (this.storage === other.storage) return;
    const bytes = Math.ceil(this.size * bytesOf(this.dtype) / 4) * 4;
    this.device.gpu.copy(other.storage.buffer, 0, this.storage.buffer, 0, bytes);
    this.storage.version++;
  }

  // ---- lifetime ------------------------------------------------------------------------------------------------------

  /** Whether it was disposed. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees it now instead of at the end of its scope. */
  dispose(): void {
    this.#owner?.disown(this);
    this.release();
  }

  /** Same as {@link Tensor.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Frees it; its scope has let go of it already. */
  release(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#owner = undefined;
    this.#node?.drop();
    this.#node = undefined;
    this.zeroGrad();
    this.device.registry.delete(this);
    this.storage.release();
  }

  /** Gives ownership to `scope`, or to nobody but the caller. */
  moveTo(scope: Scope | undefined): void {
    this.#owner?.disown(this);
    this.#owner = scope;
    scope?.own(this);
  }

  /** Takes it out of every scope: the caller frees it. Returns itself. */
  unscoped(): this {
    this.moveTo(undefined);
    return this;
  }

  /** Throws {@link DisposedError} naming `op` when it is gone. */
  assertAlive(op: string): void {
    if (this.#disposed) {
      throw new DisposedError(
        `${op}: a tensor of shape ${
          formatShape(this.shape)
        } was used after it was disposed; scope.keep() it to use it later`,
      );
    }
  }

  /** Another tensor on the same memory that no scope owns and no record follows: internal bookkeeping. */
  alias(): Tensor {
    return new Tensor(this.device, this.shape, this.dtype, this.storage.retain()).unscoped();
  }

  /**
   * A tensor of this shape on memory that holds another form of its data; as with {@link Tensor.alias}, the caller owns it.
   *
   * @internal
   */
  over(storage: Storage, dtype: DType): Tensor {
    return new Tensor(this.device, this.shape, dtype, storage.retain()).unscoped();
  }

  /** The same data without its history; shares memory. */
  detach(): Tensor {
    this.assertAlive("detach");
    return new Tensor(this.device, this.shape, this.dtype, this.storage.retain());
  }

  /** A copy in memory of its own, without history. */
  clone(): Tensor {
    this.assertAlive("clone");
    const copy = new Tensor(this.device, this.shape, this.dtype);
    copy.copyFrom(this);
    return copy;
  }

  // ---- autograd ------------------------------------------------------------------------------------------------------

  /** Whether ops on it are recorded. Settable on leaves: tensors not computed from others. */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(value: boolean) {
    if (this.#node && !value) throw new GradientError("requiresGrad: this tensor is a result; detach() it instead");
    if (value && this.dtype !== "f32") throw new DTypeError(`requiresGrad: dtype ${this.dtype} carries no gradient`);
    this.#requiresGrad = value;
  }

  /** Gradient collected by `backward()` calls since the last {@link Tensor.zeroGrad}; null before the first. */
  get grad(): Tensor | null {
    return this.#grad;
  }

  /** Forgets the gradient. */
  zeroGrad(): void {
    this.#grad?.dispose();
    this.#grad = null;
    this.#gradEntries = undefined;
  }

  /**
   * Entries of the first axis that the collected gradient is about, for a bank of which a step may use a part; null for all.
   * @internal
   */
  get gradEntries(): ReadonlySet<number> | null {
    return this.#gradEntries ?? null;
  }

  /**
   * Says that a gradient of these entries was collected; null for all.
   * @internal
   */
  noteGrad(entries: readonly number[] | null): void {
    if (entries === null || this.#gradEntries === null) this.#gradEntries = null;
    else this.#gradEntries = new Set([...this.#gradEntries ?? [], ...entries]);
  }

  /** Adds d(this)/d(leaf) into `leaf.grad` of every leaf it depends on. Only records work; `gradient` defaults to 1. */
  backward(gradient?: Tensor): void {
    this.assertAlive("backward");
    backward(this, gradient);
  }

  /**
   * The node that made it; internal to the tape.
   * @internal
   */
  get node(): GradNode | undefined {
    return this.#node;
  }

  /** Which output of its node it is; internal to the tape. */
  get nodeIndex(): number {
    return this.#nodeIndex;
  }

  /**
   * Links it to the node that made it; internal to the tape.
   * @internal
   */
  attach(node: GradNode, index: number): void {
    node.retain();
    this.#node = node;
    this.#nodeIndex = index;
    this.#requiresGrad = true;
  }

  /** Sets the gradient; internal to the tape. */
  setGrad(grad: Tensor): void {
    this.#grad = grad;
  }

  /** Takes the gradient away to be added to; internal to the tape. */
  takeGrad(): Tensor | null {
    const grad = this.#grad;
    this.#grad = null;
    return grad;
  }

  /** this += other, same shape, in place. For gradients and optimisers; the tape refuses tensors changed under it. */
  addInPlace(other: Tensor): void {
    ops.accumulate(this, other);
  }

  // ---- ops as methods ------------------------------------------------------------------------------------------------

  /** Elementwise sum; broadcasts. */
  add(other: Operand): Tensor {
    return ops.add(this, other);
  }
  /** Elementwise difference; broadcasts. */
  sub(other: Operand): Tensor {
    return ops.sub(this, other);
  }
  /** Elementwise product; broadcasts. */
  mul(other: Operand): Tensor {
    return ops.mul(this, other);
  }
  /** Elementwise quotient; broadcasts. */
  div(other: Operand): Tensor {
    return ops.div(this, other);
  }
  /** Elementwise power; broadcasts. */
  pow(other: Operand): Tensor {
    return ops.pow(this, other);
  }
  /** Elementwise larger of two; broadcasts. */
  maximum(other: Operand): Tensor {
    return ops.maximum(this, other);
  }
  /** Elementwise smaller of two; broadcasts. */
  minimum(other: Operand): Tensor {
    return ops.minimum(this, other);
  }
  /** −x. */
  neg(): Tensor {
    return ops.neg(this);
  }
  /** |x|. */
  abs(): Tensor {
    return ops.abs(this);
  }
  /** eˣ. */
  exp(): Tensor {
    return ops.exp(this);
  }
  /** Natural logarithm. */
  log(): Tensor {
    return ops.log(this);
  }
  /** Square root. */
  sqrt(): Tensor {
    return ops.sqrt(this);
  }
  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return ops.tanh(this);
  }
  /** 1 / (1 + e⁻ˣ). */
  sigmoid(): Tensor {
    return ops.sigmoid(this);
  }
  /** max(x, 0). */
  relu(): Tensor {
    return ops.relu(this);
  }
  /** Sum over `axes` (all when absent). */
  sum(axes?: number | readonly number[], options?: ops.ReduceOptions): Tensor {
    return ops.sum(this, axes, options);
  }
  /** Mean over `axes` (all when absent). */
  mean(axes?: number | readonly number[], options?: ops.ReduceOptions): Tensor {
    return ops.mean(this, axes, options);
  }
  /** Largest over `axes` (all when absent). */
  max(axes?: number | readonly number[], options?: ops.ReduceOptions): Tensor {
    return ops.max(this, axes, options);
  }
  /** Index of the first largest element along `axis`, as i32. */
  argmax(axis: number, options?: ops.ReduceOptions): Tensor {
    return ops.argmax(this, axis, options);
  }
  /** Matrix product; leading axes broadcast. */
  matmul(other: Tensor, options?: ops.MatmulOptions): Tensor {
    return ops.matmul(this, other, options);
  }
  /** Softmax along `axis` (the last by default). */
  softmax(axis?: number): Tensor {
    return ops.softmax(this, axis);
  }
  /** The same elements in another shape; one extent may be −1. Shares memory. */
  reshape(shape: Shape): Tensor {
    return ops.reshape(this, shape);
  }
  /** Axes reordered; reversed when `perm` is absent. */
  transpose(perm?: readonly number[]): Tensor {
    return ops.transpose(this, perm);
  }
  /** The block of `size` that begins at `begin`. */
  slice(begin: readonly number[], size: readonly number[]): Tensor {
    return ops.slice(this, begin, size);
  }
  /** The same values in another element type. */
  cast(dtype: DType): Tensor {
    return ops.cast(this, dtype);
  }
}
