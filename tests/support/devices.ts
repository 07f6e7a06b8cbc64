/** One device per kernel profile for the tests of a file, on whatever adapter there is. */
import { Device } from "../../engine/device.ts";
import { deepStrictEqual } from "node:assert/strict";

/** Both kernel families; each is tested on any adapter. */
export const PROFILES = ["cpu", "gpu"] as const;

/** Opened devices by profile. */
export type Devices = Readonly<Record<typeof PROFILES[number], Device>>;

/** Opens a device per profile and closes them after the file's last test. Call at the top of a test file. */
export async function openDevices(): Promise<Devices> {
  const [cpu, gpu] = await Promise.all(PROFILES.map((profile) => Device.open({ profile })));
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
