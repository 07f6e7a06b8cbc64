/** The process that reads: it may hang, eat memory or crash, and another one watches it. */
import { join, relative } from "node:path";
import type { Answer, Job } from "./job.ts";
import { judge, writeFiles } from "./judge.ts";
import { mutation } from "./mutation.ts";
import { type Files, type FuzzReader, sizeOf } from "./reader.ts";

/** A reader with its samples and what is read of each. */
interface Prepared {
  readonly reader: FuzzReader;
  readonly samples: readonly Files[];
  readonly originals: readonly unknown[];
}

const prepared = new Map<string, Promise<Prepared>>();
// In memory where there is such a folder: many a reader flushes what it writes.
const own = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "itera-fuzz-" }).catch(() =>
  Deno.makeTempDir({ prefix: "itera-fuzz-" })
);
const folder = join(own, "input");

function answer(line: Answer): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

async function prepare({ registry, reader: name }: Job): Promise<Prepared> {
  const { READERS } = await import(registry) as { READERS: readonly FuzzReader[] };
  const reader = READERS.find((one) => one.name === name);
  if (!reader) throw new Error(`${registry} has no reader ${name}`);
  const samples = await reader.samples(), originals: unknown[] = [];
  for (const files of samples) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await writeFiles(folder, files);
    originals.push(await reader.read(folder));
  }
  return { reader, samples, originals };
}

/** All files below a folder. */
async function filesIn(root: string, at = root): Promise<Record<string, Files[string]>> {
  const found: Record<string, Files[string]> = {};
  for (const { name, isDirectory } of [...Deno.readDirSync(at)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = join(at, name);
    if (isDirectory) Object.assign(found, await filesIn(root, path));
    else found[relative(root, path)] = await Deno.readFile(path);
  }
  return found;
}

/** Does a job; returns the mutation that another process goes on at, if it is more than one should do. */
async function work(job: Job): Promise<number | undefined> {
  const key = `${job.registry} ${job.reader}`;
  if (!prepared.has(key)) prepared.set(key, prepare(job));
  const { reader, samples, originals } = await prepared.get(key)!;
  const one = async (index: number, kind: string, files: Files, original: unknown): Promise<void> => {
    answer({ begin: index, size: sizeOf(files, reader) });
    const { outcome, detail } = await judge(reader, files, folder, original, job.limits);
    answer({ end: index, mutation: kind, outcome, detail: detail.slice(0, 1000) });
  };
  switch (job.work.kind) {
    case "mutations":
      for (let i = job.work.from; i < job.work.to && Date.now() < job.work.until; i++) {
        if (i - job.work.from === reader.perProcess) return i;
        const { kind, files, sample } = mutation(reader, samples, job.work.seed, i);
        await one(i, kind, files, originals[sample]);
        if (reader.spent?.()) return i + 1;
      }
      break;
    case "samples":
      for (const [i, files] of samples.entries()) await one(i, "none", files, originals[i]);
      break;
    case "input": {
      const files = await filesIn(job.work.folder);
      // Of an input of its own nothing says which sample it was.
      await one(0, "none", files, reader.onlyOriginal ? originals[0] : undefined);
      break;
    }
    case "write": {
      const { files, sample } = mutation(reader, samples, job.work.seed, job.work.index);
      await writeFiles(job.work.folder, files);
      await writeFiles(job.work.sample, samples[sample]);
    }
  }
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const piece of lines) {
  const parts = (rest + piece).split("\n");
  rest = parts.pop()!;
  for (const line of parts) {
    const more = await work(JSON.parse(line) as Job);
    answer({ done: true, ...more === undefined ? {} : { more } });
  }
}
await Deno.remove(own, { recursive: true });
