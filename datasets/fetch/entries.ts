/** Archives as a list of entries, whatever their form. */

import { UserError } from "../../engine/base/user_error.ts";

/** An archive that is not as it should be: cut short, changed, of another form, or with what no data set has. */
export class BrokenArchive extends UserError {
  /** Names the archive, and says what is wrong. */
  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`, { path });
  }
}

/** Most bytes that an archive may unpack to: eight times its own length, and 4 GiB that text may be packed more tightly. */
export function mostUnpacked(archive: number): number {
  return 8 * archive + 2 ** 32;
}

/** Kind of an entry; links and devices are never unpacked. */
export type EntryKind = "file" | "folder" | "link" | "device";

/** An entry of an archive. */
export interface ArchiveEntry {
  /** Path as the archive has it. */
  readonly path: string;
  readonly kind: EntryKind;
  /** Bytes that it takes unpacked. */
  readonly size: number;
  /** CRC-32 of its bytes; null where the archive has none. */
  readonly crc: number | null;
}

/** An opened archive. */
export interface Archive extends AsyncDisposable {
  /** Its entries in order, without their contents. */
  list(): AsyncIterable<ArchiveEntry>;
  /** The contents of the entries that `wanted` takes, in order; each stream is read to its end before the next. */
  contents(
    wanted: (entry: ArchiveEntry) => boolean,
  ): AsyncIterable<{ readonly entry: ArchiveEntry; readonly bytes: AsyncIterable<Uint8Array> }>;
}
