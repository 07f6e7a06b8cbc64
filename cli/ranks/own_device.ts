/**
 * A device of its own for each rank of a host. WebGPU takes the first of equal adapters, so another is put first, by Mesa's
 * layer for Vulkan, which every maker's driver goes through.
 */
import { hostname } from "node:os";
import { allOf, type Ranks } from "../../model/run/ranks/ranks.ts";
import { type VulkanDevice, vulkanDevices } from "./vulkan.ts";

/** Variables by which somebody else has chosen a device for this rank already. */
const CHOSEN = ["MESA_VK_DEVICE_SELECT", "DRI_PRIME"];

/** Places of the layer's description; it comes with `mesa-vulkan-drivers`. */
const LAYERS = ["/usr/share", "/usr/local/share", "/etc"].map((root) =>
  `${root}/vulkan/implicit_layer.d/VkLayer_MESA_device_select.json`
);

/** Has this rank compute on another device than those of its host, as far as there are enough. Comes before the first device. */
export async function takeOwnDevice(ranks: Ranks): Promise<void> {
  const hosts = await allOf(ranks, hostname()), before = hosts.slice(0, ranks.rank);
  if (CHOSEN.some((name) => Deno.env.get(name)) || !LAYERS.some(isFile)) return;
  const own = choiceFor(before.filter((host) => host === hosts[ranks.rank]).length, vulkanDevices());
  if (own) Deno.env.set(...own);
}

/** The variable, and its value, by which the rank with a number among those of its host gets its device; null where there is one. */
export function choiceFor(number: number, all: readonly VulkanDevice[]): [name: string, value: string] | null {
  // Cards before parts of processors, those before virtual ones, and software where there is nothing else.
  const type = [2, 1, 3, 4].find((type) => all.some((device) => device.type === type));
  const devices = all.filter((device) => device.type === type);
  if (devices.length < 2) return null;
  const { vendor, model, bus } = devices[number % devices.length];
  const alike = devices.filter((other) => other.vendor === vendor && other.model === model);
  // The sign at its end hides the others.
  if (alike.length === 1) return ["MESA_VK_DEVICE_SELECT", `${hexadecimal(vendor)}:${hexadecimal(model)}!`];
  return bus === null ? null : ["DRI_PRIME", `pci-${bus}`];
}

function hexadecimal(id: number): string {
  return id.toString(16).padStart(4, "0");
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
