/** Kernels that a result comes from: what was written by which is followed from buffer to buffer. */
import type { Device } from "../../engine/device.ts";
import { contextOf } from "../../engine/friends.ts";
import { declarationOf, formOf } from "../../engine/gpu/kernel.ts";

/** Forms of kernels. */
export type Forms = ReadonlySet<string>;

/** A recording that was followed. */
export interface Trace<T> {
  readonly value: T;
  /** Of each reading, in order, the kernels that had a part in what is read. */
  readonly reads: readonly Forms[];
  /** Every kernel that ran. */
  readonly all: Forms;
}

/** Follows what `body` records before it returns. */
export function trace<T>(device: Device, body: () => T): Trace<T> {
  const gpu = contextOf(device), { pool, run, copy, read } = gpu, { acquire } = pool;
  const origins = new Map<number, Forms>(), reads: Forms[] = [], all = new Set<string>();
  const of = (id: number): Forms => origins.get(id) ?? new Set();
  pool.acquire = (bytes) => {
    const buffer = acquire.call(pool, bytes);
    // What others left in it has no part in what comes.
    origins.delete(buffer.id);
    return buffer;
  };
  gpu.run = (kernel, options) => {
    run.call(gpu, kernel, options);
    if (options.grid.includes(0)) return;
    const form = formOf(kernel, options.constants);
    all.add(form);
    const { interface: { storage } } = declarationOf(kernel), forms = new Set([form]);
    for (const { name } of storage) {
      const bound = options.bind[name];
      if (bound) { for (const own of of(bound.id)) forms.add(own); }
    }
    for (const { name, writable } of storage) {
      const bound = options.bind[name];
      if (writable && bound) origins.set(bound.id, forms);
    }
  };
  gpu.copy = (from, fromOffset, to, toOffset, bytes) => {
    copy.call(gpu, from, fromOffset, to, toOffset, bytes);
    origins.set(to.id, new Set([...of(from.id), ...of(to.id)]));
  };
  gpu.read = (from, bytes) => {
    reads.push(of(from.id));
    return read.call(gpu, from, bytes);
  };
  try {
    return { value: body(), reads, all };
  } finally {
    // Methods of the prototype, which own ones had hidden.
    pool.acquire = acquire;
    Object.assign(gpu, { run, copy, read });
  }
}
