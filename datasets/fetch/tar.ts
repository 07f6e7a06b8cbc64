/**
 * tar archives (POSIX ustar, with pax and GNU long names), packed by gzip or not, entry by entry. Of our own: packages keep an
 * archive's own headers in memory whatever size it says they have.
 */
import { openFile } from "../../engine/base/files.ts";
import { type Archive, type ArchiveEntry, BrokenArchive, type EntryKind, mostUnpacked } from "./entries.ts";

const BLOCK = 512;

/** Longest header that an entry may have before it, of names and times, and most of them. */
const [LONGEST_HEADER, MOST_HEADERS] = [1 << 16, 16];

/** Opens a tar archive; each pass reads the file from its beginning, the first one of a packed file for its checksum alone. */
export function openTar(path: string, packed: boolean): Archive {
  return {
    async *list() {
      if (packed) await requireWhole(path);
      for await (const { entry } of entries(path, packed)) yield entry;
    },
    async *contents(wanted) {
      for await (const { entry, source } of entries(path, packed)) {
        if (wanted(entry)) yield { entry, bytes: source.take(entry.size) };
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Bytes of a stream, as many as are asked for. */
class Source {
  readonly #path: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk = new Uint8Array(0);
  /** Bytes of the current entry that nobody took yet, and its padding. */
  left = 0;

  constructor(path: string, chunks: AsyncIterable<Uint8Array>) {
    this.#path = path;
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** A piece of at most `most` bytes; null at the end. */
  async #piece(most: number): Promise<Uint8Array | null> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return null;
      this.#chunk = value as Uint8Array<ArrayBuffer>;
    }
    const piece = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(piece.length);
    return piece;
  }

  /** The next `count` bytes of the current entry. */
  async *take(count: number): AsyncGenerator<Uint8Array> {
    for (let rest = count; rest > 0;) {
      const piece = await this.#piece(rest);
      if (!piece) throw broken(this.#path, "it ends early");
      rest -= piece.length;
      this.left -= piece.length;
      yield piece;
    }
  }

  /** Goes on to the next header. */
  async skip(): Promise<void> {
    while (this.left > 0) {
      const piece = await this.#piece(this.left);
      if (!piece) throw broken(this.#path, "it ends early");
      this.left -= piece.length;
    }
  }

  /** A block; null at the end. */
  async block(): Promise<Uint8Array | null> {
    const block = new Uint8Array(BLOCK);
    for (let have = 0; have < BLOCK;) {
      const piece = await this.#piece(BLOCK - have);
      if (!piece) {
        if (have === 0) return null;
        throw broken(this.#path, "it ends early");
      }
      block.set(piece, have);
      have += piece.length;
    }
    return block;
  }

  /** The current entry as text, of a size that headers have. */
  async text(size: number): Promise<string> {
    const bytes = new Uint8Array(size);
    let have = 0;
    for await (const piece of this.take(size)) {
      bytes.set(piece, have);
      have += piece.length;
    }
    return decoded(bytes);
  }

  /** Closes the file behind it. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

async function* entries(
  path: string,
  packed: boolean,
): AsyncGenerator<{ readonly entry: ArchiveEntry; readonly source: Source }> {
  const source = new Source(path, chunksOf(path, packed));
  try {
    const more = new Map<string, string>();
    for (let headers = 0;;) {
      await source.skip();
      const block = await source.block();
      // Two blocks of zeros end an archive; what follows is padding.
      if (!block || block.every((byte) => byte === 0)) return;
      const { name, size: stated, type } = headerOf(path, block);
      const size = more.has("size") ? wholeNumber(path, more.get("size")!) : stated;
      const header = "xgLK".includes(type);
      source.left = padded(header ? stated : size);
      if (header) {
        if (stated > LONGEST_HEADER) throw broken(path, "a header is longer than any name");
        if (++headers > MOST_HEADERS) throw broken(path, "there are more headers than entries need");
        const text = await source.text(stated);
        // Headers for all that follows (g) say nothing that is needed here.
        if (type === "x") { for (const [key, value] of records(path, text)) more.set(key, value); }
        else if (type === "L") more.set("path", text.replace(/\0.*$/s, ""));
        continue;
      }
      const kind = kindOf(path, type, more);
      // `tar c .` writes every name with the folder it stands in, and that folder itself.
      const own = (more.get("path") ?? name).replace(/^(\.\/)+/, "");
      more.clear();
      headers = 0;
      if (kind === "folder" && (own === "" || own === ".")) continue;
      yield { entry: { path: own, kind, size: kind === "file" ? size : 0, crc: null }, source };
    }
  } finally {
    await source.close();
  }
}

/** Rounded up to whole blocks. */
function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function kindOf(path: string, type: string, more: ReadonlyMap<string, string>): EntryKind {
  if (type === "S" || [...more.keys()].some((key) => key.startsWith("GNU.sparse"))) {
    throw new BrokenArchive(path, "has a file with holes, which is not read; unpack it by another program");
  }
  if (type === "5") return "folder";
  if (type === "1" || type === "2") return "link";
  // 7 is a file in one piece, which every file is today.
  return "0\0".includes(type) || type === "7" ? "file" : "device";
}

/** Name, size and type of a header, its checksum checked. */
function headerOf(path: string, block: Uint8Array): { name: string; size: number; type: string } {
  const sum = block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (sum !== octal(path, block.subarray(148, 156))) throw broken(path, "the checksum of a header is wrong");
  const text = (from: number, length: number): string => decoded(cString(block.subarray(from, from + length)));
  const isPosix = text(257, 5) === "ustar" && block[263] === 48;
  const prefix = isPosix ? text(345, 155) : "";
  return {
    name: prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    size: octal(path, block.subarray(124, 136)),
    type: String.fromCharCode(block[156]),
  };
}

/** A number in octal digits, or of base 256 where the highest bit is set. */
function octal(path: string, field: Uint8Array): number {
  if (field[0] & 0x80) {
    const value = field.reduce((sum, byte, i) => sum * 256 + (i === 0 ? byte & 0x7f : byte), 0);
    if (!Number.isSafeInteger(value) || field[0] & 0x40) throw broken(path, "a number is impossible");
    return value;
  }
  const text = decoded(cString(field)).trim();
  if (!/^[0-7]*$/.test(text)) throw broken(path, "a number is none");
  return text === "" ? 0 : parseInt(text, 8);
}

/** The records of a pax header: `length key=value` and a line break each, the length in bytes. */
function records(path: string, text: string): Map<string, string> {
  const bytes = new TextEncoder().encode(text), found = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at), length = Number(decoded(bytes.subarray(at, Math.max(at, space))));
    const end = at + length;
    if (space < 0 || !Number.isInteger(length) || end <= space || end > bytes.length || bytes[end - 1] !== 10) {
      throw broken(path, "a header is none");
    }
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(decoded(bytes.subarray(space + 1, end - 1))) ?? [];
    if (key === undefined) throw broken(path, "a header is none");
    found.set(key, value);
    at = end;
  }
  return found;
}

function wholeNumber(path: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw broken(path, "a size is no number");
  return value;
}

function cString(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** The bytes of the file, unpacked where it is packed. */
async function* chunksOf(path: string, packed: boolean): AsyncGenerator<Uint8Array> {
  const file = await openFile(path), most = mostUnpacked((await file.stat()).size);
  // The stream closes the file at its end, and where it is given up.
  const chunks = packed ? file.readable.pipeThrough(new DecompressionStream("gzip")) : file.readable;
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > most) break;
      yield chunk;
    }
  } catch (error) {
    throw broken(path, String((error as Error | undefined)?.message ?? error));
  }
  if (bytes > most) throw new BrokenArchive(path, `unpacks to more than ${most} bytes, which is no such set`);
}

/** Reads a packed file to its end, where its checksum stands: what is found in it then is what was packed. */
async function requireWhole(path: string): Promise<void> {
  for await (const _ of chunksOf(path, true)) { /* checked by the stream */ }
}

function broken(path: string, reason: string): BrokenArchive {
  return new BrokenArchive(path, `is broken (${reason}); fetch it again`);
}
