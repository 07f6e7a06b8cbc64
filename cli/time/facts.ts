/** Facts of the dispatches of a run before it is timed: arithmetic, traffic, and what each kernel takes of a workgroup. */
import type { Device } from "../../engine/device.ts";
import { contextOf } from "../../engine/friends.ts";
import { declarationOf, type DispatchParams, type KernelDeclaration } from "../../engine/gpu/kernel.ts";
import { valueOf } from "../../engine/testing/wgsl/constants.ts";
import { parseModule, reachedFrom, scalarsOf, type Type } from "../../engine/testing/wgsl/module.ts";
import { openWork, type Work } from "./work.ts";

/** A kernel of a run. */
export interface KernelFacts {
  readonly kernel: string;
  /** Constants that it was given, in words. */
  readonly constants: string;
  /** Bytes of workgroup memory by its text; null where they are not known. */
  readonly workgroupBytes: number | null;
  /** Registers of an invocation: WebGPU does not say. */
  readonly registers: null;
}

/** Facts of a run. */
export interface Facts {
  /** Multiplications and additions; null where a kernel does not say how many it does and none does. */
  readonly flops: number | null;
  /** Bytes of all that is bound, once for each dispatch. */
  readonly bytes: number;
  readonly kernels: readonly KernelFacts[];
}

/** Facts of the dispatches of some kernels in one run of work, or of all where none is named. */
export function factsOf(device: Device, work: Work, names: readonly string[]): Facts {
  const gpu = contextOf(device), { run, pool } = gpu, { acquire } = pool;
  const asked = new Map<number, number>(), kernels = new Map<string, KernelFacts>();
  let flops: number | null = null, bytes = 0;
  // A buffer is larger than the tensor in it.
  pool.acquire = (size) => {
    const buffer = acquire.call(pool, size);
    asked.set(buffer.id, size);
    return buffer;
  };
  gpu.run = (kernel, options) => {
    run.call(gpu, kernel, options);
    const declaration = declarationOf(kernel), { traits, name, interface: { storage } } = declaration;
    if (options.grid.includes(0) || names.length > 0 && !names.includes(name)) return;
    const own = traits.flops?.((options.params ?? {}) as DispatchParams);
    if (own !== undefined) flops = (flops ?? 0) + own;
    for (const { name } of storage) {
      const bound = options.bind[name];
      if (bound) bytes += asked.get(bound.id) ?? bound.bytes;
    }
    const { constants = {} } = options,
      set = Object.entries(constants).map(([name, value]) => `${name}=${value}`).join(" ");
    kernels.set(`${name} ${set}`, {
      kernel: name,
      constants: set,
      workgroupBytes: workgroupBytes(declaration, constants),
      registers: null,
    });
  };
  try {
    using opened = openWork(device, work);
    opened.run();
  } finally {
    gpu.run = run;
    pool.acquire = acquire;
  }
  return { flops, bytes, kernels: [...kernels.values()] };
}

/** Bytes of the workgroup variables that a kernel reaches; null where a length is not known. */
function workgroupBytes(
  { code, entry }: KernelDeclaration,
  constants: Readonly<Record<string, number>>,
): number | null {
  const module = parseModule(code),
    words = new Set(reachedFrom(module, entry).flatMap((fn) => fn.tokens.map(({ text }) => text)));
  let sum = 0;
  for (const { name, space, type } of module.variables.values()) {
    if (space !== "workgroup" || !words.has(name)) continue;
    const size = scalarsOf(type), count = size && valueOf(size, constants, module.constants);
    if (!count) return null;
    sum += count * bytesOf(type);
  }
  return sum;
}

/** Bytes of the numbers of a type. */
function bytesOf(type: Type): number {
  return JSON.stringify(type).includes('"f16"') ? 2 : 4;
}
