/** Small inputs with the same fault. */
import { join, relative } from "node:path";
import type { Job } from "./job.ts";
import { writeFiles } from "./judge.ts";
import { joined } from "./mutate/mutator.ts";
import type { Files, Outcome } from "./reader.ts";
import { judgeFolder, type Result, type Watched } from "./watched.ts";

/** Inputs that are tried in all. */
const TRIALS = 400;

/** A fault in few words: those of one kind have the same. */
export function signatureOf({ outcome, detail }: Pick<Result, "outcome" | "detail">): string {
  // An end by the watching process has only figures to say.
  const words = ["hang", "memory", "crash"].includes(outcome) ? "" : detail;
  return `${outcome}: ${words.replace(/\/\S*/g, "").replace(/"[^"]*"|[\d.]+/g, "…").slice(0, 90)}`;
}

/** All files below a folder. */
export function readFiles(root: string, at = root): Record<string, Files[string]> {
  const found: Record<string, Files[string]> = {};
  for (const { name, isDirectory } of Deno.readDirSync(at)) {
    const path = join(at, name);
    if (isDirectory) Object.assign(found, readFiles(root, path));
    else found[relative(root, path)] = Deno.readFileSync(path);
  }
  return found;
}

/** The smallest files found that have the fault `signature`; files of `sample` are taken back where they may be. */
export async function minimise(
  watched: Watched,
  job: Pick<Job, "registry" | "reader" | "limits">,
  files: Files,
  sample: Files,
  signature: string,
  seconds: number,
): Promise<Files> {
  const folder = await Deno.makeTempDir({ prefix: "itera-fuzz-" }), until = Date.now() + 1000 * seconds;
  let best: Files = files, left = TRIALS;
  const fails = async (candidate: Files): Promise<boolean> => {
    left--;
    await Deno.remove(folder, { recursive: true });
    await writeFiles(folder, candidate);
    if (signatureOf(await judgeFolder(watched, job, folder)) !== signature) return false;
    best = candidate;
    return true;
  };
  const goesOn = (): boolean => left > 0 && Date.now() < until;
  try {
    for (const [name, bytes] of Object.entries(sample)) {
      if (goesOn() && best[name] !== undefined && !same(best[name], bytes)) await fails({ ...best, [name]: bytes });
    }
    const changed = Object.keys(best).filter((name) => !sample[name] || !same(best[name], sample[name]));
    for (const name of changed) {
      for (let size = Math.ceil(best[name].length / 2); size >= 1 && goesOn(); size = Math.floor(size / 2)) {
        for (let at = 0; at < best[name].length && goesOn();) {
          const bytes: Files[string] = best[name];
          const shorter = joined(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + size)));
          if (!await fails({ ...best, [name]: shorter })) at += size;
        }
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
  return best;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Folder of a reader's regressions. */
export function readerFolder(reader: string): string {
  return reader.replace(/\W+/g, "-");
}

/** A name for a fault's folder of files. */
export function folderName(outcome: Outcome, signature: string): string {
  const words = signature.toLowerCase().replace(/[^a-z]+/g, "-").replace(/^-|-$/g, "").slice(0, 48);
  return words.startsWith(outcome.replaceAll(" ", "-")) ? words : `${outcome.replaceAll(" ", "-")}-${words}`;
}
