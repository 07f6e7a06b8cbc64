/** One device per kernel set for the tests of a file, on whatever adapter there is. */
import { Device } from "../../engine/device.ts";
import { deepStrictEqual } from "node:assert/strict";

/** Both kernel sets; each is tested on any adapter. */
export const KERNEL_SETS = ["cpu", "gpu"] as const;

/** Opened devices by kernel set. */
export type Devices = Readonly<Record<typeof KERNEL_SETS[number], Device>>;

/** Opens a device per kernel set and closes them after the file's last test. Call at the top of a test file. */
export async function openDevices(): Promise<Devices> {
  const [cpu, gpu] = await Promise.all(KERNEL_SETS.map((kernels) => Device.open({ kernels })));
  Deno.test.afterAll(async () => {
    await cpu.close();
    await gpu.close();
  });
  return { cpu, gpu };
}

/** Runs `body` and fails when a tensor or a byte is alive after it that was not before. */
export async function withoutLeaks(device: Device, body: () => void | Promise<void>): Promise<void> {
  const alive = (): Record<string, number> => {
    const { liveTensors, liveBytes } = device.memory;
    return { liveTensors, liveBytes };
  };
  const before = alive();
  await body();
  deepStrictEqual(alive(), before, "tensors are alive after the test");
}
