/** The Vulkan devices of this machine, as far as ranks must distinguish them. */

/** A device. */
export interface VulkanDevice {
  /** Numbers of its maker and of its model. */
  readonly vendor: number;
  readonly model: number;
  /** Place on the bus, as `0000_02_00_0`, of one that there are more of; null of others, and where the driver does not say. */
  readonly bus: string | null;
  /** 1 where it is part of a processor, 2 a card, 3 a virtual one, 4 software. */
  readonly type: number;
}

const SYMBOLS = {
  vkCreateInstance: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  vkDestroyInstance: { parameters: ["pointer", "pointer"], result: "void" },
  vkEnumeratePhysicalDevices: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  vkGetPhysicalDeviceProperties2: { parameters: ["pointer", "buffer"], result: "void" },
} as const;

/** Most devices looked at. */
const MOST = 64;

/** A field that no driver has written. */
const UNSET = 0xffffffff;

/** Version 1.1, the first whose properties have parts behind them. */
const VERSION = (1 << 22) | (1 << 12);

/** The devices in the loader's order; none where there is no loader. */
export function vulkanDevices(): VulkanDevice[] {
  let lib: Deno.DynamicLibrary<typeof SYMBOLS>;
  try {
    lib = Deno.dlopen("libvulkan.so.1", SYMBOLS);
  } catch {
    return [];
  }
  try {
    return devicesBy(lib.symbols);
  } finally {
    lib.close();
  }
}

type Vulkan = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

function devicesBy(vk: Vulkan): VulkanDevice[] {
  // VkInstanceCreateInfo, and behind it the VkApplicationInfo that byte 24 points at.
  const { bytes: instance, view } = structures([1, 64], [0, 48], 24), handle = new BigUint64Array(1);
  view.setUint32(64 + 44, VERSION, true);
  if (vk.vkCreateInstance(instance, null, handle) !== 0) return [];
  const made = Deno.UnsafePointer.create(handle[0]);
  try {
    const count = Uint32Array.of(MOST), devices = new BigUint64Array(MOST);
    // 5 says that there are more.
    if (![0, 5].includes(vk.vkEnumeratePhysicalDevices(made, count, devices))) return [];
    const handles = devices.subarray(0, count[0]), all = Array.from(handles, (device) => describe(vk, device, false));
    // Some drivers complain of a question they do not know: only twins are asked for their place.
    const hasTwin = (one: VulkanDevice): boolean =>
      all.some((other) => other !== one && other.vendor === one.vendor && other.model === one.model);
    return all.map((one, i) => hasTwin(one) ? describe(vk, handles[i], true) : one);
  } finally {
    vk.vkDestroyInstance(made, null);
  }
}

/** A device, with its place where that is asked for. */
function describe(vk: Vulkan, device: bigint, place: boolean): VulkanDevice {
  // VkPhysicalDeviceProperties2 and VkPhysicalDevicePCIBusInfoPropertiesEXT.
  const { bytes, view } = structures([1000059001, 840], [1000212000, 32], 8);
  if (!place) view.setBigUint64(8, 0n, true);
  for (let at = 840 + 16; at < 840 + 32; at += 4) view.setUint32(at, UNSET, true);
  vk.vkGetPhysicalDeviceProperties2(Deno.UnsafePointer.create(device), bytes);
  const [vendor, model, type] = [16 + 8, 16 + 12, 16 + 16].map((at) => view.getUint32(at, true));
  const numbers = [16, 20, 24, 28].map((at) => view.getUint32(840 + at, true));
  const [domain, bus, slot, part] = numbers.map((n, i) => n.toString(16).padStart([4, 2, 2, 1][i], "0"));
  return { vendor, model, type, bus: numbers[0] === UNSET ? null : `${domain}_${bus}_${slot}_${part}` };
}

/** Two structures, one behind the other, each beginning with its type; at byte `link` the first has the second's address. */
function structures(first: readonly [type: number, bytes: number], second: typeof first, link: number) {
  const bytes = new Uint8Array(first[1] + second[1]), view = new DataView(bytes.buffer);
  view.setUint32(0, first[0], true);
  view.setUint32(first[1], second[0], true);
  const address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
  view.setBigUint64(link, address + BigInt(first[1]), true);
  return { bytes, view };
}
