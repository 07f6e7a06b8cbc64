/** Loads and stores of kernels, counted by copies that count each access to a buffer. */
import type { Device } from "../../../engine/device.ts";
import { contextOf } from "../../../engine/friends.ts";
import type { PoolBuffer } from "../../../engine/gpu/buffer_pool.ts";
import { declarationOf, type Kernel, variantOf } from "../../../engine/gpu/kernel.ts";
import { valueOf } from "../../../engine/testing/wgsl/constants.ts";
import { parseModule, reachedFrom, scalarsOf } from "../../../engine/testing/wgsl/module.ts";
import { placesOf } from "../../../engine/testing/wgsl/places.ts";

/** Bytes that the invocations of a dispatch loaded and stored, by storage variable. */
export interface Traffic {
  readonly kernel: string;
  readonly loads: Readonly<Record<string, number>>;
  readonly stores: Readonly<Record<string, number>>;
}

interface Site {
  readonly name: string;
  readonly loads: boolean;
  readonly stores: boolean;
  readonly words: number;
}

const COUNTS = "itera_counts";

/** A copy that counts how often each place of its text is reached, and those places. */
function counting(kernel: Kernel): { readonly copy: Kernel; readonly sites: readonly Site[] } {
  const { code, entry } = declarationOf(kernel), module = parseModule(code), sites: Site[] = [];
  const edits: { readonly at: number; readonly text: string }[] = [];
  for (const fn of reachedFrom(module, entry)) {
    for (const { name, variable, kind, steps: [first], type } of placesOf(module, fn)) {
      if (!first || (variable?.space !== "read" && variable?.space !== "read_write")) continue;
      edits.push({ at: first.from, text: `itera_count(${sites.length}u, u32(` }, { at: first.to, text: "))" });
      const words = valueOf(scalarsOf(type) ?? "0u", {}, module.constants) ?? 0;
      sites.push({ name, loads: kind !== "write", stores: kind !== "read", words });
    }
  }
  let text = "", done = 0;
  for (const { at, text: own } of edits.sort((a, b) => a.at - b.at)) {
    text += code.slice(done, at) + own;
    done = at;
  }
  const helper = `@group(0) @binding(63) var<storage, read_write> ${COUNTS}: array<atomic<u32>>;
fn itera_count(itera_site: u32, itera_i: u32) -> u32 { atomicAdd(&${COUNTS}[itera_site], 1u); return itera_i; }`;
  return { copy: variantOf(kernel, `${text}${code.slice(done)}\n${helper}\n`), sites };
}

/** Loads and stores of the kernels that `body` runs. */
export async function trafficOf(device: Device, body: () => void): Promise<readonly Traffic[]> {
  const gpu = contextOf(device), { run, pool } = gpu, { current } = pool, held: PoolBuffer[] = [];
  const reads: Promise<Traffic>[] = [];
  gpu.run = (kernel, options) => {
    const { copy, sites } = counting(kernel), bytes = 4 * Math.max(4, sites.length);
    const buffer = pool.acquire(bytes);
    held.push(buffer);
    gpu.upload(buffer, new Uint32Array(bytes / 4));
    run.call(gpu, copy, { ...options, bind: { ...options.bind, [COUNTS]: buffer } });
    reads.push(
      gpu.read(buffer, bytes).then((read) => {
        const counts = new Uint32Array(read), loads: Record<string, number> = {}, stores: Record<string, number> = {};
        sites.forEach(({ name, words, ...does }, i) => {
          if (does.loads) loads[name] = (loads[name] ?? 0) + 4 * words * counts[i];
          if (does.stores) stores[name] = (stores[name] ?? 0) + 4 * words * counts[i];
        });
        return { kernel: kernel.name, loads, stores };
      }),
    );
  };
  try {
    body();
    return await Promise.all(reads);
  } finally {
    gpu.run = run;
    for (const buffer of held) pool.release(buffer, current);
  }
}
