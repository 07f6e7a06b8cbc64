/** The devices that ranks compute on. */
import { hostname } from "node:os";
import type { Device } from "../../../engine/mod.ts";
import type { TrainHooks } from "../hooks.ts";
import { allOf } from "./ranks.ts";

/** A rank's device. */
export interface RankDevice {
  readonly host: string;
  readonly title: string;
  /** The choice among equal adapters that the environment makes for this rank; empty where it makes none. */
  readonly chosen: string;
}

/** Variables by which drivers, and whatever starts ranks, give each its own device. */
const CHOICES = ["MESA_VK_DEVICE_SELECT", "DRI_PRIME", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"];

/** Says which adapter computes; of several ranks, each one's, and which may share one. */
export async function sayDevices(device: Device, { ranks, onMessage = () => {} }: TrainHooks): Promise<void> {
  if (!ranks) return onMessage(`adapter: ${device.title}`);
  const chosen = CHOICES.flatMap((name) => Deno.env.get(name) ? [`${name}=${Deno.env.get(name)}`] : []).join(" ");
  const own: RankDevice = { host: hostname(), title: device.title, chosen };
  for (const text of deviceLines(await allOf(ranks, own))) onMessage(text);
}

/** A line for the device of each rank, for each that several may share, and where they are of more than one kind. */
export function deviceLines(devices: readonly RankDevice[]): string[] {
  const lines = devices.map(({ host, title, chosen }, rank) =>
    `rank ${rank} on ${host}: ${title}${chosen === "" ? "" : ` (${chosen})`}`
  );
  const groups = Map.groupBy(devices.keys(), (rank) => JSON.stringify(devices[rank]));
  for (const ranks of groups.values()) {
    if (ranks.length === 1) continue;
    const { host } = devices[ranks[0]];
    lines.push(
      `ranks ${ranks.join(", ")} may share one device of ${host}: docs/ranks.md says how each gets its own`,
    );
  }
  if (new Set(devices.map(({ title }) => title)).size > 1) {
    lines.push(
      "ranks compute on different devices or drivers, whose bits may differ: the run stops at a checkpoint where they do",
    );
  }
  return lines;
}
