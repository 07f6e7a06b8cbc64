/** The tensor: an immutable shape over device memory, with the record of how it was made. */
import type { Device } from "./device.ts";
import { bytesOf, type DType, dtypeOfArray, type HostArray, hostArray, type TypedArray } from "./dtype.ts";
import { described, expectFlag } from "./base/given.ts";
import { ArgumentError, DisposedError, DTypeError, EngineError, GradientError, ShapeError } from "./base/errors.ts";
import { assertAlive, befriendTensors, contextOf, disown, liveTensorsOf, moveTo, own, release } from "./friends.ts";
import { lineOf, valuesTable, valuesText } from "./print.ts";
import * as ops from "./ops/mod.ts";
import { copyAll } from "./ops/lib/move.ts";
import { accumulate } from "./ops/unary.ts";
import { expectTensor } from "./op.ts";
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
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1, 2], [3, 4]]);
 * deepStrictEqual([x.shape, x.dtype, x.size], [[2, 2], "f32", 4]);
 * x.requiresGrad = true;
 * const loss = x.mul(x).sum();
 * strictEqual(await loss.item(), 30);
 * loss.backward();
 * deepStrictEqual([...await x.grad!.data()], [2, 4, 6, 8]);
 * ```
 */
export class Tensor implements TensorMeta, Disposable {
  /** The device that holds it. */
  readonly device: Device;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  readonly #storage: Storage;
  #owner: Scope | undefined;
  #disposed: boolean | "a held scope" = false;
  #requiresGrad = false;
  #node: GradNode | undefined;
  #nodeIndex = 0;
  #grad: Tensor | null = null;
  /** Nothing noted while undefined. */
  #gradEntries: Set<number> | null | undefined;

  // Functions and no private methods: those would mark each tensor with its class when it is made, and many are made.
  static {
    befriendTensors({
      makeTensor: (device, shape, dtype, storage) => new Tensor(device, shape, dtype, storage),
      isTensor: (value): value is Tensor => typeof value === "object" && value !== null && #storage in value,
      storageOf: (tensor) => tensor.#storage,
      release: (tensor, by) => {
        if (tensor.#disposed) return;
        tensor.#disposed = by ?? true;
        tensor.#owner = undefined;
        tensor.#node?.drop();
        tensor.#node = undefined;
        tensor.zeroGrad();
        liveTensorsOf(tensor.device).delete(tensor);
        tensor.#storage.release();
      },
      moveTo: (tensor, scope) => {
        if (tensor.#owner) disown(tensor.#owner, tensor);
        tensor.#owner = scope;
        if (scope) own(scope, tensor);
      },
      assertAlive: (tensor, op) => {
        if (!tensor.#disposed) return;
        const advice = tensor.#disposed === true
          ? "scope.keep() it to use it later"
          : "a scope that is open over an await owns what every async flow makes meanwhile: scope.keep() it, or give each " +
            "flow its own by device.flow()";
        throw new DisposedError(
          `${op}: a tensor of shape ${formatShape(tensor.shape)} was used after it was disposed; ${advice}`,
        );
      },
      nodeOf: (tensor) => tensor.#node,
      outputIndexOf: (tensor) => tensor.#nodeIndex,
      attach: (tensor, node, index) => {
        node.retain();
        tensor.#node = node;
        tensor.#nodeIndex = index;
        tensor.#requiresGrad = true;
      },
      setGrad: (tensor, grad) => tensor.#grad = grad,
      gradEntriesOf: (tensor) => tensor.#gradEntries ?? null,
      noteGrad: (tensor, entries) => {
        const before = tensor.#gradEntries;
        tensor.#gradEntries = entries === null || before === null ? null : new Set([...before ?? [], ...entries]);
      },
    });
  }

  private constructor(device: Device, shape: Shape, dtype: DType, storage?: Storage) {
    // First: it throws where flows are mixed, and memory would be left behind.
    const owner = device.currentScope;
    this.device = device;
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.#storage = storage ?? new Storage(contextOf(device), this.size * bytesOf(dtype));
    liveTensorsOf(device).add(this);
    this.#owner = owner;
    if (owner) own(owner, this);
  }

  // ---- data ----------------------------------------------------------------------------------------------------------

  /** Reads the elements, row-major. Reads asked for in the same turn share one wait (about 10 ms at least). */
  async data<D extends DType = "f32">(): Promise<HostArray[D]> {
    assertAlive(this, "data");
    if (this.size === 0) return hostArray(this.dtype, 0) as HostArray[D];
    const bytes = await contextOf(this.device).read(this.#storage.buffer, this.size * bytesOf(this.dtype));
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
    assertAlive(this, "write");
    if (!ArrayBuffer.isView(data)) throw new ArgumentError(`write: data is a typed array, not ${described(data)}`);
    if (dtypeOfArray(data) !== this.dtype) {
      throw new DTypeError(`write: a ${dtypeOfArray(data)} array into a tensor of dtype ${this.dtype}`);
    }
    if (data.length !== this.size) {
      throw new ShapeError(`write: ${data.length} elements into a tensor of shape ${formatShape(this.shape)}`);
    }
    contextOf(this.device).upload(this.#storage.buffer, data);
    this.#storage.version++;
  }

  /** Replaces the elements by those of another tensor of the same shape and type, in stream order. */
  copyFrom(other: Tensor): void {
    assertAlive(this, "copyFrom");
    assertAlive(expectTensor("copyFrom", other, "the other"), "copyFrom");
    if (!sameShape(this.shape, other.shape) || this.dtype !== other.dtype) {
      throw new ShapeError(
        `copyFrom: ${other.dtype} ${formatShape(other.shape)} into ${this.dtype} ${formatShape(this.shape)}`,
      );
    }
    if (this.#storage === other.#storage) return;
    copyAll(this, other);
    this.#storage.version++;
  }

  // ---- seen ----------------------------------------------------------------------------------------------------------

  /** Element type, shape and device in a line; values take waiting: see {@link Tensor.text}. */
  toString(): string {
    const { dtype, shape, requiresGrad } = this, { description, vendor } = this.device.info;
    return lineOf({ dtype, shape, requiresGrad, disposed: this.disposed, place: description || vendor });
  }

  /** Element type and shape, for `JSON.stringify`. */
  toJSON(): { readonly dtype: DType; readonly shape: Shape } {
    return { dtype: this.dtype, shape: this.shape };
  }

  /** The line that `console.log` prints, in Deno and Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /**
   * The values as text, in nested brackets; of many only those at the ends of each axis.
   *
   * ```ts
   * import { strictEqual } from "node:assert/strict";
   * import { Device } from "@itera/itera/engine";
   *
   * await using device = await Device.open();
   * using x = device.tensor([[1, 0.5], [2, -3]]);
   * strictEqual(await x.text(), "[[ 1. 0.5]\n [ 2. -3.]]");
   * ```
   */
  async text(): Promise<string> {
    return valuesText(await this.data<DType>(), this.shape, this.dtype);
  }

  /** Prints the line and the values. */
  async print(): Promise<void> {
    const line = this.toString();
    // deno-lint-ignore no-console
    console.log(`${line}\n${await this.text()}`);
  }

  /** The values as text and as a table, for `deno jupyter`. */
  async [Symbol.for("Jupyter.display")](): Promise<Record<string, string>> {
    const line = this.toString(), values = await this.data<DType>();
    return {
      "text/plain": `${line}\n${valuesText(values, this.shape, this.dtype)}`,
      "text/html": valuesTable(values, this.shape, this.dtype, line),
    };
  }

  // ---- lifetime ------------------------------------------------------------------------------------------------------

  /** True once it was disposed. */
  get disposed(): boolean {
    return this.#disposed !== false;
  }

  /** Frees it now instead of at the end of its scope. */
  dispose(): void {
    if (this.#owner) disown(this.#owner, this);
    release(this);
  }

  /** Same as {@link Tensor.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Takes it out of every scope: the caller frees it. Returns itself. */
  unscoped(): this {
    moveTo(this, undefined);
    return this;
  }

  /** The same data without its history; shares memory. */
  detach(): Tensor {
    assertAlive(this, "detach");
    return new Tensor(this.device, this.shape, this.dtype, this.#storage.retain());
  }

  /** A copy in memory of its own, without history. */
  clone(): Tensor {
    assertAlive(this, "clone");
    const copy = new Tensor(this.device, this.shape, this.dtype);
    copy.copyFrom(this);
    return copy;
  }

  // ---- autograd ------------------------------------------------------------------------------------------------------

  /** True where ops on it are recorded. Settable on leaves: tensors not computed from others. */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(value: boolean) {
    expectFlag("requiresGrad", "the value", value);
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

  /** Adds d(this)/d(leaf) into `leaf.grad` of every leaf it depends on. Only records work; `gradient` defaults to 1. */
  backward(gradient?: Tensor): void {
    assertAlive(this, "backward");
    if (gradient !== undefined) assertAlive(expectTensor("backward", gradient, "the gradient"), "backward");
    backward(this, gradient);
  }

  /** this += other, same shape, in place. For gradients and optimisers; the tape refuses tensors changed under it. */
  addInPlace(other: Tensor): void {
    for (const one of [this, expectTensor("addInPlace", other, "the addend")]) assertAlive(one, "addInPlace");
    if (other.device !== this.device) throw new EngineError("addInPlace: tensors live on different devices");
    accumulate(this, other, "addInPlace");
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
  sum(axes?: ops.Axes, options?: ops.ReduceOptions): Tensor {
    return ops.sum(this, axes, options);
  }
  /** Mean over `axes` (all when absent). */
  mean(axes?: ops.Axes, options?: ops.ReduceOptions): Tensor {
    return ops.mean(this, axes, options);
  }
  /** Largest over `axes` (all when absent). */
  max(axes?: ops.Axes, options?: ops.ReduceOptions): Tensor {
    return ops.max(this, axes, options);
  }
  /** Index of the first largest element along `axis`, as i32; among all when absent. */
  argmax(axis?: ops.Axes, options?: ops.ReduceOptions): Tensor {
    return ops.argmax(this, axis, options);
  }
  /** Matrix product; leading axes broadcast. */
  matmul(other: Tensor, options?: ops.MatmulOptions): Tensor {
    return ops.matmul(this, other, options);
  }
  /** Softmax along `axis` (the last by default). */
  softmax(axis?: ops.Axes): Tensor {
    return ops.softmax(this, axis);
  }
  /** The whole quotient, rounded down; broadcasts. */
  floorDiv(other: Operand): Tensor {
    return ops.floorDiv(this, other);
  }
  /** The remainder, with the sign of the divisor; broadcasts. */
  mod(other: Operand): Tensor {
    return ops.mod(this, other);
  }
  /** 1 where it is greater, else 0, as u32; broadcasts. */
  greater(other: Operand): Tensor {
    return ops.greater(this, other);
  }
  /** 1 where it is greater or equal, else 0, as u32; broadcasts. */
  greaterEqual(other: Operand): Tensor {
    return ops.greaterEqual(this, other);
  }
  /** 1 where it is less, else 0, as u32; broadcasts. */
  less(other: Operand): Tensor {
    return ops.less(this, other);
  }
  /** 1 where it is less or equal, else 0, as u32; broadcasts. */
  lessEqual(other: Operand): Tensor {
    return ops.lessEqual(this, other);
  }
  /** 1 where both are equal, else 0, as u32; broadcasts. */
  equal(other: Operand): Tensor {
    return ops.equal(this, other);
  }
  /** 1 where they differ, else 0, as u32; broadcasts. */
  notEqual(other: Operand): Tensor {
    return ops.notEqual(this, other);
  }
  /** This as a mask (u32): a where it is not 0, else b; broadcasts. */
  where(a: Operand, b: Operand): Tensor {
    return ops.where(this, a, b);
  }
  /** x². */
  square(): Tensor {
    return ops.square(this);
  }
  /** 1 / x. */
  reciprocal(): Tensor {
    return ops.reciprocal(this);
  }
  /** −1, 0 or 1. */
  sign(): Tensor {
    return ops.sign(this);
  }
  /** Limited to [low, high]. */
  clamp(low: number, high: number): Tensor {
    return ops.clamp(this, low, high);
  }
  /** Sine of radians. */
  sin(): Tensor {
    return ops.sin(this);
  }
  /** Cosine of radians. */
  cos(): Tensor {
    return ops.cos(this);
  }
  /** Error function. */
  erf(): Tensor {
    return ops.erf(this);
  }
  /** Smallest over `axes` (all when absent). */
  min(axes?: ops.Axes, options?: ops.ReduceOptions): Tensor {
    return ops.min(this, axes, options);
  }
  /** Index of the first smallest element along `axis`, as i32; among all when absent. */
  argmin(axis?: ops.Axes, options?: ops.ReduceOptions): Tensor {
    return ops.argmin(this, axis, options);
  }
  /** Product over `axes` (all when absent). */
  prod(axes?: ops.Axes, options?: ops.ReduceOptions): Tensor {
    return ops.prod(this, axes, options);
  }
  /** Variance over `axes` (all when absent), with PyTorch's correction of 1 by default. */
  variance(axes?: ops.Axes, options?: ops.VarianceOptions): Tensor {
    return ops.variance(this, axes, options);
  }
  /** Standard deviation over `axes` (all when absent), with PyTorch's correction of 1 by default. */
  std(axes?: ops.Axes, options?: ops.VarianceOptions): Tensor {
    return ops.std(this, axes, options);
  }
  /** Running sums along `axis`. */
  cumsum(axis: ops.Axes): Tensor {
    return ops.cumsum(this, axis);
  }
  /** The k largest elements along an axis, or the smallest, in order. */
  topk(k: number, options?: ops.TopkOptions): ops.Topk {
    return ops.topk(this, k, options);
  }
  /** Logarithm of the softmax along `axis` (the last by default). */
  logSoftmax(axis?: ops.Axes): Tensor {
    return ops.logSoftmax(this, axis);
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
  /** The order of elements reversed along `axes` (all when absent). */
  flip(axes?: ops.Axes): Tensor {
    return ops.flip(this, axes);
  }
  /** Without the axes of extent 1 among `axes` (all of them when absent). Shares memory. */
  squeeze(axes?: ops.Axes): Tensor {
    return ops.squeeze(this, axes);
  }
  /** A new axis of extent 1 before `axis`. Shares memory. */
  unsqueeze(axis: ops.Axes): Tensor {
    return ops.unsqueeze(this, axis);
  }
  /** Rows at `indices` replaced by `updates`, or those added to them; a new tensor. */
  scatter(indices: Tensor, updates: Tensor, options?: ops.ScatterOptions): Tensor {
    return ops.scatter(this, indices, updates, options);
  }
  /** The same values in another element type. */
  cast(dtype: DType): Tensor {
    return ops.cast(this, dtype);
  }
}
