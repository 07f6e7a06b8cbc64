/** Rates at which a device computes and copies, measured. */
import type { Device } from "../engine/device.ts";

/** Measured rates. */
export interface Rates {
  /** Side of the square matrices multiplied. */
  readonly side: number;
  /** Of their product, 10⁹ operations a second. */
  readonly gflops: number;
  /** Of a copy, 10⁹ bytes read and written a second. */
  readonly gigabytes: number;
}

/** Best product and copy of a few rounds. */
export async function measureRates(device: Device): Promise<Rates> {
  using _scope = device.scope();
  const side = device.info.isFallback ? 512 : 2048;
  const [a, b] = [device.randn([side, side], { seed: 1 }), device.randn([side, side], { seed: 2 })];
  const product = await milliseconds(device, () => a.matmul(b).dispose());
  // Larger than caches, smaller than the least binding limit.
  const large = device.zeros([96 << 18]);
  const copy = await milliseconds(device, () => large.clone().dispose());
  return { side, gflops: 2 * side ** 3 / product / 1e6, gigabytes: 2 * 4 * large.size / copy / 1e6 };
}

/** Time of one run on the device. A wait costs about 10 ms whatever was asked, so many runs share one. */
async function milliseconds(device: Device, run: () => void): Promise<number> {
  const timed = async (count: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    await device.finish();
    return performance.now() - start;
  };
  await timed(1);
  const idle = Math.min(await timed(0), await timed(0));
  const once = Math.max(await timed(1) - idle, 0.05);
  const count = Math.max(2, Math.min(200, Math.round(200 / once)));
  let best = Infinity;
  for (let round = 0; round < 3; round++) best = Math.min(best, (await timed(count) - idle) / count);
  return best;
}
