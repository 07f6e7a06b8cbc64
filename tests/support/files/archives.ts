/** Archives made for tests, honest and hostile, written from the formats' descriptions. */
import { crc32, deflateRawSync, gzipSync } from "node:zlib";

type Bytes = Uint8Array<ArrayBuffer>;

const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

/** An entry to be written; a name that ends with a slash is a folder. */
export interface Made {
  readonly name: string;
  readonly data?: Uint8Array | string;
  /** ZIP: Unix's mode, such as 0o120777 of a link. tar: the type. */
  readonly mode?: number;
  readonly type?: string;
  /** Target of a link. */
  readonly link?: string;
  /** ZIP: packed by deflate; default true. */
  readonly packed?: boolean;
  /** Size that it says it has. */
  readonly claims?: number;
  /** Checksum that it says it has. */
  readonly crc?: number;
}

function dataOf({ data = "" }: Made): Bytes {
  return typeof data === "string" ? utf8(data) : new Uint8Array(data);
}

function joined(parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Little-endian numbers of given widths, in bytes. */
function fields(...pairs: readonly (readonly [width: number, value: number])[]): Bytes {
  return joined(
    pairs.map(([width, value]) => Uint8Array.from({ length: width }, (_, i) => value / 2 ** (8 * i) & 255)),
  );
}

/** A ZIP archive. */
export function zipFile(entries: readonly Made[]): Bytes {
  const locals: Bytes[] = [], central: Bytes[] = [];
  let offset = 0;
  for (const entry of entries) {
    const { name, packed = true, mode } = entry, data = dataOf(entry), text = utf8(name);
    const stored = packed ? new Uint8Array(deflateRawSync(data)) : data;
    const common = fields(
      [2, 0x800],
      [2, packed ? 8 : 0],
      [4, 0],
      [4, entry.crc ?? crc32(data)],
      [4, stored.length],
      [
        4,
        entry.claims ?? data.length,
      ],
      [2, text.length],
      [2, 0],
    );
    const local = joined([fields([4, 0x04034b50], [2, 20]), common, text, stored]);
    const attributes = (mode ?? (name.endsWith("/") ? 0o40755 : 0o100644)) * 65536 + (name.endsWith("/") ? 16 : 0);
    central.push(joined([
      fields([4, 0x02014b50], [2, 3 << 8 | 20], [2, 20]),
      common,
      fields([2, 0], [2, 0], [2, 0], [4, attributes], [4, offset]),
      text,
    ]));
    locals.push(local);
    offset += local.length;
  }
  const directory = joined(central);
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, entries.length], [2, entries.length], [4, directory.length], [
    4,
    offset,
  ], [2, 0]);
  return joined([...locals, directory, end]);
}

const octal = (value: number, width: number): string => value.toString(8).padStart(width - 1, "0") + "\0";

/** A tar archive; `packed` by gzip. */
export function tarFile(entries: readonly Made[], packed = false): Bytes {
  const blocks = entries.flatMap((entry) => {
    const data = dataOf(entry), block = new Uint8Array(512);
    const put = (at: number, text: string): void => block.set(utf8(text), at);
    put(0, entry.name.slice(0, 100));
    put(100, octal(0o644, 8) + octal(0, 8) + octal(0, 8));
    put(124, octal(entry.claims ?? data.length, 12) + octal(0, 12));
    put(148, " ".repeat(8));
    put(156, entry.type ?? (entry.name.endsWith("/") ? "5" : "0"));
    put(157, entry.link ?? "");
    put(257, "ustar\x0000");
    put(148, octal(block.reduce((sum, byte) => sum + byte, 0), 7) + " ");
    return [block, data, new Uint8Array((512 - data.length % 512) % 512)];
  });
  const all = joined([...blocks, new Uint8Array(1024)]);
  return packed ? new Uint8Array(gzipSync(all)) : all;
}

/** A pax header of records before the entry that follows. */
export function paxHeader(records: Readonly<Record<string, string>>): Made {
  const text = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`, length = utf8(rest).length;
    const digits = [1, 2, 3, 4, 5].find((n) => String(length + n).length === n)!;
    return `${length + digits}${rest}`;
  });
  return { name: "PaxHeaders/x", type: "x", data: text.join("") };
}
