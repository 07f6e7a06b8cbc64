/** Memory whose contents are known: filled before it is used, with guard words behind each tensor that are looked at afterwards. */
import type { Device } from "../../device.ts";
import { contextOf } from "../../friends.ts";
import type { Arena, PoolBuffer } from "../../gpu/buffer_pool.ts";
import type { Run } from "../../gpu/context.ts";
import { declarationOf, type Kernel } from "../../gpu/kernel.ts";

/**
 * Words that memory holds before it is used: zeros, NaN with digits of its own, or 1234.5678, which is an index out of range too.
 */
export const FILLS = { zeros: 0, nan: 0x7fc5_a5a5, number: 0x449a_522b } as const;

/** Guard words: no number that a kernel comes by. */
const GUARD = 0x7fde_adfe;

/** Bytes of guard words, at least. */
const GUARD_BYTES = 64;

/** Guard words that were written over. */
export interface BrokenGuard {
  /** Kernel and variable that had the memory last, of those that may write it. */
  readonly writer: string;
  /** Words that changed, and bytes from the tensor's end to the first. */
  readonly words: number;
  readonly beyond: number;
}

interface Held {
  readonly buffer: PoolBuffer;
  readonly bytes: number;
  arena: Arena | undefined;
}

/** Result of a run in known memory. */
export interface InMemory<T> {
  readonly result: T;
  readonly guards: readonly BrokenGuard[];
}

/** Runs `body` with all memory that it takes filled; nothing is used twice until it ends. */
export async function inMemory<T>(
  device: Device,
  fill: keyof typeof FILLS,
  body: () => Promise<T>,
): Promise<InMemory<T>> {
  const gpu = contextOf(device), { pool, run } = gpu;
  const held = new Map<number, Held>(), writers = new Map<number, string>();
  const acquire = pool.acquire, release = pool.release;
  pool.acquire = (bytes) => {
    const tensor = Math.ceil(bytes / 16) * 16, buffer = acquire.call(pool, tensor + GUARD_BYTES);
    held.set(buffer.id, { buffer, bytes, arena: undefined });
    const words = new Uint32Array(buffer.bytes / 4).fill(FILLS[fill]);
    gpu.upload(buffer, words.fill(GUARD, tensor / 4));
    return buffer;
  };
  pool.release = (buffer, arena) => {
    const own = held.get(buffer.id);
    if (own) own.arena = arena;
    else release.call(pool, buffer, arena);
  };
  gpu.run = (kernel: Kernel, options: Run) => {
    const { interface: { storage } } = declarationOf(kernel);
    for (const { name, writable } of storage) {
      const bound = options.bind[name];
      if (writable && bound) writers.set(bound.id, `"${name}" of ${kernel.name}`);
    }
    run.call(gpu, kernel, options);
  };
  const restore = (): void => {
    pool.acquire = acquire;
    pool.release = release;
    gpu.run = run;
  };
  try {
    const result = await body();
    restore();
    const guards = await Promise.all([...held.values()].map(async ({ buffer, bytes }): Promise<BrokenGuard[]> => {
      const words = new Uint32Array(await gpu.read(buffer, buffer.bytes)), from = Math.ceil(bytes / 16) * 4;
      const changed = words.subarray(from).reduce((count, word) => count + Number(word !== GUARD), 0);
      if (changed === 0) return [];
      const first = words.subarray(from).findIndex((word) => word !== GUARD);
      const writer = writers.get(buffer.id) ?? "a copy";
      return [{ writer, words: changed, beyond: 4 * (from + first) - bytes }];
    }));
    return { result, guards: guards.flat() };
  } finally {
    restore();
    for (const { buffer, arena } of held.values()) if (arena) release.call(pool, buffer, arena);
  }
}

/** Runs `body` with workgroups folded into rows of two, as happens to dispatches of more than a device takes in a row. */
export async function folded<T>(device: Device, body: () => Promise<T>): Promise<T> {
  const gpu = contextOf(device), { grid } = gpu;
  gpu.grid = (items, size) => {
    const groups = Math.ceil(items / size);
    return groups <= 2 ? [groups, 1, 1] : [2, Math.ceil(groups / 2), 1];
  };
  try {
    return await body();
  } finally {
    gpu.grid = grid;
  }
}
