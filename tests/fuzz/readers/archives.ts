/** Readers of what is fetched: archives, and files of other addresses. */
import { join } from "node:path";
import { openArchive } from "../../../datasets/fetch/archive.ts";
import { SOURCES } from "../../../datasets/fetch/addresses.ts";
import { overridden, readOverrides } from "../../../datasets/fetch/overrides.ts";
import { placedFiles, unpack } from "../../../datasets/fetch/unpack.ts";
import { paxHeader, tarFile, zipFile } from "../../support/files/archives.ts";
import { BINARY } from "../mutate/bytes.ts";
import { JSON_MUTATORS } from "../mutate/json.ts";
import type { Bytes, Mutator } from "../mutate/mutator.ts";
import { TAR } from "../mutate/tar.ts";
import { inEntries, ZIP } from "../mutate/zip.ts";
import type { FuzzReader } from "../reader.ts";
import { json } from "./samples.ts";

/** Most bytes that an archive may unpack to here. */
const MOST = 1 << 24;

const ENTRIES = [
  { name: "top/", data: "" },
  { name: "top/set/a.txt", data: "some text, some text, some text" },
  { name: "top/set/deep/b.bin", data: Uint8Array.from({ length: 700 }, (_, i) => i * i & 255) },
  { name: "top/readme", data: "not needed" },
  { name: "set/c.txt", data: "", packed: false },
];

const LONG = `set/${"d".repeat(90)}/${"f".repeat(90)}.txt`;

/** Every file below a folder, by its path. */
function filesBelow(folder: string, inside = ""): [path: string, bytes: Uint8Array][] {
  return [...Deno.readDirSync(join(folder, inside))].sort((a, b) => a.name < b.name ? -1 : 1).flatMap((entry) => {
    const path = join(inside, entry.name);
    if (entry.isSymlink) throw new Error(`${path} is a link`);
    return entry.isDirectory ? filesBelow(folder, path) : [[path, Deno.readFileSync(join(folder, path))]];
  });
}

interface Unpacked {
  /** Names beside the archive when it was unpacked. */
  readonly beside: readonly string[];
  readonly files: readonly (readonly [path: string, bytes: Uint8Array])[];
}

function archive(name: string, file: string, sample: () => Bytes, mutators: readonly Mutator[]): FuzzReader {
  return {
    name,
    samples: () => [{ [file]: sample() }],
    mutators: () => mutators,
    read: async (folder): Promise<Unpacked> => {
      const path = join(folder, file), out = join(folder, "out");
      await Deno.remove(out, { recursive: true }).catch(() => {});
      await using opened = await openArchive(path);
      const placed = await placedFiles(path, opened, { roots: ["set"] }, MOST);
      await unpack(opened, placed, out);
      const beside = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
      const files = filesBelow(out);
      await Deno.remove(out, { recursive: true });
      return { beside, files };
    },
    check: (value, files) => {
      const { beside, files: found } = value as Unpacked;
      if (beside.join() !== [...Object.keys(files), "out"].sort().join()) return `beside the archive lie ${beside}`;
      const hidden = found.find(([path]) => path.endsWith(".partial") || !path.startsWith("set/"));
      if (hidden) return `${hidden[0]} was left`;
      const bytes = found.reduce((sum, [, { length }]) => sum + length, 0);
      return bytes > MOST ? `${bytes} bytes were unpacked` : null;
    },
    unpacked: () => MOST,
  };
}

/** Archives, and addresses that a user gives. */
export const FETCHED: readonly FuzzReader[] = [
  archive("zip archives", "a.zip", () => zipFile(ENTRIES), [...ZIP, ...inEntries(BINARY, () => true)]),
  archive(
    "tar archives",
    "a.tar",
    () => tarFile([...ENTRIES, paxHeader({ path: LONG, mtime: "1.5" }), { name: "set/short", data: "long" }]),
    TAR,
  ),
  archive("packed tar archives", "a.tgz", () => tarFile(ENTRIES, true), BINARY),
  {
    name: "addresses",
    samples: () => [{
      "addresses.json": json({
        "val2017.zip": { address: "https://mirror.example/val2017.zip", bytes: 815585330, md5: "0".repeat(32) },
        "train2017.zip": { address: "http://mirror.example/b.zip", bytes: null, md5: null, sha256: "Ab".repeat(32) },
        "annotations_trainval2017.zip": {},
      }),
    }],
    mutators: () => JSON_MUTATORS,
    read: async (folder) => {
      const path = join(folder, "addresses.json"), coco = SOURCES.find(({ name }) => name === "coco")!.releases[0];
      const { files } = overridden(coco, await readOverrides(path), path);
      return files.map(({ name, address, bytes, checksum }) => ({ name, address, bytes, checksum }));
    },
    check: (value) => {
      const files = value as { name: string; address: string; bytes: number | null }[];
      const wrong = files.find(({ address, bytes }) => !/^https?:\/\//.test(address) || bytes !== null && bytes < 0);
      return wrong ? `${wrong.name} has ${wrong.address}, ${wrong.bytes}` : null;
    },
  },
];
