/**
 * The engine's host, the one place where what its entry reaches meets `Deno`: the environment, a file of tilings, the
 * driver's version, a line of warning. Where there is no `Deno` its twin takes over, `host_browser.ts`. The choice is made when
 * the module is loaded and not by an import map or a bundler's alias: an import map is the importing program's own and does not
 * come with a module from elsewhere, and so a bundle for a page needs no setting. A bundle that must not even name `Deno` puts
 * the twin in this file's place: both export the same (esbuild: a plugin that resolves `./host.ts` to `host_browser.ts`).
 */
import { type Host, host as page } from "./host_browser.ts";

export type { Host };

function may(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** Vulkan's loader, which knows what WebGPU does not tell: the versions of drivers. */
const VULKAN: Readonly<Partial<Record<typeof Deno.build.os, string>>> = {
  linux: "libvulkan.so.1",
  windows: "vulkan-1.dll",
};

const SYMBOLS = {
  vkCreateInstance: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  vkDestroyInstance: { parameters: ["pointer", "pointer"], result: "void" },
  vkEnumeratePhysicalDevices: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  vkGetPhysicalDeviceProperties2: { parameters: ["pointer", "buffer"], result: "void" },
} as const;

/** On macOS the version of the system, whose part its drivers are; elsewhere what Vulkan says of the device of that name. */
function driverVersion(description: string): string | undefined {
  if (Deno.build.os === "darwin") {
    return may({ name: "sys", kind: "osRelease" }) ? `darwin ${Deno.osRelease()}` : undefined;
  }
  const library = VULKAN[Deno.build.os];
  if (library === undefined || !may({ name: "ffi" })) return undefined;
  using vulkan = loaded(library);
  return vulkan && versionBy(vulkan.lib, description);
}

function loaded(library: string): { readonly lib: Deno.DynamicLibrary<typeof SYMBOLS> } & Disposable | undefined {
  try {
    const lib = Deno.dlopen(library, SYMBOLS);
    return { lib, [Symbol.dispose]: () => lib.close() };
  } catch {
    return undefined;
  }
}

/**
 * Structures of Vulkan's, one behind the other in memory that lives as long as they do; each begins with its type, and at byte
 * `link` the first has the address of the second.
 */
function structures(
  [first, second]: readonly [readonly [type: number, bytes: number], readonly [type: number, bytes: number]],
  link: number,
): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(first[1] + second[1]), view = new DataView(made.buffer);
  view.setUint32(0, first[0], true);
  view.setUint32(first[1], second[0], true);
  const address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(made)));
  view.setBigUint64(link, address + BigInt(first[1]), true);
  return made;
}

/** Text of a field of 256 bytes. */
function textAt(bytes: Uint8Array<ArrayBuffer>, at: number): string {
  const field = bytes.subarray(at, at + 256), end = field.indexOf(0);
  return new TextDecoder().decode(field.subarray(0, end < 0 ? 256 : end));
}

/** VkInstanceCreateInfo with VkApplicationInfo, VkPhysicalDeviceProperties2 with VkPhysicalDeviceDriverProperties. */
const INSTANCE = [[1, 64], [0, 48]] as const, PROPERTIES = [[1000059001, 840], [1000196000, 536]] as const;

/** Version 1.1 of Vulkan, which has drivers' own words on themselves. */
const VERSION = (1 << 22) | (1 << 12);

function versionBy({ symbols: vk }: Deno.DynamicLibrary<typeof SYMBOLS>, description: string): string | undefined {
  const instance = structures(INSTANCE, 24);
  new DataView(instance.buffer).setUint32(64 + 44, VERSION, true);
  const handle = new BigUint64Array(1);
  if (vk.vkCreateInstance(instance, null, handle) !== 0) return undefined;
  const made = Deno.UnsafePointer.create(handle[0]);
  try {
    const count = Uint32Array.of(16), devices = new BigUint64Array(16);
    // 5 says that there are more.
    if (![0, 5].includes(vk.vkEnumeratePhysicalDevices(made, count, devices))) return undefined;
    for (const device of devices.subarray(0, count[0])) {
      const properties = structures(PROPERTIES, 8);
      vk.vkGetPhysicalDeviceProperties2(Deno.UnsafePointer.create(device), properties);
      if (textAt(properties, 16 + 20) !== description) continue;
      const number = new DataView(properties.buffer).getUint32(16 + 4, true);
      return [textAt(properties, 840 + 20), textAt(properties, 840 + 276), number].filter((part) => part !== "").join(
        " ",
      );
    }
    return undefined;
  } finally {
    vk.vkDestroyInstance(made, null);
  }
}

const deno: Host = {
  variable: (name) => may({ name: "env", variable: name }) ? Deno.env.get(name) || undefined : undefined,
  readText: (path) => {
    if (!may({ name: "read", path })) return undefined;
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return undefined;
    }
  },
  readBytes: (path) => Deno.readFile(path),
  driverVersion,
  warn: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`)),
  noWebGPU: "this runtime has no WebGPU: run with Deno 2.9 or later",
  adapterAdvice:
    "install a driver: `apt-get install mesa-vulkan-drivers libvulkan1` gives a software one, a GPU needs its " +
    "vendor's Vulkan driver; `./itera doctor` says more",
};

/** The host. */
export const host: Host = "Deno" in globalThis ? deno : page;
