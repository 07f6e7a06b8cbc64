/** PyTorch's `.pth` files, the zip archive of version 1.6 on and the older single stream, read without running anything. */
import { type Entry, Uint8ArrayReader, Uint8ArrayWriter, ZipReader } from "../../engine/base/packages/zip.ts";
import { unpickle } from "./pickle.ts";
import { ELEMENT_BYTES, type WeightFile, WeightsError } from "./stored.ts";
import { type Storage, tensorsIn, torchRules } from "./torch_storage.ts";
import { vocabularyIn } from "./torch_vocabulary.ts";

/** The first pickle of the older form. */
const MAGIC = 0x1950a86a20f9469cfc6cn;

/** True where the bytes begin as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/** Reads the archive `torch.save` writes: `<name>/data.pkl`, and `<name>/data/<key>` for each storage. */
export async function readTorchZip(bytes: Uint8Array<ArrayBuffer>): Promise<WeightFile> {
  const entries = await zipEntries(bytes);
  const root = [...entries.keys()].find((name) => name === "data.pkl" || name.endsWith("/data.pkl"));
  if (root === undefined) throw new WeightsError("the archive holds no data.pkl; it was not written by torch.save");
  const folder = root.slice(0, root.length - "data.pkl".length);
  if (folder.includes("/code/") || entries.has(`${folder}constants.pkl`)) {
    throw new WeightsError("the archive holds a TorchScript program; save the state dict alone");
  }
  const order = entries.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(await read(order)).trim() !== "little") {
    throw new WeightsError("the archive was written on a big-endian machine");
  }
  const storages = new Map<string, Storage>();
  const { value } = unpickle(await read(entries.get(root)!), 0, torchRules(storages));
  for (const storage of storages.values()) {
    const entry = entries.get(`${folder}data/${storage.key}`);
    if (!entry) throw new WeightsError(`the archive lacks the data of storage "${storage.key}"`);
    if (entry.uncompressedSize !== storage.size) {
      throw new WeightsError(
        `storage "${storage.key}" holds ${entry.uncompressedSize} bytes, its ${storage.length} elements take ${storage.size}`,
      );
    }
    storage.bytes = await read(entry);
  }
  return { format: "PyTorch archive", tensors: tensorsIn(value), metadata: vocabularyIn(value) };
}

/** True where the bytes begin as a file by `torch.save` of before version 1.6: with a pickle of the magic number. */
export function isTorchStream(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x80 || bytes[1] < 2) return false;
  try {
    return unpickle(bytes.subarray(0, 64), 0, torchRules(new Map())).value === MAGIC;
  } catch {
    return false;
  }
}

/** Reads the older form: four pickles (magic, version, machine, the object), the storages' keys, the storages. */
export function readTorchStream(bytes: Uint8Array): WeightFile {
  const storages = new Map<string, Storage>();
  const rules = torchRules(storages);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(bytes, at, rules);
    at = end;
    return value;
  };
  next();
  const version = next();
  if (version !== 1001) {
    throw new WeightsError(
      `the stream has ${typeof version === "number" ? `version ${version}` : "no version"}, 1001 is read`,
    );
  }
  const machine = next();
  if (machine instanceof Map && machine.get("little_endian") === false) {
    throw new WeightsError("the file was written on a big-endian machine");
  }
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new WeightsError("the stream does not list its storages");
  for (const key of keys) {
    if (typeof key !== "string") throw new WeightsError("the stream lists a storage by what is no text");
    const storage = storages.get(key);
    if (!storage) throw new WeightsError(`the stream holds a storage "${key}" that no tensor uses`);
    if (at + 8 > bytes.length) throw new WeightsError("the file is cut short");
    const length = view.getBigUint64(at, true);
    if (length !== BigInt(storage.length)) {
      throw new WeightsError(`storage "${key}" has ${length} elements, its tensors declare ${storage.length}`);
    }
    at += 8;
    const end = at + storage.length * ELEMENT_BYTES[storage.element];
    if (end > bytes.length) throw new WeightsError("the file is cut short");
    storage.bytes = bytes.subarray(at, end);
    at = end;
  }
  const missing = [...storages.values()].find((storage) => storage.bytes === undefined);
  if (missing) throw new WeightsError(`the stream lacks storage "${missing.key}"`);
  return { format: "PyTorch stream", tensors: tensorsIn(value), metadata: vocabularyIn(value) };
}

type FileEntry = Extract<Entry, { directory: false }>;

async function zipEntries(bytes: Uint8Array<ArrayBuffer>): Promise<Map<string, FileEntry>> {
  const reader = new ZipReader(new Uint8ArrayReader(bytes), { useWebWorkers: false });
  try {
    const found = new Map<string, FileEntry>();
    for (const entry of await reader.getEntries()) {
      if (entry.directory) continue;
      if (found.has(entry.filename)) throw new WeightsError(`the archive holds "${entry.filename}" twice`);
      found.set(entry.filename, entry);
    }
    return found;
  } catch (error) {
    if (error instanceof WeightsError) throw error;
    throw new WeightsError(`the archive is broken (${(error as Error).message}); download it again`);
  } finally {
    await reader.close();
  }
}

/** The bytes of an entry, its checksum checked. PyTorch stores them as they are; compressed ones may hide any size. */
async function read(entry: FileEntry): Promise<Uint8Array<ArrayBuffer>> {
  if (entry.compressionMethod !== 0 || entry.encrypted) {
    throw new WeightsError(`the archive's "${entry.filename}" is compressed or encrypted, which torch.save never does`);
  }
  try {
    return await entry.getData(new Uint8ArrayWriter(), {
      useWebWorkers: false,
      checkSignature: true,
      checkOverlappingEntry: true,
    }) as Uint8Array<ArrayBuffer>;
  } catch (error) {
    throw new WeightsError(
      `the archive's "${entry.filename}" is broken (${(error as Error).message}); download it again`,
    );
  }
}
