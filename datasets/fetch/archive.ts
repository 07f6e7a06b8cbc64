/** Opening archives of any form, and looking at their entries before anything is unpacked. */
import { openFile } from "../../engine/base/files.ts";
import { type Archive, type ArchiveEntry, BrokenArchive } from "./entries.ts";
import { Names } from "./names.ts";
import { openTar } from "./tar.ts";
import { openZip } from "./zip.ts";

/** Most entries of an archive: the largest set has some 200,000 files. */
const MOST_ENTRIES = 5_000_000;

/**
 * Opens an archive: ZIP, tar or tar.gz, by its first bytes.
 *
 * @throws {BrokenArchive} for a file of another form.
 */
export async function openArchive(path: string): Promise<Archive> {
  const head = await firstBytes(path, 512);
  if (head[0] === 0x50 && head[1] === 0x4b) return await openZip(path);
  const packed = head[0] === 0x1f && head[1] === 0x8b;
  if (packed || String.fromCharCode(...head.subarray(257, 262)) === "ustar") return openTar(path, packed);
  throw new BrokenArchive(path, "is no ZIP, tar or tar.gz archive; is it the page of an error?");
}

/**
 * The entries of an archive, each name looked at, so that nothing is unpacked of one that has a hostile name anywhere.
 *
 * @throws {BrokenArchive} for a name that may not be, a link, a device, and for more or larger entries than `most` bytes.
 */
export async function checkedEntries(path: string, archive: Archive, most: number): Promise<ArchiveEntry[]> {
  const names = new Names(), found: ArchiveEntry[] = [];
  let bytes = 0;
  for await (const entry of archive.list()) {
    const { kind, size } = entry;
    const fault = kind === "link" || kind === "device"
      ? `is a ${kind}, which no data set needs`
      : names.fault(entry.path, kind === "folder");
    if (fault) throw new BrokenArchive(path, `"${entry.path}" ${fault}; nothing of it was unpacked`);
    if (found.length >= MOST_ENTRIES) throw new BrokenArchive(path, `has more than ${MOST_ENTRIES} entries`);
    bytes += size;
    if (bytes > most) {
      throw new BrokenArchive(path, `unpacks to more than ${most} bytes, which is no such set; nothing was unpacked`);
    }
    found.push(entry);
  }
  return found;
}

async function firstBytes(path: string, count: number): Promise<Uint8Array> {
  using file = await openFile(path);
  const bytes = new Uint8Array(count);
  let have = 0;
  for (let n: number | null = 0; n !== null && have < count; have += n ?? 0) n = await file.read(bytes.subarray(have));
  return bytes.subarray(0, have);
}
