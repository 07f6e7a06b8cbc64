/** Times of work on a device, and the device's limits as measured. */
import { contextOf } from "../../engine/friends.ts";
import type { Device } from "../../engine/mod.ts";

/** Makes inputs on a device and returns what records one run. */
export type Make = (device: Device) => () => void;

/** Runs of a round at most. */
const MOST = 20_000;

/** Milliseconds of one run, the best of `rounds` rounds of `roundMs` each. A wait costs 10 ms, so a round waits once. */
export async function measure(device: Device, make: Make, { roundMs = 250, rounds = 3 } = {}): Promise<number> {
  using _scope = device.scope();
  const run = make(device);
  let idle = Infinity;
  for (let i = 0; i < 3; i++) idle = Math.min(idle, await timed(device, run, 0));
  await timed(device, run, 1);
  // One short run hides in the wait: more are made until they show.
  let count = 1, spent = await timed(device, run, 1) - idle;
  while (spent < roundMs / 10 && count < MOST) spent = await timed(device, run, count *= 4) - idle;
  count = Math.max(2, Math.min(MOST, Math.round(count * roundMs / Math.max(spent, 1))));
  let best = Infinity;
  for (let i = 0; i < rounds; i++) {
    const whole = await timed(device, run, count);
    idle = Math.min(idle, await timed(device, run, 0));
    // A wait may have been long by chance; it is a small part of a round.
    best = Math.min(best, Math.max(whole - idle, whole / 2) / count);
  }
  return best;
}

async function timed(device: Device, run: () => void, count: number): Promise<number> {
  const from = performance.now();
  for (let i = 0; i < count; i++) run();
  await device.finish();
  return performance.now() - from;
}

/**
 * Milliseconds one run's dispatches take on the device, each on its own, by timestamps; null where the adapter has none or
 * the run is no dispatch.
 */
export async function measureOnDevice(device: Device, make: Make, runs = 5): Promise<number | null> {
  if (!device.info.features.includes("timestamp-query")) return null;
  using _scope = device.scope();
  const run = make(device);
  await timed(device, run, 1);
  const stop = contextOf(device).time();
  for (let i = 0; i < runs; i++) run();
  await device.finish();
  const timings = await stop();
  return timings.length === 0 ? null : timings.reduce((sum, { begin, end }) => sum + end - begin, 0) / runs / 1e6;
}

/** Measured limits of a device. */
export interface Limits {
  /** Bytes a ms, read and written, of a large copy. */
  readonly bandwidth: number;
  /** Multiplications and additions a ms, of the best of several square products. */
  readonly compute: number;
  /** Side of the best product's matrices. */
  readonly side: number;
}

/** Measures both limits; `thoroughness` is that of {@link measure}. */
export async function measureLimits(device: Device, thoroughness = {}): Promise<Limits> {
  const { isFallback, limits } = device.info;
  // On a GPU larger than any cache.
  const size = isFallback ? 16 << 20 : Math.min(512 << 20, limits.maxStorageBufferBindingSize);
  const copy = await measure(device, (d) => {
    const x = d.zeros([size / 4]);
    return () => x.clone().dispose();
  }, thoroughness);
  let compute = 0, side = 0;
  for (const n of isFallback ? [256, 512, 1024] : [1024, 2048, 4096]) {
    const ms = await measure(device, (d) => {
      const [a, b] = [d.randn([n, n], { seed: 1 }), d.randn([n, n], { seed: 2 })];
      return () => a.matmul(b).dispose();
    }, thoroughness);
    if (2 * n ** 3 / ms > compute) [compute, side] = [2 * n ** 3 / ms, n];
  }
  return { bandwidth: 2 * size / copy, compute, side };
}

/** Geometric mean; NaN of none. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}
