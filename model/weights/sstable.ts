/** Sorted string tables, the container of TensorFlow's checkpoints (the table format of LevelDB). */
import { maskedCrc32c } from "../../engine/base/crc32c.ts";
import { WeightsError } from "./stored.ts";

const FOOTER = 48;
const MAGIC = 0xdb4775248b80fb57n;
/** After each block: one byte of compression, four of checksum. */
const TRAILER = 5;
/** Bytes of a key: each may share all of the one before, so that they could grow without end. */
const LONGEST_KEY = 4096;

/** True where the bytes end as a table does. */
export function isTable(bytes: Uint8Array): boolean {
  if (bytes.length < FOOTER) return false;
  return new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 8).getBigUint64(0, true) === MAGIC;
}

/** The entries of a table in order. Throws {@link WeightsError} for one that is cut short, changed or compressed. */
export function* tableEntries(bytes: Uint8Array): Generator<readonly [key: Uint8Array, value: Uint8Array]> {
  const footer = new Cursor(bytes.subarray(bytes.length - FOOTER));
  footer.varint(); // of the meta index, which TensorFlow leaves empty
  footer.varint();
  let read = 0;
  for (const [, handle] of blockEntries(block(bytes, footer.varint(), footer.varint()))) {
    const at = new Cursor(handle), found = block(bytes, at.varint(), at.varint());
    // Blocks that are listed again and again would be read as often.
    read += found.length;
    if (read > bytes.length) throw new WeightsError("the table lists a block twice");
    yield* blockEntries(found);
  }
}

function block(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  if (offset + size + TRAILER > bytes.length - FOOTER) {
    throw new WeightsError("a block of the table lies outside the file");
  }
  const compression = bytes[offset + size];
  if (compression !== 0) throw new WeightsError("the table is compressed, which TensorFlow's checkpoints never are");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const wanted = view.getUint32(offset + size + 1, true);
  if (maskedCrc32c(bytes.subarray(offset, offset + size + 1)) !== wanted) {
    throw new WeightsError(`the block at byte ${offset} does not match its checksum; copy or download the file again`);
  }
  return bytes.subarray(offset, offset + size);
}

/** Keys share their beginnings with the key before; the restarts at the end serve searches, not reading in order. */
function* blockEntries(bytes: Uint8Array): Generator<readonly [Uint8Array, Uint8Array]> {
  if (bytes.length < 4) throw new WeightsError("a block of the table is cut short");
  const restarts = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
  const end = bytes.length - 4 * (restarts + 1);
  if (end < 0) throw new WeightsError("a block of the table is cut short");
  const at = new Cursor(bytes.subarray(0, end));
  let key = new Uint8Array();
  while (!at.done) {
    const shared = at.varint(), own = at.varint(), length = at.varint();
    if (shared > key.length) throw new WeightsError("a key of the table continues what is not there");
    const rest = at.take(own);
    if (shared + own > LONGEST_KEY) throw new WeightsError(`a key of the table has ${shared + own} bytes`);
    const next = new Uint8Array(shared + own);
    next.set(key.subarray(0, shared));
    next.set(rest, shared);
    key = next;
    yield [key, at.take(length)];
  }
}

class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new WeightsError("a block of the table is cut short");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 49; factor *= 128) {
      const [byte] = this.take(1);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new WeightsError("a number of the table is too long");
  }
}
