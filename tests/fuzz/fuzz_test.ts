/** The fuzzer itself: it reports each kind of fault, repeats itself, and finds none where one was mended. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../support/folder.ts";
import { type Find, fuzz, type Tally } from "./fuzz.ts";
import { readerFolder, readFiles } from "./minimise.ts";
import { isFault, LIMITS, type Outcome } from "./reader.ts";
import { READERS } from "./readers/registry.ts";
import { READERS as FAULTY } from "./faulty.ts";
import { judgeFolder, Watched } from "./watched.ts";

const registry = new URL("./readers/registry.ts", import.meta.url).href;
const faulty = new URL("./faulty.ts", import.meta.url).href;
const REGRESSIONS = fileURLToPath(new URL("./regressions", import.meta.url));

/** The fault that each planted reader has. */
const PLANTED: Readonly<Record<string, Outcome | null>> = {
  sound: null,
  "raw error": "raw error",
  "raw words": "raw error",
  "no file's name": "raw error",
  hang: "hang",
  "endless wait": "hang",
  memory: "memory",
  crash: "crash",
  "unequal twice": "unequal twice",
  "other reason": "unequal twice",
  "silently wrong": "wrong",
  "changed under a checksum": "wrong",
  "refuses too much": "wrong",
};

Deno.test("a planted fault of each kind is reported, made small and kept; a sound reader has none", async () => {
  await withFolder(async (folder) => {
    const readers = FAULTY.map(({ name }) => name);
    // Those that never end have little time; all others more than a busy machine takes, so that none is taken for a hang.
    const endless = readers.filter((name) => PLANTED[name] === "hang");
    const runs = [
      { readers: endless, seconds: 0.15 },
      { readers: readers.filter((name) => !endless.includes(name)), seconds: LIMITS.seconds },
    ];
    const tallies: Tally[] = [], finds: Find[] = [];
    for (const { readers, seconds } of runs) {
      const report = await fuzz({
        registry: faulty,
        readers,
        seed: 1,
        seconds: 120,
        count: 4,
        processes: 2,
        limits: { memory: 2 ** 25, seconds },
        finds: folder,
        minimising: 0.5,
      });
      tallies.push(...report.tallies);
      finds.push(...report.finds);
    }
    const found = Object.fromEntries(readers.map((name) => {
      const kinds = new Set(
        finds.filter(({ reader }) => reader === name).map(({ signature }) => signature.split(":")[0]),
      );
      return [name, kinds.size === 0 ? null : [...kinds].join()];
    }));
    deepStrictEqual(found, PLANTED);
    for (const { kinds } of tallies) {
      strictEqual(kinds.values().reduce((sum, ends) => sum + ends.values().reduce((a, b) => a + b, 0), 0), 4);
    }
    // A fault that any change brings about needs hardly a byte.
    const small = finds.find(({ reader }) => reader === "raw error")!;
    ok(Object.values(readFiles(small.folder!)).every(({ length }) => length < 4));
  });
});

Deno.test("the same seed gives the same inputs and ends", async () => {
  const run = async (seed: number) => {
    const { tallies } = await fuzz({ registry, readers: ["knowledge graphs"], seed, seconds: 60, count: 150 });
    return tallies.map(({ kinds }) => [...kinds].map(([kind, ends]) => [kind, [...ends].sort()]).sort());
  };
  const first = await run(4);
  deepStrictEqual(await run(4), first);
  ok(JSON.stringify(await run(5)) !== JSON.stringify(first));
});

/** Folders of regressions: reader, then the input's own. */
function regressions(): { readonly reader: string; readonly folder: string }[] {
  return READERS.flatMap(({ name }) => {
    const folder = join(REGRESSIONS, readerFolder(name));
    let inputs: Deno.DirEntry[];
    try {
      inputs = [...Deno.readDirSync(folder)];
    } catch {
      return [];
    }
    return inputs.map((input) => ({ reader: name, folder: join(folder, input.name) }));
  });
}

Deno.test("samples are read as they are, and inputs with a fault that was mended have none", async () => {
  await using watched = new Watched();
  const faults: string[] = [];
  for (const { name } of READERS) {
    for await (
      const { outcome, detail } of watched.run({ registry, reader: name, limits: LIMITS, work: { kind: "samples" } })
    ) {
      if (outcome !== "same") faults.push(`${name}: a sample: ${outcome}: ${detail}`);
    }
  }
  const all = regressions(), listed = [...Deno.readDirSync(REGRESSIONS)].length;
  ok(all.length > 20 && new Set(all.map(({ reader }) => reader)).size === listed, `${all.length} regressions`);
  for (const { reader, folder } of all) {
    const { outcome, detail } = await judgeFolder(watched, { registry, reader }, folder);
    if (isFault(outcome)) faults.push(`${folder.replace(REGRESSIONS, "")}: ${outcome}: ${detail}`);
  }
  deepStrictEqual(faults, []);
});
