/**
 * Pooled storage buffers. Size classes at 1, 1¼, 1½, 1¾ times powers of two waste at most a fifth and let a step that has
 * run once find every buffer again. The free buffer with the lowest number is taken first, so equal steps get equal
 * buffers, and with them the bind groups already made.
 */
import { OutOfMemoryError } from "../base/errors.ts";

/** A pooled buffer; `bytes` is its size class, not what was asked. */
export interface PoolBuffer {
  readonly id: number;
  readonly gpu: GPUBuffer;
  readonly bytes: number;
}

/** Free buffers kept apart from everybody else's, so that captured steps can be replayed without disturbing them. */
export class Arena {
  /** Set when its owner is gone: buffers still in use then come back to everybody's. */
  closed = false;
  /** Bytes of all buffers it has, free or in use. */
  bytes = 0;
  readonly free = new Map<number, PoolBuffer[]>();
}

const MIN_BYTES = 256;

/** The size class that holds `bytes`. */
export function sizeClass(bytes: number): number {
  if (bytes <= MIN_BYTES) return MIN_BYTES;
  const power = 2 ** Math.floor(Math.log2(bytes));
  for (const quarter of [4, 5, 6, 7]) if (power * quarter / 4 >= bytes) return power * quarter / 4;
  return power * 2;
}

/** Counts kept by the pool, in bytes and buffers. */
export interface PoolStats {
  /** Bytes of buffers in use. */
  readonly usedBytes: number;
  /** Bytes of buffers kept for reuse. */
  readonly pooledBytes: number;
  /** Most bytes in use at once so far. */
  readonly peakBytes: number;
  /** GPU buffers created since the device was opened. */
  readonly created: number;
}

/** Limits of the pool, in bytes. */
export interface PoolLimits {
  readonly maxBufferBytes: number;
  readonly maxBindingBytes: number;
  readonly memoryLimit: number;
  /** Most bytes of free buffers that everybody shares; null keeps as many as were ever in use at once, at least 1 GiB. */
  readonly maxPooledBytes: number | null;
}

/** Bytes kept by default. A step larger than this finds its buffers again all the same. */
const KEPT = 1 << 30;

/** The usual cause where no single tensor is large. */
const MISSING = "; tensors that grow in number with every step want a scope (device.scope())";

/** Hands out storage buffers and takes them back. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #limits: PoolLimits;
  readonly #fail: (error: Error) => void;
  readonly #shared = new Arena();
  readonly #doomed: GPUBuffer[] = [];
  #arena: Arena = this.#shared;
  #nextId = 0;
  #used = 0;
  #pooled = 0;
  /** Pooled bytes outside any capture pool. */
  #sharedFree = 0;
  #peak = 0;
  #peakUsed = 0;
  #created = 0;
  /** Tensors alive, for messages: those who hold the buffers know. */
  tensors: () => number = () => 0;
  /** Called when a buffer is destroyed, so that bind groups that name it can go too. */
  onDestroy: (id: number) => void = () => {};

  constructor(device: GPUDevice, limits: PoolLimits, fail: (error: Error) => void) {
    this.#device = device;
    this.#limits = limits;
    this.#fail = fail;
  }

  get stats(): PoolStats {
    return { usedBytes: this.#used, pooledBytes: this.#pooled, peakBytes: this.#peak, created: this.#created };
  }

  /** Starts the peak anew from what is in use now. */
  resetPeak(): void {
    this.#peak = this.#used;
  }

  /** Takes and gives back buffers in `arena` until {@link leave}. */
  enter(arena: Arena): void {
    this.#arena = arena;
  }

  /** Back to the shared buffers. */
  leave(): void {
    this.#arena = this.#shared;
  }

  /** The arena buffers are taken from now; a storage gives its buffer back to the arena it came from. */
  get current(): Arena {
    return this.#arena;
  }

  /** A buffer of at least `bytes`, contents undefined. */
  acquire(bytes: number): PoolBuffer {
    const { maxBufferBytes, maxBindingBytes, memoryLimit } = this.#limits;
    if (bytes > maxBindingBytes || bytes > maxBufferBytes) {
      throw new OutOfMemoryError(
        `a tensor of ${mib(bytes)} exceeds what this adapter binds at once (${
          mib(Math.min(maxBufferBytes, maxBindingBytes))
        }): split it, lower the batch or the image size`,
      );
    }
    const size = Math.min(sizeClass(bytes), maxBindingBytes, maxBufferBytes);
    const list = this.#arena.free.get(size);
    const found = list?.shift();
    if (found) {
      this.#free(-size, this.#arena);
      this.#use(size);
      return found;
    }
    if (this.#used + this.#pooled + size > memoryLimit) this.trim(0);
    if (this.#used + size > memoryLimit) {
      throw new OutOfMemoryError(
        `asked for ${mib(bytes)} with ${this.#live()}, over the memory limit of ${mib(memoryLimit)}: ` +
          `lower the batch or the image size, or raise memoryLimit${MISSING}`,
      );
    }
    const device = this.#device;
    const live = this.#live();
    device.pushErrorScope("out-of-memory");
    const gpu = device.createBuffer({
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    device.popErrorScope().then((error) => {
      if (!error) return;
      this.#fail(
        new OutOfMemoryError(
          `the device refused ${mib(bytes)} with ${live}: lower the batch or the image size${MISSING}`,
        ),
      );
    });
    this.#created++;
    this.#arena.bytes += size;
    this.#use(size);
    return { id: this.#nextId++, gpu, bytes: size };
  }

  #live(): string {
    const count = this.tensors();
    return `${mib(this.#used)} live in ${count} ${count === 1 ? "tensor" : "tensors"}`;
  }

  /** Gives a buffer back to `arena`. Safe at once: later dispatches run after earlier ones. */
  release(buffer: PoolBuffer, arena: Arena): void {
    if (arena.closed) arena = this.#shared;
    let list = arena.free.get(buffer.bytes);
    if (!list) arena.free.set(buffer.bytes, list = []);
    let at = list.length;
    while (at > 0 && list[at - 1].id > buffer.id) at--;
    list.splice(at, 0, buffer);
    this.#used -= buffer.bytes;
    this.#free(buffer.bytes, arena);
    const keep = this.#limits.maxPooledBytes ?? Math.max(KEPT, this.#peakUsed);
    if (this.#sharedFree > keep) this.trim(keep);
  }

  /** Destroys free shared buffers, largest first, until at most `keep` bytes of them are left. */
  trim(keep: number): void {
    const sizes = [...this.#shared.free.keys()].sort((a, b) => b - a);
    for (const size of sizes) {
      const list = this.#shared.free.get(size)!;
      while (list.length > 0 && this.#sharedFree > keep) this.#destroy(list.pop()!, this.#shared);
    }
  }

  /** Destroys the free buffers of an arena that will not be used again. */
  close(arena: Arena): void {
    arena.closed = true;
    arena.bytes = 0;
    for (const list of arena.free.values()) for (const buffer of list.splice(0)) this.#destroy(buffer, arena);
  }

  /** Really destroys what was marked: only when no recorded, unsubmitted command can name it. */
  sweep(): void {
    for (const gpu of this.#doomed.splice(0)) gpu.destroy();
  }

  #destroy(buffer: PoolBuffer, arena: Arena): void {
    this.#free(-buffer.bytes, arena);
    this.#doomed.push(buffer.gpu);
    this.onDestroy(buffer.id);
  }

  #free(bytes: number, arena: Arena): void {
    this.#pooled += bytes;
    if (arena === this.#shared) this.#sharedFree += bytes;
  }

  #use(size: number): void {
    this.#used += size;
    this.#peak = Math.max(this.#peak, this.#used);
    this.#peakUsed = Math.max(this.#peakUsed, this.#used);
  }
}

function mib(bytes: number): string {
  return bytes < 1 << 20 ? `${bytes} bytes` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}
