/**
 * The command stream. Ops append dispatches and copies to one open encoder; nothing waits. Parameter blocks of all pending
 * dispatches travel in one uniform buffer with one write per flush, and uploads pass through a staging buffer inside the
 * stream, because `queue.writeBuffer` would overtake commands recorded but not yet submitted.
 */
import { ArgumentError, EngineError } from "../base/errors.ts";
import { described } from "../base/given.ts";
import type { PoolBuffer } from "./buffer_pool.ts";
import type { DispatchTimer } from "./dispatch_timer.ts";
import type { Pipeline } from "./kernel.ts";

/** Slot size of a parameter block: the alignment every adapter accepts for dynamic uniform offsets. */
const SLOT = 256;
const SLOTS = 1024;
const MAX_DISPATCHES = 512;
const MAX_STAGED_BYTES = 32 << 20;

/** One recorded dispatch or copy, replayable as it is. */
export type Command =
  | {
    readonly kind: "dispatch";
    readonly pipeline: Pipeline;
    readonly buffers: readonly PoolBuffer[];
    readonly params: Uint8Array<ArrayBuffer> | undefined;
    readonly grid: readonly [number, number, number];
  }
  | {
    readonly kind: "copy";
    readonly from: GPUBuffer;
    readonly fromOffset: number;
    readonly to: GPUBuffer;
    readonly toOffset: number;
    readonly bytes: number;
  };

/** Counts since the device was opened. */
export interface StreamStats {
  /** Dispatches recorded since the device was opened. */
  dispatches: number;
  /** Submits to the queue. */
  submits: number;
  /** Milliseconds spent in them: a software driver computes meanwhile. */
  submitMs: number;
  /** Bind groups created; stays put once steps repeat. */
  bindGroups: number;
}

/** One encoder, one pass, one parameter ring. */
export class Stream {
  readonly stats: StreamStats = { dispatches: 0, submits: 0, submitMs: 0, bindGroups: 0 };
  readonly #device: GPUDevice;
  readonly #ring: GPUBuffer;
  readonly #mirror = new ArrayBuffer(SLOT * SLOTS);
  readonly #words = new DataView(this.#mirror);
  /** Handed over as a typed array: a plain one is converted element by element. */
  readonly #offset = new Uint32Array(1);
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  readonly #onSubmit: () => void;
  #staging: GPUBuffer | undefined;
  #stagingBytes = 0;
  #staged = 0;
  readonly #retired: GPUBuffer[] = [];
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #bound: GPUComputePipeline | undefined;
  #slots = 0;
  #pending = 0;
  #recording: Command[] | undefined;
  #timer: DispatchTimer | undefined;

  constructor(device: GPUDevice, onSubmit: () => void) {
    this.#device = device;
    this.#onSubmit = onSubmit;
    this.#ring = device.createBuffer({
      label: "params",
      size: SLOT * SLOTS,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** True while a capture is under way. */
  get recording(): boolean {
    return this.#recording !== undefined;
  }

  /** Appends one dispatch. `params` holds the fields of the kernel's `Params` by name. */
  dispatch(
    pipeline: Pipeline,
    buffers: readonly PoolBuffer[],
    params: Readonly<Record<string, number | readonly number[]>> | undefined,
    grid: readonly [number, number, number],
  ): void {
    if (this.#slots === SLOTS || this.#pending >= MAX_DISPATCHES || this.#timer?.full) this.flush();
    const { interface: face } = pipeline.kernel;
    const group = this.#bindGroup(pipeline, buffers, this.#ring);
    const pass = this.#timer ? this.#timedPass(this.#timer, pipeline, buffers, params ?? {}, grid) : this.#openPass();
    if (this.#bound !== pipeline.gpu) pass.setPipeline(this.#bound = pipeline.gpu);
    if (face.paramBytes > 0) {
      const offset = this.#slots++ * SLOT;
      this.#encode(pipeline, params ?? {}, offset);
      this.#offset[0] = offset;
      pass.setBindGroup(0, group, this.#offset, 0, 1);
    } else {
      pass.setBindGroup(0, group);
    }
    pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
    this.#pending++;
    this.stats.dispatches++;
    if (this.#recording) {
      const at = (this.#slots - 1) * SLOT;
      const bytes = face.paramBytes > 0 ? new Uint8Array(this.#mirror.slice(at, at + SLOT)) : undefined;
      this.#recording.push({ kind: "dispatch", pipeline, buffers: [...buffers], params: bytes, grid });
    }
  }

  /** Appends a copy; offsets and sizes in bytes, multiples of 4. */
  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    if (bytes === 0) return;
    this.#openEncoder().copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
    this.#pending++;
    this.#recording?.push({ kind: "copy", from, fromOffset, to, toOffset, bytes });
  }

  /** Writes host bytes into `to` at this place of the stream. The array may be reused at once. */
  upload(to: GPUBuffer, data: ArrayBufferView<ArrayBuffer>): void {
    if (this.#recording) {
      throw new EngineError(
        "a captured step cannot upload: make constants before capture, write inputs between replays",
      );
    }
    const bytes = Math.ceil(data.byteLength / 4) * 4;
    if (bytes === 0) return;
    if (this.#staged + bytes > this.#stagingBytes || this.#staged + bytes > MAX_STAGED_BYTES) {
      if (this.#staged > 0) this.flush();
      if (bytes > this.#stagingBytes) {
        if (this.#staging) this.#retired.push(this.#staging);
        this.#stagingBytes = Math.max(1 << 20, 2 ** Math.ceil(Math.log2(bytes)));
        this.#staging = this.#device.createBuffer({
          label: "staging",
          size: this.#stagingBytes,
          usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        });
      }
    }
    // Safe although writeBuffer runs before the pending commands: this part of the staging buffer is new to this submit.
    let source = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (source.byteLength !== bytes) {
      const padded = new Uint8Array(bytes);
      padded.set(source);
      source = padded;
    }
    this.#device.queue.writeBuffer(this.#staging!, this.#staged, source);
    this.copy(this.#staging!, this.#staged, to, 0, bytes);
    this.#staged = Math.ceil((this.#staged + bytes) / 16) * 16;
  }

  /** Submits everything recorded so far; does not wait. */
  flush(): void {
    if (this.#pending === 0) {
      this.#onSubmit();
      return;
    }
    this.#closePass();
    if (this.#slots > 0) this.#device.queue.writeBuffer(this.#ring, 0, this.#mirror, 0, this.#slots * SLOT);
    this.#timer?.resolve(this.#encoder!);
    const commands = this.#encoder!.finish(), start = performance.now();
    this.#device.queue.submit([commands]);
    this.stats.submitMs += performance.now() - start;
    this.#timer?.submitted();
    this.stats.submits++;
    this.#encoder = undefined;
    this.#slots = this.#pending = this.#staged = 0;
    for (const buffer of this.#retired.splice(0)) buffer.destroy();
    this.#onSubmit();
  }

  /** From here on, `timer` times every dispatch; undefined for none. What was recorded before is submitted first. */
  set timer(timer: DispatchTimer | undefined) {
    this.flush();
    this.#timer = timer;
  }

  /** From here on, keep every command for replay. */
  startRecording(): void {
    if (this.#recording) throw new EngineError("captures do not nest");
    this.#recording = [];
  }

  /** The commands since {@link startRecording}. */
  stopRecording(): Command[] {
    const commands = this.#recording ?? [];
    this.#recording = undefined;
    return commands;
  }

  /** Makes recorded commands ready to run again: parameters in a buffer of their own, bind groups made. */
  prepare(commands: readonly Command[]): Replay {
    const slots = commands.filter((c) => c.kind === "dispatch" && c.params).length;
    const params = this.#device.createBuffer({
      label: "captured params",
      size: Math.max(1, slots) * SLOT,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    const bytes = new Uint8Array(Math.max(1, slots) * SLOT);
    let slot = 0;
    const steps = commands.map((command) => {
      if (command.kind === "copy") return command;
      const group = this.#makeBindGroup(command.pipeline, command.buffers, params);
      if (!command.params) return { ...command, group, offset: undefined };
      bytes.set(command.params, slot * SLOT);
      return { ...command, group, offset: Uint32Array.of(slot++ * SLOT) };
    });
    this.#device.queue.writeBuffer(params, 0, bytes);
    const users = commands.flatMap((command) =>
      command.kind === "dispatch" && command.pipeline.kernel.traits.users ? [command.pipeline] : []
    );
    return { steps, params, users };
  }

  /** Appends a prepared list again. */
  replay({ steps }: Replay): void {
    for (const step of steps) {
      if (step.kind === "copy") {
        this.copy(step.from, step.fromOffset, step.to, step.toOffset, step.bytes);
        continue;
      }
      if (this.#pending >= MAX_DISPATCHES || this.#timer?.full) this.flush();
      const pass = this.#timer
        ? this.#timedPass(this.#timer, step.pipeline, step.buffers, decoded(step), step.grid)
        : this.#openPass();
      if (this.#bound !== step.pipeline.gpu) pass.setPipeline(this.#bound = step.pipeline.gpu);
      if (step.offset) pass.setBindGroup(0, step.group, step.offset, 0, 1);
      else pass.setBindGroup(0, step.group);
      pass.dispatchWorkgroups(step.grid[0], step.grid[1], step.grid[2]);
      this.#pending++;
      this.stats.dispatches++;
    }
  }

  /** Forgets bind groups, after buffers they name were destroyed. */
  forgetBindGroups(): void {
    this.#bindGroups.clear();
  }

  /** Submits what is pending and frees the stream's own buffers. */
  destroy(): void {
    this.flush();
    this.#ring.destroy();
    this.#staging?.destroy();
  }

  #openEncoder(): GPUCommandEncoder {
    this.#closePass();
    return this.#encoder ??= this.#device.createCommandEncoder();
  }

  #openPass(): GPUComputePassEncoder {
    if (this.#pass) return this.#pass;
    this.#encoder ??= this.#device.createCommandEncoder();
    return this.#pass = this.#encoder.beginComputePass();
  }

  /** A pass for one dispatch alone. */
  #timedPass(
    timer: DispatchTimer,
    pipeline: Pipeline,
    buffers: readonly PoolBuffer[],
    params: Readonly<Record<string, number | readonly number[]>>,
    grid: readonly [number, number, number],
  ): GPUComputePassEncoder {
    this.#closePass();
    this.#encoder ??= this.#device.createCommandEncoder();
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.bytes, 0);
    return this.#pass = this.#encoder.beginComputePass(timer.pass(pipeline, params, bytes, grid));
  }

  #closePass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#bound = undefined;
  }

  #bindGroup(pipeline: Pipeline, buffers: readonly PoolBuffer[], params: GPUBuffer): GPUBindGroup {
    let key = `${pipeline.kernel.id}`;
    for (const buffer of buffers) key += `:${buffer.id}`;
    let group = this.#bindGroups.get(key);
    if (!group) this.#bindGroups.set(key, group = this.#makeBindGroup(pipeline, buffers, params));
    return group;
  }

  #makeBindGroup(pipeline: Pipeline, buffers: readonly PoolBuffer[], params: GPUBuffer): GPUBindGroup {
    const { storage, paramBytes } = pipeline.kernel.interface;
    const entries: GPUBindGroupEntry[] = storage.map((s, i) => ({
      binding: s.binding,
      resource: { buffer: buffers[i].gpu, offset: 0, size: buffers[i].bytes },
    }));
    if (paramBytes > 0) entries.push({ binding: 0, resource: { buffer: params, offset: 0, size: paramBytes } });
    this.stats.bindGroups++;
    return this.#device.createBindGroup({ label: pipeline.kernel.name, layout: pipeline.layout, entries });
  }

  #encode(pipeline: Pipeline, params: Readonly<Record<string, number | readonly number[]>>, offset: number): void {
    const words = this.#words;
    for (const field of pipeline.kernel.interface.params) {
      const value = params[field.name];
      if (value === undefined) {
        throw new EngineError(`internal: ${pipeline.kernel.name}: parameter "${field.name}" is missing`);
      }
      const write = (at: number, x: number) => {
        if (field.scalar === "f32") words.setFloat32(at, x, true);
        else if (field.scalar === "u32") words.setUint32(at, x, true);
        else words.setInt32(at, x, true);
      };
      const at = offset + field.offset;
      if (typeof value === "number") write(at, value);
      else if (Array.isArray(value)) { for (let i = 0; i < field.width; i++) write(at + 4 * i, value[i] ?? 0); }
      else {
        // Not a number in a string, whose first character would be taken for a list's first entry.
        throw new ArgumentError(`${pipeline.kernel.name}: "${field.name}" is a number, not ${described(value)}`);
      }
    }
  }
}

/** The parameters of a recorded dispatch by name. */
function decoded(
  { pipeline, params }: Extract<Command, { kind: "dispatch" }>,
): Readonly<Record<string, number | readonly number[]>> {
  if (!params) return {};
  const words = new DataView(params.buffer);
  return Object.fromEntries(pipeline.kernel.interface.params.map(({ name, scalar, width, offset }) => {
    const read = (at: number): number =>
      scalar === "f32"
        ? words.getFloat32(at, true)
        : scalar === "u32"
        ? words.getUint32(at, true)
        : words.getInt32(at, true);
    const values = Array.from({ length: width }, (_, i) => read(offset + 4 * i));
    return [name, width === 1 ? values[0] : values];
  }));
}

/** Prepared commands of a captured step. */
export interface Replay {
  readonly steps: readonly (
    | Extract<Command, { kind: "copy" }>
    | (Extract<Command, { kind: "dispatch" }> & {
      readonly group: GPUBindGroup;
      readonly offset: Uint32Array<ArrayBuffer> | undefined;
    })
  )[];
  readonly params: GPUBuffer;
  /** Pipelines of users' kernels, which may not have compiled. */
  readonly users: readonly Pipeline[];
}
