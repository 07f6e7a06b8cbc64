/**
 * The one place where the engine meets WebGPU: buffers, kernels, the stream and readback of a device behind a small face
 * that speaks of bytes and kernels, never of `GPU*` objects.
 */
import { DeviceLostError, EngineError, KernelError, OutOfMemoryError, RefusedKernelError } from "../base/errors.ts";
import { host } from "../host.ts";
import { type AdapterChoice, type AdapterInfo, type KernelSet, openAdapter } from "./adapter.ts";
import { Arena, BufferPool, type PoolBuffer, type PoolStats } from "./buffer_pool.ts";
import { DispatchTimer, type TimedDispatch } from "./dispatch_timer.ts";
import { FAULTS, IndexFaults } from "./index_faults.ts";
import { type Constants, declarationOf, formOf, type Kernel, type KernelDeclaration, PipelineCache } from "./kernel.ts";
import { Readback } from "./readback.ts";
import { type Replay, Stream, type StreamStats } from "./stream.ts";

/** Options of an adapter and of its memory. */
export interface ContextOptions {
  /** The adapter; default `auto`. */
  readonly adapter?: AdapterChoice;
  /** The kernel family; default by adapter: `cpu` on software Vulkan, else `gpu`. */
  readonly kernels?: KernelSet;
  /** The name of `kernels` before 0.2.0; still read. */
  readonly profile?: KernelSet;
  /** Most bytes of tensors alive at once; default `ITERA_MEMORY` in GiB where it is set, else no limit but the device's. */
  readonly memoryLimit?: number;
  /** Most bytes kept for reuse; default as many as were ever in use at once, at least 1 GiB. */
  readonly maxPooledBytes?: number;
}

/** One kernel run: what is bound to its storage variables by name, its parameters, constants and workgroup counts. */
export interface Run {
  readonly bind: Readonly<Record<string, PoolBuffer | null>>;
  readonly params?: Readonly<Record<string, number | readonly number[]>>;
  readonly constants?: Constants;
  readonly grid: readonly [number, number, number];
}

/** An opened device: everything `engine/` needs of WebGPU. */
export class GpuContext {
  readonly info: AdapterInfo;
  readonly kernels: KernelSet;
  readonly pool: BufferPool;
  /** Most bytes of tensors alive at once. */
  readonly memoryLimit: number;
  /** Forms of kernels that compute wrong numbers here: none of them runs, and choices pass them over. */
  refused: ReadonlySet<string> = new Set();
  readonly #device: GPUDevice;
  readonly #stream: Stream;
  readonly #pipelines: PipelineCache;
  readonly #readback: Readback;
  readonly #faults: IndexFaults;
  /** Bound where nothing is given, to variables that are read and to one that is written: a dispatch may not do both to a buffer. */
  readonly #nothing: Readonly<Record<"read" | "written", PoolBuffer>>;
  readonly #maxGroups: number;
  #failure: Error | undefined;
  /** Errors of users' kernels, which the next reading reports; the device stays usable. */
  readonly #slips: Error[] = [];
  #closed = false;
  #bindGroupsStale = false;
  #epoch = 0;
  /** Dispatches by kernel while they are counted, and those of recordings made meanwhile. */
  #counts: Map<string, number> | undefined;
  readonly #counted = new WeakMap<Replay, ReadonlyMap<string, number>>();

  private constructor(device: GPUDevice, info: AdapterInfo, options: ContextOptions) {
    this.#device = device;
    this.info = info;
    this.kernels = options.kernels ?? options.profile ?? (info.isFallback ? "cpu" : "gpu");
    this.#maxGroups = info.limits.maxComputeWorkgroupsPerDimension;
    const fail = (error: Error) => this.fail(error);
    this.memoryLimit = options.memoryLimit ?? knownMemory();
    this.pool = new BufferPool(device, {
      maxBufferBytes: wholeVectors(info.limits.maxBufferSize),
      maxBindingBytes: wholeVectors(info.limits.maxStorageBufferBindingSize),
      memoryLimit: this.memoryLimit,
      maxPooledBytes: options.maxPooledBytes ?? null,
    }, fail);
    this.pool.onDestroy = () => this.#bindGroupsStale = true;
    this.#stream = new Stream(device, () => {
      if (this.#bindGroupsStale) this.#stream.forgetBindGroups();
      this.#bindGroupsStale = false;
      this.pool.sweep();
    });
    const report = (error: KernelError, { traits }: KernelDeclaration) => {
      if (traits.users) this.#slips.push(error);
      else fail(error);
    };
    this.#pipelines = new PipelineCache(device, report, info.enablesSubgroups);
    this.#faults = new IndexFaults(device);
    this.#readback = new Readback(device, this.#stream, this.#faults, () => this.#checkReading());
    const unused = (id: number): PoolBuffer => {
      const gpu = device.createBuffer({ label: "nothing", size: 256, usage: GPUBufferUsage.STORAGE });
      return { id, gpu, bytes: 256 };
    };
    this.#nothing = { read: unused(-1), written: unused(-2) };
    device.lost.then((lost) => {
      if (!this.#closed) this.fail(new DeviceLostError(`the GPU device was lost (${lost.reason}): ${lost.message}`));
    });
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.fail(new KernelError((event as GPUUncapturedErrorEvent).error.message));
    });
  }

  /** Opens the adapter asked for. */
  static async open(options: ContextOptions): Promise<GpuContext> {
    const { device, info } = await openAdapter(options.adapter ?? "auto");
    return new GpuContext(device, info, options);
  }

  /** Another number where a recording begins or ends and after each replay, which may write to what nobody sees written. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Throws the error that broke this device, if one did. */
  check(): void {
    if (this.#failure) throw this.#failure;
    if (this.#closed) throw new EngineError("the device is closed");
  }

  /** The same, and reports what went wrong in a user's kernel, once. */
  #checkReading(): void {
    this.check();
    const slip = this.#slips.shift();
    if (slip) throw slip;
  }

  /** Remembers the first error; every later call throws it. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** Appends a kernel run to the stream; a grid with a zero does nothing. */
  run(kernel: Kernel, { bind, params, constants, grid }: Run): void {
    this.check();
    const [x, y, z] = grid;
    if (x === 0 || y === 0 || z === 0) return;
    if (x > this.#maxGroups || y > this.#maxGroups || z > this.#maxGroups) {
      throw new EngineError(
        `${kernel.name}: grid [${grid}] exceeds ${this.#maxGroups} workgroups on an axis; split it`,
      );
    }
    const declaration = declarationOf(kernel);
    if (this.#counts) return this.#tally(kernel.name, 1);
    if (!declaration.traits.users) this.#allow(kernel, constants);
    const buffers = declaration.interface.storage.map(({ name, writable }) => {
      if (name === FAULTS && !declaration.traits.users) {
        this.#faults.dirty = true;
        return this.#faults.buffer;
      }
      const bound = bind[name];
      if (bound === undefined) throw new EngineError(`internal: ${kernel.name}: nothing is bound to "${name}"`);
      return bound ?? (writable ? this.#nothing.written : this.#nothing.read);
    });
    if (declaration.traits.users) return this.#runUsers(declaration, constants, buffers, params, grid);
    this.#stream.dispatch(this.#pipelines.get(declaration, constants), buffers, params, grid);
  }

  /**
   * Names of the kernels that `body` runs, with the dispatches of each; none is compiled or run, so results hold anything. A
   * recording made within a count is counted by its replays, within that count or another; a count within another is no part of it.
   */
  count(body: () => void): ReadonlyMap<string, number> {
    const counts = new Map<string, number>(), outer = this.#counts;
    this.#counts = counts;
    try {
      body();
    } finally {
      this.#counts = outer;
    }
    return counts;
  }

  #tally(kernel: string, times: number): void {
    this.#counts!.set(kernel, (this.#counts!.get(kernel) ?? 0) + times);
  }

  /** Throws where a kernel is left out: whoever chose it had no other. */
  #allow(kernel: Kernel, constants: Constants | undefined): void {
    if (this.refused.size === 0 || !this.refused.has(formOf(kernel, constants))) return;
    throw new RefusedKernelError(
      `${
        formOf(kernel, constants)
      } computes wrong numbers with this adapter's driver, and no other kernel stands in for ` +
        "it here: update the driver and run `./itera doctor --kernels` again, or compute on another adapter " +
        "(--adapter cpu)",
    );
  }

  /** A user's kernel: until the device has answered that it compiled, alone in a submit, which may turn out invalid. */
  #runUsers(
    declaration: KernelDeclaration,
    constants: Constants | undefined,
    buffers: readonly PoolBuffer[],
    params: Run["params"],
    grid: Run["grid"],
  ): void {
    const device = this.#device;
    // Before it compiles: nothing of others may be left in the same submit.
    device.pushErrorScope("validation");
    const pipeline = this.#pipelines.get(declaration, constants);
    try {
      if (pipeline.compiled instanceof KernelError) throw pipeline.compiled;
      if (pipeline.compiled === undefined) this.#stream.flush();
      this.#stream.dispatch(pipeline, buffers, params, grid);
      if (pipeline.compiled === undefined) this.#stream.flush();
    } finally {
      device.popErrorScope().then((error) => {
        if (error && !(pipeline.compiled instanceof KernelError)) {
          this.#slips.push(new KernelError(`${declaration.name}: ${error.message}`));
        }
      });
    }
  }

  /** Workgroup counts for `items` invocations of a one-dimensional kernel; see `shaders/lib/index.wgsl`. */
  grid(items: number, workgroupSize: number): [number, number, number] {
    const groups = Math.ceil(items / workgroupSize);
    if (groups <= this.#maxGroups) return [groups, 1, 1];
    const rows = Math.ceil(groups / this.#maxGroups);
    return [Math.ceil(groups / rows), rows, 1];
  }

  /** Most workgroups along one axis of a dispatch. */
  get maxGroups(): number {
    return this.#maxGroups;
  }

  /** Writes host data into a buffer, in stream order. */
  upload(to: PoolBuffer, data: ArrayBufferView<ArrayBuffer>): void {
    this.check();
    this.#stream.upload(to.gpu, data);
  }

  /** Copies bytes from buffer to buffer, in stream order. */
  copy(from: PoolBuffer, fromOffset: number, to: PoolBuffer, toOffset: number, bytes: number): void {
    this.check();
    this.#stream.copy(from.gpu, fromOffset, to.gpu, toOffset, bytes);
  }

  /** Reads the first `bytes` of a buffer as they are at this place of the stream. */
  async read(from: PoolBuffer, bytes: number): Promise<ArrayBuffer> {
    this.check();
    if (this.recording) throw new EngineError("a captured step cannot read: keep the tensor and read it after capture");
    return await this.#readback.read(from.gpu, bytes);
  }

  /** Submits what was recorded; does not wait. */
  flush(): void {
    this.#stream.flush();
  }

  /** Waits until everything submitted has run; throws what went wrong meanwhile. */
  async finish(): Promise<void> {
    this.#stream.flush();
    await this.#device.queue.onSubmittedWorkDone();
    this.#checkReading();
  }

  /** Runs `fn` with buffers of `arena`, keeping its commands. */
  record(fn: () => void, arena: Arena): Replay {
    this.check();
    this.#epoch++;
    this.#stream.startRecording();
    this.pool.enter(arena);
    let commands, counted: ReadonlyMap<string, number> | undefined;
    try {
      if (this.#counts) counted = this.count(fn);
      else fn();
    } finally {
      this.#epoch++;
      this.pool.leave();
      commands = this.#stream.stopRecording();
    }
    const replay = this.#stream.prepare(commands);
    if (counted) this.#counted.set(replay, counted);
    return replay;
  }

  /** Appends recorded commands again. */
  replay(replay: Replay): void {
    this.check();
    for (const { compiled } of replay.users) if (compiled instanceof KernelError) throw compiled;
    this.#faults.dirty = true;
    this.#epoch++;
    if (this.#counts) { for (const [name, times] of this.#counted.get(replay) ?? []) this.#tally(name, times); }
    else this.#stream.replay(replay);
  }

  /** Frees a recording's parameters. */
  dropRecording(replay: Replay): void {
    this.#stream.flush();
    replay.params.destroy();
  }

  /** Frees the buffers of an arena whose recordings are gone. */
  closeArena(arena: Arena): void {
    this.pool.close(arena);
    this.#stream.flush();
  }

  /**
   * Times every dispatch from here on; the function returned ends it and gives the timings.
   *
   * @throws {EngineError} where the adapter has no timestamp queries.
   */
  time(): () => Promise<TimedDispatch[]> {
    this.check();
    if (!this.info.features.includes("timestamp-query")) {
      throw new EngineError("this adapter has no timestamp queries to time dispatches by");
    }
    const timer = this.#stream.timer = new DispatchTimer(this.#device);
    return async () => {
      this.#stream.timer = undefined;
      const timings = await timer.read();
      timer.destroy();
      this.check();
      return timings;
    };
  }

  /** Counts of dispatches, submits, bind groups and compiled pipelines. */
  get stats(): Readonly<StreamStats & PoolStats & { pipelines: number }> {
    return { ...this.#stream.stats, ...this.pool.stats, pipelines: this.#pipelines.count };
  }

  /** True while a step is being captured. */
  get recording(): boolean {
    return this.#stream.recording;
  }

  /** Waits for pending work and frees the device. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (!this.#failure) {
      this.#stream.flush();
      await this.#device.queue.onSubmittedWorkDone();
    }
    this.#closed = true;
    this.#readback.destroy();
    this.#faults.destroy();
    this.#stream.destroy();
    this.pool.trim(0);
    this.pool.sweep();
    for (const { gpu } of Object.values(this.#nothing)) gpu.destroy();
    this.#device.destroy();
  }
}

/** Whole vectors of 16 bytes: some adapters bind 2^31 - 1 bytes, of which kernels can use no part of the last. */
function wholeVectors(bytes: number): number {
  return bytes - bytes % 16;
}

/** Device memory that may be used by the environment's `ITERA_MEMORY`, in bytes; no adapter says how much it has. */
function knownMemory(): number {
  const text = host.variable("ITERA_MEMORY");
  if (text === undefined) return Infinity;
  const gib = Number(text);
  if (gib > 0) return gib * 2 ** 30;
  throw new OutOfMemoryError(
    `ITERA_MEMORY: "${text}" is no number of GiB above 0; set the device memory to use, or unset it`,
  );
}
