/** Reference-counted device memory under one or more tensors (a reshape shares its input's). */
import type { GpuContext } from "./gpu/context.ts";
import type { Arena, PoolBuffer } from "./gpu/buffer_pool.ts";

/** A pooled buffer with a count of the tensors on it and of the times it was written in place. */
export class Storage {
  readonly buffer: PoolBuffer;
  readonly #gpu: GpuContext;
  readonly #arena: Arena;
  #refs = 1;
  /** Rises with each in-place write, so that a gradient never uses a value that changed since it was saved. */
  version = 0;

  constructor(gpu: GpuContext, bytes: number) {
    this.#gpu = gpu;
    this.#arena = gpu.pool.current;
    this.buffer = gpu.pool.acquire(Math.max(16, bytes));
  }

  /** Tensors that share this memory. */
  get refs(): number {
    return this.#refs;
  }

  /** One more tensor on this memory. */
  retain(): this {
    this.#refs++;
    return this;
  }

  /** One tensor fewer; the last one gives the buffer back. */
  release(): void {
    if (--this.#refs === 0) this.#gpu.pool.release(this.buffer, this.#arena);
  }
}
