/** ZIP archives of any size, entry by entry, by zip.js. */
import { type Entry, Reader, ZipReader } from "../../engine/base/packages/zip.ts";
import { openFile } from "../../engine/base/files.ts";
import { type Archive, type ArchiveEntry, BrokenArchive, type EntryKind } from "./entries.ts";

/** Reads a file piece by piece: archives are larger than memory. */
class FileReader extends Reader<Deno.FsFile> {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    super(file);
    this.#file = file;
    this.size = file.statSync().size;
  }

  override readUint8Array(at: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - at)));
    this.#file.seekSync(at, Deno.SeekMode.Start);
    for (let have = 0; have < bytes.length;) {
      const read = this.#file.readSync(bytes.subarray(have));
      if (read === null) throw new Error("it ends early");
      have += read;
    }
    return Promise.resolve(bytes);
  }
}

/** Methods of packing that every program writes: none, and deflate. */
const METHODS = [0, 8];

/** Kinds of files in the upper bits of Unix's modes. */
const [KIND, LINK, FILE, FOLDER] = [0o170000, 0o120000, 0o100000, 0o040000];

/**
 * Opens a ZIP archive.
 *
 * @throws {UserError} where it is broken.
 */
export async function openZip(path: string): Promise<Archive> {
  const file = await openFile(path);
  const reader = new ZipReader(new FileReader(file), {
    useWebWorkers: false,
    // Every name is looked at before anything is unpacked, by rules of our own.
    filenameValidation: "tolerant",
  });
  let entries: readonly Entry[];
  try {
    entries = await reader.getEntries();
  } catch (error) {
    file.close();
    throw broken(path, error);
  }
  const described = entries.map((entry) => entryOf(path, entry));
  return {
    async *list() {
      yield* described;
    },
    async *contents(wanted) {
      for (const [i, entry] of described.entries()) {
        if (wanted(entry)) yield { entry, bytes: bytesOf(path, entries[i], entry) };
      }
    },
    async [Symbol.asyncDispose]() {
      await reader.close();
      file.close();
    },
  };
}

function entryOf(path: string, entry: Entry): ArchiveEntry {
  const { filename, uncompressedSize: size, compressionMethod, encrypted, signature } = entry;
  const kind = kindOf(entry);
  const reason = encrypted
    ? "is encrypted"
    : kind === "file" && !METHODS.includes(compressionMethod)
    ? `is packed by method ${compressionMethod}, not by deflate`
    : !Number.isSafeInteger(size) || size < 0
    ? "has an impossible size"
    : null;
  if (reason) throw new BrokenArchive(path, `"${filename}" ${reason}; unpack it by another program`);
  return { path: filename, kind, size, crc: signature ?? null };
}

function kindOf({ directory, externalFileAttributes, versionMadeBy }: Entry): EntryKind {
  // Modes are Unix's where the upper byte says so, or macOS.
  const mode = [3, 19].includes(versionMadeBy >> 8) ? externalFileAttributes >>> 16 & KIND : 0;
  if (mode === LINK) return "link";
  if (mode !== 0 && mode !== FILE && mode !== FOLDER) return "device";
  return directory ? "folder" : "file";
}

/** The bytes of an entry, its checksum and its length checked. */
async function* bytesOf(path: string, entry: Entry, { size }: ArchiveEntry): AsyncGenerator<Uint8Array> {
  if (entry.directory) return;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  let have = 0;
  const done = entry.getData(writable, {
    useWebWorkers: false,
    checkSignature: true,
    checkOverlappingEntry: true,
  }).then(() => null, async (error: unknown) => {
    // What fails before the first byte leaves the stream open, and its reader waiting.
    await writable.abort(error).catch(() => {});
    return error ?? new Error("it cannot be read");
  });
  try {
    for await (const bytes of readable) {
      have += bytes.length;
      if (have > size) throw new Error("it is longer than it says");
      yield bytes;
    }
  } catch (error) {
    throw broken(path, await done ?? error, entry.filename);
  }
  const error = await done ?? (have === size ? null : new Error("it is shorter than it says"));
  if (error) throw broken(path, error, entry.filename);
}

function broken(path: string, error: unknown, entry?: string): BrokenArchive {
  const reason = String((error as Error | undefined)?.message ?? error).split("\n")[0];
  const where = entry === undefined ? "" : `"${entry}" `;
  return new BrokenArchive(path, `${where}is broken (${reason}); fetch it again`);
}
