/** The device: opens an adapter, makes tensors, counts memory, captures steps. */
import { type DType, dtypeOfArray, DTYPES, hostArray, type TypedArray } from "./dtype.ts";
import { ArgumentError, DTypeError, EngineError, ShapeError } from "./base/errors.ts";
import {
  described,
  expectFlag,
  expectFunction,
  expectNumber,
  expectOneOf,
  expectOptions,
  type NamesOf,
} from "./base/given.ts";
import type { AdapterInfo, KernelSet } from "./gpu/adapter.ts";
import { Arena, type PoolBuffer } from "./gpu/buffer_pool.ts";
import { type ContextOptions, GpuContext } from "./gpu/context.ts";
import { declarationOf, Kernel } from "./gpu/kernel.ts";
import type { Replay } from "./gpu/stream.ts";
import {
  assertAlive,
  befriendDevices,
  contextOf,
  isTensor,
  makeTensor,
  openFlow,
  openScope,
  storageOf,
} from "./friends.ts";
import { fill, randomFill } from "./ops/lib/fill.ts";
import { arange, identity } from "./ops/lib/sequence.ts";
// `scope.ts` and `tensor.ts` are imported for what they give to `friends.ts` too.
import { assertUnmixed, type Scope, type ScopeStack } from "./scope.ts";
import { checkMemory, checkRun } from "./gpu/run_check.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "./shape.ts";
import "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import { parseTuning } from "./tuning/file.ts";
import { knownTuning, winogradWanted } from "./tuning/known.ts";
import { refusedOn, sayRefused } from "./tuning/refused.ts";
import { adapterKey, type TunedTiling, type Tuning, TuningTable } from "./tuning/table.ts";

/** Nested number arrays of equal lengths, as deep as the tensor has axes. */
export type Nested = number | readonly Nested[];

/** Exact counts of device memory. */
export interface MemoryInfo {
  /** Tensors not yet disposed, those the autograd record holds included. */
  readonly liveTensors: number;
  /** Bytes of buffers under live tensors (size classes, so at most a quarter above what was asked). */
  readonly liveBytes: number;
  /** Most bytes live at once so far. */
  readonly peakBytes: number;
  /** Bytes of buffers kept for reuse. */
  readonly pooledBytes: number;
}

/** Tensors bound to a kernel's storage variables by name; null where a constant of the kernel turns it off. */
export interface KernelRun {
  /** Tensor of each storage variable. */
  readonly bind: Readonly<Record<string, Tensor | null>>;
  /** Fields of the shader's `Params` by name. */
  readonly params?: Readonly<Record<string, number | readonly number[]>>;
  /** Pipeline-overridable constants by name. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Workgroups along x, y and z. */
  readonly grid: readonly [number, number, number];
}

/** A step captured by {@link Device.capture}. */
export interface CapturedStep<T> extends Disposable {
  /** The captured function's return value; its tensors hold the latest replay's values. */
  readonly outputs: T;
  /** Runs the same commands on the same buffers again; write inputs with `tensor.write` before. */
  replay(): void;
}

let arenaOf: (pool: CapturePool) => Arena;

/**
 * Memory that captured steps take turns in: what one leaves free, the next may use, for they never run at once. Dispose it
 * after them.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { CapturePool, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using pool = new CapturePool(device);
 * using scope = device.scope();
 * const x = device.tensor([1, 2]);
 * using double = device.capture(() => x.mul(2), pool);
 * using square = device.capture(() => x.mul(x), pool);
 * x.write(Float32Array.of(3, 4));
 * double.replay();
 * deepStrictEqual([...await double.outputs.data()], [6, 8]);
 * square.replay();
 * deepStrictEqual([...await square.outputs.data()], [9, 16]);
 * ```
 */
export class CapturePool implements Disposable {
  readonly #arena: Arena = new Arena();
  readonly #device: Device;

  static {
    arenaOf = (pool) => pool.#arena;
  }

  /** Empty; captures fill it. */
  constructor(device: Device) {
    this.#device = device;
  }

  /** Bytes of device memory it holds. */
  get bytes(): number {
    return this.#arena.bytes;
  }

  /** Frees it. */
  [Symbol.dispose](): void {
    if (!this.#arena.closed) contextOf(this.#device).closeArena(this.#arena);
  }
}

/** Options of {@link Device.open}. */
export interface DeviceOptions extends ContextOptions {
  /**
   * Text of a file that `itera tune` wrote: the kernels that were fastest, on any adapters. Null for none; default the file in
   * the user's cache, where there is one. Which kernels run decides the last bits of a product. Kernels that `itera doctor
   * --kernels` found to compute wrong numbers are left out whatever is given here; only `ITERA_TUNING` as `none` forgets them.
   */
  readonly tuning?: string | null;
  /**
   * Winograd's way for 3 × 3 convolutions, where rules or tuning choose it by their sizes: fewer multiplications, and other last
   * bits. Default true, unless `ITERA_WINOGRAD` is `none`; false computes all of them directly.
   */
  readonly winograd?: boolean;
}

const DTYPE = { dtype: true } as const;
const NORMAL = { seed: true, step: true, mean: true, std: true, truncated: true } as const;
const UNIFORM = { seed: true, step: true, low: true, high: true } as const;
const OPEN: NamesOf<DeviceOptions> = {
  adapter: true,
  kernels: true,
  profile: true,
  memoryLimit: true,
  maxPooledBytes: true,
  tuning: true,
  winograd: true,
};

/**
 * An opened WebGPU device. `await using device = await Device.open()` closes it at the end of the block.
 *
 * ```ts
 * import { deepStrictEqual, throws } from "node:assert/strict";
 * import { Device, OutOfMemoryError } from "@itera/itera/engine";
 *
 * await using device = await Device.open({ memoryLimit: 2 ** 20 });
 * using scope = device.scope();
 * const x = device.tensor([[1, 2], [3, 4]]);
 * deepStrictEqual([...await x.mul(10).sum(0).data()], [40, 60]);
 * throws(() => device.zeros([1024, 1024]), OutOfMemoryError);
 * ```
 */
export class Device implements AsyncDisposable {
  readonly #gpu: GpuContext;
  readonly #liveTensors = new Set<Tensor>();
  #tuning: Tuning;
  /** Winners of any adapters, from which the table is made. */
  readonly #winners: readonly TunedTiling[];
  readonly #scopes: ScopeStack = { open: [], flows: 0, watched: false, mixed: false };
  #gradEnabled = true;
  /**
   * Keep recorded results that gradient rules read as f16 until the backward pass, computing in f32 throughout; default
   * false. Halves the memory of activations; gradients then carry f16's relative error of about 5e-4.
   */
  halfSaves = false;

  static {
    befriendDevices({
      isDevice: (value): value is Device => typeof value === "object" && value !== null && #gpu in value,
      contextOf: (device) => device.#gpu,
      scopesOf: (device) => device.#scopes,
      liveTensorsOf: (device) => device.#liveTensors,
      tuningOf: (device) => device.#tuning,
      setTuning: (device, tuning) => device.#tuning = tuning,
      refuse: (device, forms) => {
        const { info, kernels } = device, { direct = false } = device.#tuning;
        device.#gpu.refused = forms;
        device.#tuning = new TuningTable(device.#winners, adapterKey(info, kernels), kernels, {
          direct,
          refused: forms,
        });
      },
    });
  }

  private constructor(gpu: GpuContext, winners: readonly TunedTiling[], direct: boolean) {
    this.#gpu = gpu;
    gpu.pool.tensors = () => this.#liveTensors.size;
    this.#winners = winners;
    const { info, kernels, refused } = gpu;
    this.#tuning = new TuningTable(winners, adapterKey(info, kernels), kernels, { direct, refused });
  }

  /**
   * Opens an adapter.
   *
   * @throws {NoAdapterError} where there is none; it says what to install.
   * @throws {EngineError} where `tuning` is no such text.
   */
  static async open(options: DeviceOptions = {}): Promise<Device> {
    expectOptions("Device.open", options, OPEN);
    const { adapter = "auto", kernels: wanted = options.profile, tuning } = options;
    expectOneOf("Device.open", "adapter", adapter, ["auto", "gpu", "cpu"]);
    if (wanted !== undefined) expectOneOf("Device.open", "kernels", wanted, ["gpu", "cpu"]);
    for (const name of ["memoryLimit", "maxPooledBytes"] as const) {
      const bytes = options[name];
      if (bytes === undefined || (typeof bytes === "number" && bytes > 0)) continue;
      throw new ArgumentError(`Device.open: ${name} is a number of bytes, not ${described(bytes)}`);
    }
    const { winograd = winogradWanted() } = options;
    expectFlag("Device.open", "winograd", winograd);
    const known = knownTuning(), given = typeof tuning === "string" ? parseTuning(tuning, "tuning") : null;
    const { winners } = given ?? (tuning === undefined ? known : { winners: [] });
    const gpu = await GpuContext.open(options), { info } = gpu;
    gpu.refused = refusedOn([...known.refused, ...given?.refused ?? []], adapterKey(info, gpu.kernels), info);
    sayRefused(gpu.refused);
    return new Device(gpu, winners, !winograd);
  }

  /** The adapter: vendor, description, software or not, limits, features. */
  get info(): AdapterInfo {
    return this.#gpu.info;
  }

  /** Most bytes of tensors alive at once; Infinity when unset. */
  get memoryLimit(): number {
    return this.#gpu.memoryLimit;
  }

  /** The family of kernels that runs here. */
  get kernels(): KernelSet {
    return this.#gpu.kernels;
  }

  /** Adapter and kernels in a line: two devices with the same one compute the same bits. */
  get title(): string {
    const { info: { description, vendor, isFallback }, kernels } = this, { digest, direct } = this.#tuning;
    const left = this.#gpu.refused.size, out = left > 0 ? `, ${left} left out` : "";
    const tuned = digest ? `, tiled by the tuning table ${digest}` : "", winograd = direct ? "" : ", Winograd";
    return `${description || vendor}${isFallback ? " (software)" : ""}, kernels: ${kernels}${out}${tuned}${winograd}`;
  }

  /** Adapter and kernels in a line. */
  toString(): string {
    return `Device ${this.title}`;
  }

  /** The line that `console.log` prints, in Deno and Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** Live tensors and bytes, peak and pooled bytes, as of now. */
  get memory(): MemoryInfo {
    const { usedBytes, peakBytes, pooledBytes } = this.#gpu.pool.stats;
    return { liveTensors: this.#liveTensors.size, liveBytes: usedBytes, peakBytes, pooledBytes };
  }

  // ---- making tensors ------------------------------------------------------------------------------------------------

  /** A tensor from nested arrays (f32 unless `dtype` says otherwise), or from a typed array and a shape. */
  tensor(data: Nested | TypedArray, shape?: Shape, options: { readonly dtype?: DType } = {}): Tensor {
    expectOptions("tensor", options, DTYPE);
    if (options.dtype !== undefined) expectOneOf("tensor", "dtype", options.dtype, DTYPES);
    let values: TypedArray;
    let extents: Shape;
    if (ArrayBuffer.isView(data)) {
      values = data as TypedArray;
      const own = dtypeOfArray(values);
      if (options.dtype && options.dtype !== own) {
        throw new DTypeError(`tensor: a ${own} array cannot be dtype ${options.dtype}`);
      }
      extents = shape ?? [values.length];
    } else {
      const found = nestedShape(data as Nested);
      values = hostArray(options.dtype ?? "f32", (Array.isArray(data) ? data.flat(Infinity) : [data]) as number[]);
      extents = shape ?? found;
    }
    checkShape("tensor", extents);
    if (sizeOf(extents) !== values.length) {
      throw new ShapeError(`tensor: ${values.length} elements do not fill the shape ${formatShape(extents)}`);
    }
    const made = this.#made("tensor", extents, dtypeOfArray(values));
    this.#gpu.upload(storageOf(made).buffer, values);
    return made;
  }

  /** A tensor whose elements are whatever the memory held. */
  empty(shape: Shape, dtype: DType = "f32"): Tensor {
    return this.#made("empty", shape, dtype);
  }

  #made(op: string, shape: Shape, dtype: DType = "f32"): Tensor {
    this.#gpu.check();
    checkShape(op, shape);
    expectOneOf(op, "dtype", dtype, DTYPES);
    if (dtype === "f16" && !this.info.features.includes("shader-f16")) {
      throw new DTypeError("dtype f16 needs an adapter with shader-f16; this one has none");
    }
    return makeTensor(this, [...shape], dtype);
  }

  /** A tensor of zeros. */
  zeros(shape: Shape, options: { readonly dtype?: DType } = {}): Tensor {
    return this.#filled("zeros", shape, 0, options);
  }

  /** A tensor of ones. */
  ones(shape: Shape, options: { readonly dtype?: DType } = {}): Tensor {
    return this.#filled("ones", shape, 1, options);
  }

  /** A tensor filled with `value`. */
  full(shape: Shape, value: number, options: { readonly dtype?: DType } = {}): Tensor {
    expectNumber("full", "the value", value);
    return this.#filled("full", shape, value, options);
  }

  #filled(op: string, shape: Shape, value: number, options: { readonly dtype?: DType }): Tensor {
    expectOptions(op, options, DTYPE);
    const made = this.#made(op, shape, options.dtype);
    fill(made, value);
    return made;
  }

  /**
   * Numbers in even steps, [count]: `arange(stop)` counts 0, 1, … before `stop`, `arange(start, stop, step)` from `start` in
   * steps of `step`, 1 by default, which may be negative. Type f32 unless `dtype` says otherwise.
   *
   * ```ts
   * import { deepStrictEqual } from "node:assert/strict";
   * import { Device } from "@itera/itera/engine";
   *
   * await using device = await Device.open();
   * using a = device.arange(3), b = device.arange(5, 0, -2, { dtype: "i32" });
   * deepStrictEqual([[...await a.data()], [...await b.data()]], [[0, 1, 2], [5, 3, 1]]);
   * ```
   */
  arange(stop: number): Tensor;
  /** Numbers from `start`. */
  arange(start: number, stop: number, step?: number, options?: { readonly dtype?: DType }): Tensor;
  arange(start: number, stop?: number, step = 1, { dtype = "f32" }: { readonly dtype?: DType } = {}): Tensor {
    return stop === undefined ? arange(this, 0, start, 1, dtype) : arange(this, start, stop, step, dtype);
  }

  /**
   * The identity matrix [n, n], or [n, m] with ones on its main diagonal.
   *
   * ```ts
   * import { deepStrictEqual } from "node:assert/strict";
   * import { Device } from "@itera/itera/engine";
   *
   * await using device = await Device.open();
   * using i = device.eye(2, 3);
   * deepStrictEqual([...await i.data()], [1, 0, 0, 0, 1, 0]);
   * ```
   */
  eye(n: number, m: number = n, options: { readonly dtype?: DType } = {}): Tensor {
    return identity(this, n, m, options.dtype ?? "f32");
  }

  /**
   * Normal random numbers; the same (seed, step, shape) gives the same bits on one adapter. `truncated` draws again what
   * lies more than two standard deviations from the mean.
   */
  randn(
    shape: Shape,
    options: {
      readonly seed: number;
      readonly step?: number;
      readonly mean?: number;
      readonly std?: number;
      readonly truncated?: boolean;
    },
  ): Tensor {
    expectOptions("randn", options, NORMAL);
    expectDraw("randn", options);
    const made = this.#made("randn", shape);
    randomFill(
      made,
      options.truncated ? "truncated" : "normal",
      options.seed,
      options.step ?? 0,
      options.mean ?? 0,
      options.std ?? 1,
    );
    return made;
  }

  /** Uniform random numbers in [low, high). */
  uniform(
    shape: Shape,
    options: { readonly seed: number; readonly step?: number; readonly low?: number; readonly high?: number },
  ): Tensor {
    expectOptions("uniform", options, UNIFORM);
    expectDraw("uniform", options);
    const { low = 0, high = 1 } = options;
    const made = this.#made("uniform", shape);
    randomFill(made, "uniform", options.seed, options.step ?? 0, low, high - low);
    return made;
  }

  // ---- scopes and modes ----------------------------------------------------------------------------------------------

  /** Opens a scope: `using scope = device.scope()` frees what is made inside and not kept. */
  scope(): Scope {
    return openScope(this.#scopes);
  }

  /**
   * A scope for one of several async flows that run at once: a request of a server, say. It owns what is made while its
   * {@link Scope.run} runs, and what it keeps is the caller's.
   *
   * ```ts
   * import { deepStrictEqual } from "node:assert/strict";
   * import { Device } from "@itera/itera/engine";
   *
   * await using device = await Device.open();
   * async function answer(value: number): Promise<number> {
   *   using flow = device.flow();
   *   const y = flow.run(() => device.tensor([value]).mul(2));
   *   await y.data(); // other flows run meanwhile
   *   return await flow.run(() => y.add(1)).item();
   * }
   * deepStrictEqual(await Promise.all([1, 2, 3].map(answer)), [3, 5, 7]);
   * ```
   */
  flow(): Scope {
    return openFlow(this.#scopes);
  }

  /**
   * The innermost open scope.
   *
   * @throws {EngineError} where more than one scope is open over an `await`: see {@link Scope}.
   */
  get currentScope(): Scope | undefined {
    assertUnmixed(this.#scopes);
    return this.#scopes.open.at(-1);
  }

  /** True where ops are recorded for backward. */
  get gradEnabled(): boolean {
    return this.#gradEnabled;
  }

  /**
   * Runs a synchronous function without recording anything for backward.
   *
   * @throws {EngineError} where it returns a promise: what runs after its first `await` would be recorded.
   */
  noGrad<T>(fn: () => T): T {
    expectFunction("noGrad", "its argument", fn);
    const before = this.#gradEnabled;
    this.#gradEnabled = false;
    try {
      const result = fn();
      if (result instanceof Promise) {
        result.catch(() => {});
        throw new EngineError(
          "noGrad: the function is asynchronous, and what comes after its first await would be recorded; await outside",
        );
      }
      return result;
    } finally {
      this.#gradEnabled = before;
    }
  }

  // ---- running -------------------------------------------------------------------------------------------------------

  /**
   * Workgroup counts for `items` invocations of a kernel of `@workgroup_size(size)`. Where one axis cannot hold that many
   * workgroups they are folded into rows: an invocation's number is `id.x + id.y * num_workgroups.x * size`, and those from
   * `items` on have nothing to do.
   */
  grid(items: number, size: number): [x: number, y: number, z: number] {
    return this.#gpu.grid(items, size);
  }

  /**
   * Appends a kernel run to the command stream. What the kernel may write counts as changed: a gradient that needs its former
   * values is refused.
   *
   * @throws {EngineError} for names that the kernel does not have, or lacks, and tensors of another device.
   * @throws {DTypeError} for a tensor of another type than the kernel's variable.
   * @throws {DisposedError} for a tensor that is gone.
   */
  run(kernel: Kernel, run: KernelRun): void {
    if (!(kernel instanceof Kernel)) {
      throw new ArgumentError(`run: the kernel is one made by kernel(), not ${described(kernel)}`);
    }
    const { traits, interface: own } = declarationOf(kernel);
    if (traits.users) checkRun(kernel.name, own, this, isTensor, run);
    const { bind, ...rest } = run;
    if (traits.users) {
      for (const name in bind) if (bind[name]) assertAlive(bind[name], kernel.name);
      checkMemory(kernel.name, own, (name) => bind[name] ? storageOf(bind[name]) : undefined);
      for (const { name, writable } of own.storage) if (writable && bind[name]) storageOf(bind[name]).version++;
    }
    const buffers: Record<string, PoolBuffer | null> = {};
    for (const name in bind) {
      const tensor = bind[name];
      buffers[name] = tensor ? storageOf(tensor).buffer : null;
    }
    this.#gpu.run(kernel, { bind: buffers, ...rest });
  }

  /** Submits recorded work without waiting. */
  flush(): void {
    this.#gpu.flush();
  }

  /** Waits until all recorded work has run; throws what went wrong meanwhile. */
  async finish(): Promise<void> {
    await this.#gpu.finish();
  }

  /**
   * Runs `step` once and keeps its commands: `replay()` runs them again without the JavaScript in between, bit for bit as
   * eager execution would. Inside, tensors may not be read, uploaded to or made from host data; shapes must not change.
   * Gradients must be zeroed inside the step, after they were used. Its memory is its own, or `memory`, which several
   * captures share.
   */
  capture<T>(step: () => T, memory?: CapturePool): CapturedStep<T> {
    let outputs: T | undefined;
    expectFunction("capture", "the step", step);
    const own = memory ? undefined : new CapturePool(this);
    let replay: Replay;
    try {
      replay = this.#gpu.record(() => {
        outputs = step();
        if (!(outputs instanceof Promise)) return;
        outputs.catch(() => {});
        throw new EngineError(
          "capture: the step is asynchronous, and what comes after its first await would be missed",
        );
      }, arenaOf((memory ?? own)!));
    } catch (error) {
      own?.[Symbol.dispose]();
      throw error;
    }
    let open = true;
    return {
      outputs: outputs as T,
      replay: () => {
        if (!open) throw new EngineError("replay: this captured step was disposed");
        this.#gpu.replay(replay);
      },
      [Symbol.dispose]: () => {
        if (!open) return;
        this.#gpu.dropRecording(replay);
        own?.[Symbol.dispose]();
        open = false;
      },
    };
  }

  /** Waits for pending work and closes the device. Tensors still alive are gone with it. */
  async close(): Promise<void> {
    await this.#gpu.close();
  }

  /** Same as {@link Device.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Throws unless the numbers that a random draw is described by are numbers; a seed there must be. */
function expectDraw(op: string, options: Readonly<Record<string, unknown>> & { readonly truncated?: boolean }): void {
  const { seed, truncated = false, ...others } = options;
  expectNumber(op, "seed", seed);
  expectFlag(op, "truncated", truncated);
  for (const name in others) if (others[name] !== undefined) expectNumber(op, name, others[name]);
}

function nestedShape(data: Nested): number[] {
  if (typeof data === "number") return [];
  if (!Array.isArray(data)) {
    throw new ArgumentError(`tensor: data are numbers in nested arrays, or a typed array, not ${described(data)}`);
  }
  const inner = data.map(nestedShape);
  if (inner.some((s) => formatShape(s) !== formatShape(inner[0]))) {
    throw new ShapeError("tensor: nested arrays have unequal lengths");
  }
  return [data.length, ...(inner[0] ?? [])];
}
