/** Contents of a folder, as far as two equal pieces of work must leave the same. */
import { join } from "node:path";
import { Hdf5 } from "../../datasets/formats/hdf5.ts";
import { decodeSafetensors } from "../../engine/safetensors.ts";

/** Files that tell of when and how often a piece of work ran. */
const OF_THE_MOMENT = /^events\.out\.|^\.lock$|^sessions\.json$/;

/** A report's line of when and how often. */
const TRAINED = /<dt>trained<\/dt><dd>[^<]*<\/dd>/g;

/** Names of data sets and attributes of files of features and of expressions. */
const DATASETS = [
  ...["features", "checksums", "refexps", "programs", "image_idxs", "orig_idxs"],
  ...["refexp_families", "refexp_categories", "answers"],
];
const ATTRIBUTES = ["extractor", "mode", "width", "height", "source", "vocabulary"];

/**
 * Digest of every file under a folder by its path in it; hidden ones too, so that what a killed work left behind shows. HDF5
 * files may lay out the same numbers in other places, so theirs is taken of what they hold.
 */
export async function contentsOf(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const walk = async (inside: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(join(folder, inside))) {
      const path = join(inside, name);
      if (isDirectory) await walk(path);
      else if (!OF_THE_MOMENT.test(name)) {
        found.set(path, await digestOf(join(folder, path)));
        if (name.endsWith(".safetensors")) await addParts(found, path, await Deno.readFile(join(folder, path)));
      }
    }
  };
  await walk("");
  return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

/** Paths whose contents differ, or that one alone has. */
export function differences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path)).sort();
}

/** Adds the digest of each tensor and fact of a checkpoint, so that a difference says where it lies. */
async function addParts(found: Map<string, string>, path: string, file: Uint8Array<ArrayBuffer>): Promise<void> {
  let decoded: ReturnType<typeof decodeSafetensors>;
  try {
    decoded = decodeSafetensors(file);
  } catch {
    return; // the whole file's digest tells
  }
  const { tensors, metadata } = decoded;
  for (const [name, { data, shape }] of tensors) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    found.set(`${path} ${name}`, `${shape.join("×")} ${await digest(bytes)}`);
  }
  for (const [name, text] of Object.entries(metadata)) {
    found.set(`${path} ${name}`, await digest(new TextEncoder().encode(text)));
  }
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function digestOf(path: string): Promise<string> {
  const bytes = path.endsWith(".h5")
    ? await valuesOf(path)
    : path.endsWith(".html")
    ? new TextEncoder().encode((await Deno.readTextFile(path)).replace(TRAINED, ""))
    : await Deno.readFile(path);
  return await digest(bytes);
}

async function valuesOf(path: string): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Hdf5.open(path);
  const parts = DATASETS.filter((name) => file.has(name)).map((name) => {
    const shape = file.shape(name);
    return `${name} ${shape.join()} ${
      shape[0] > 0 ? Array.from(file.read(name) as ArrayLike<number>, String).join() : ""
    }`;
  });
  const attributes = ATTRIBUTES.map((name) => `${name} ${String(file.attribute(name))}`);
  return new TextEncoder().encode([...attributes, ...parts].join("\n"));
}
