/**
 * The engine's host, the one place where what its entry reaches meets `Deno`: the environment, a file of tilings, a line of
 * warning. Where there is no `Deno` its twin takes over, `host_browser.ts`. The choice is made when the module is loaded and not
 * by an import map or a bundler's alias: an import map is the importing program's own and does not come with a module from
 * elsewhere, and so a bundle for a page needs no setting. A bundle that must not even name `Deno` puts the twin in this
 * file's place: both export the same (esbuild: a plugin that resolves `./host.ts` to `host_browser.ts`).
 */
import { type Host, host as page } from "./host_browser.ts";

export type { Host };

function may(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
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
  warn: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`)),
  noWebGPU: "this runtime has no WebGPU: run with Deno 2.9 or later",
  adapterAdvice:
    "install a driver: `apt-get install mesa-vulkan-drivers libvulkan1` gives a software one, a GPU needs its " +
    "vendor's Vulkan driver; `./itera doctor` says more",
};

/** The host. */
export const host: Host = "Deno" in globalThis ? deno : page;
