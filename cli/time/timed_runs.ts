/** Times of runs: by the device's own clock where it has one. Laid into the trees of other commits as `work.ts` is. */
import type { Device } from "../../engine/device.ts";
import { contextOf } from "../../engine/friends.ts";

/** Milliseconds of one run, of `runs` one after another: of the kernels named, or of all where none is. */
export async function timedRuns(
  device: Device,
  run: () => void,
  runs: number,
  kernels: readonly string[],
): Promise<number> {
  const gpu = contextOf(device), start = performance.now();
  const stop = gpu.info.features.includes("timestamp-query") ? gpu.time() : null;
  for (let i = 0; i < runs; i++) run();
  if (!stop) {
    await device.finish();
    return (performance.now() - start) / runs;
  }
  const timings = (await stop()).filter(({ kernel }) => kernels.length === 0 || kernels.includes(kernel));
  return timings.reduce((sum, { begin, end }) => sum + end - begin, 0) / runs / 1e6;
}
