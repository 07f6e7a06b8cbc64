/** Runs the whole suite and closes with `N passed, N failed`. Arguments pass through to `deno test`. */
import { fileURLToPath } from "node:url";
import { dirname } from "node:path";
import { Device } from "../engine/device.ts";
import { NoAdapterError } from "../engine/base/errors.ts";

const print = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));

// Without an adapter every test would say so; once is enough.
if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
try {
  await (await Device.open()).close();
} catch (error) {
  if (!(error instanceof NoAdapterError)) throw error;
  print(error.message);
  print("0 passed, 1 failed");
  Deno.exit(1);
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const child = new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--no-check", ...(Deno.args.length > 0 ? Deno.args : ["tests"])],
  cwd: root,
  stdout: "piped",
  stderr: "inherit",
  // Whatever was tuned on this machine: the suite runs what everybody runs.
  env: { NO_COLOR: "1", ITERA_TUNING: "none" },
}).spawn();

let tail = "";
const decoder = new TextDecoder();
for await (const chunk of child.stdout) {
  await Deno.stdout.write(chunk);
  tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4000);
}
const { code } = await child.status;
const summary = [...tail.matchAll(/(\d+) passed(?: \([^)]*\))? \| (\d+) failed/g)].at(-1);
const passed = summary ? Number(summary[1]) : 0;
// A suite that ends badly has failed even where no test of its own did.
const failed = Math.max(summary ? Number(summary[2]) : 1, code === 0 && passed > 0 ? 0 : 1);
print(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
