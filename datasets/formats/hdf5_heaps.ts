/**
 * Global heaps of HDF5 files, in which texts of any length lie (HDF5 file format specification, III.E). The library goes
 * through a damaged one without end, so they are looked through before it.
 */
import { Buffer } from "node:buffer";

const SIGNATURE = "GCOL";
/** Bytes before a heap's objects, and before each object's contents. */
const HEAD = 16;
/** Texts of attributes are among the first things in a file: of a large one no more is looked through. */
const MOST = 64 * 2 ** 20;
const PIECE = 4 * 2 ** 20;

/** True where a heap's objects do not lead to its end, in the part of a file that may hold those of attributes. */
export function hasBrokenHeap(path: string): boolean {
  using file = Deno.openSync(path);
  const { size } = file.statSync(), end = Math.min(size, MOST);
  for (let from = 0; from < end; from += PIECE) {
    // Heaps reach into the next piece; few are longer than the least, a block of 4 kB.
    const piece = read(file, from, PIECE + 4);
    for (let at = piece.indexOf(SIGNATURE); at >= 0 && at < PIECE; at = piece.indexOf(SIGNATURE, at + 4)) {
      if ((from + at) % 8 === 0 && isBroken(file, from + at, size)) return true;
    }
  }
  return false;
}

function isBroken(file: Deno.FsFile, at: number, size: number): boolean {
  const head = read(file, at, HEAD);
  // Version and zeros: four letters alone may stand among numbers.
  if (head.length < HEAD || head.readUInt32LE(4) !== 1) return false;
  const length = Number(head.readBigUInt64LE(8));
  if (length > size - at) return true;
  const heap = read(file, at, length);
  for (let place = HEAD; place + HEAD <= heap.length;) {
    const [index, bytes] = [heap.readUInt16LE(place), Number(heap.readBigUInt64LE(place + 8))];
    // Number 0 is the space that is left, and counts its own head.
    const step = index === 0 ? bytes : HEAD + Math.ceil(bytes / 8) * 8;
    if (step === 0 || place + step > heap.length) return true;
    place += step;
  }
  return false;
}

function read(file: Deno.FsFile, from: number, length: number): Buffer {
  file.seekSync(from, Deno.SeekMode.Start);
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
