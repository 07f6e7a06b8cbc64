/** The wait for the library: the time of a process that imports it, less that of one that imports nothing. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TFJS } from "./peers/tfjs.ts";

/** Time to import a module. */
export interface ImportRow {
  readonly name: string;
  /** Median over the runs, in ms. */
  readonly ms: number;
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Modules that are imported; the peer is TensorFlow.js with its WebGPU backend, where it can be had. */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  "engine/mod.ts": [join(root, "engine/mod.ts")],
  "mod.ts": [join(root, "mod.ts")],
  "tfjs with webgpu": TFJS,
};

const RUNS = 7;

/** Measures each module in turns with an empty program; what the runtime compiles once is compiled before. */
export async function importRows(): Promise<ImportRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "itera-bench-" });
  try {
    const rows: ImportRow[] = [], empty = join(folder, "empty.ts");
    await Deno.writeTextFile(empty, "");
    for (const [name, modules] of Object.entries(MODULES)) {
      const script = join(folder, "script.ts");
      await Deno.writeTextFile(script, modules.map((one) => `import ${JSON.stringify(one)};`).join("\n"));
      if (await seconds(script) === null) continue;
      const differences: number[] = [];
      for (let i = 0; i < RUNS; i++) differences.push((await seconds(script))! - (await seconds(empty))!);
      rows.push({ name, ms: 1000 * differences.sort((a, b) => a - b)[RUNS >> 1] });
    }
    return rows;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Duration of a run; null where it fails. */
async function seconds(script: string): Promise<number | null> {
  const start = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script],
    cwd: dirname(script),
    stdout: "null",
    stderr: "null",
  }).output();
  return success ? (performance.now() - start) / 1000 : null;
}
