/** Small archives that make a careless reader do much. */
import { gzipSync } from "node:zlib";
import { paxHeader, tarFile, zipFile } from "../../support/files/archives.ts";
import type { Bytes } from "../mutate/mutator.ts";
import type { HostileInput } from "./input.ts";

const packed = (bytes: Uint8Array): Bytes => new Uint8Array(gzipSync(bytes));

/** A ZIP file all of whose entries are one piece of packed bytes, which unpacks to much. */
function overlapping(): Bytes {
  const bytes = zipFile([{ name: "set/0", data: new Uint8Array(1 << 20) }]);
  const view = new DataView(bytes.buffer), end = bytes.length - 22;
  const directory = view.getUint32(end + 16, true), entry = bytes.slice(directory, end);
  const entries = Array.from({ length: 500 }, (_, i) => {
    const own = new Uint8Array(entry.length - 5 + `set/${i}`.length), text = new TextEncoder().encode(`set/${i}`);
    own.set(entry.subarray(0, 46));
    own.set(text, 46);
    new DataView(own.buffer).setUint16(28, text.length, true);
    return own;
  });
  const size = entries.reduce((sum, { length }) => sum + length, 0), out = new Uint8Array(directory + size + 22);
  out.set(bytes.subarray(0, directory));
  let at = directory;
  for (const own of entries) {
    out.set(own, at);
    at += own.length;
  }
  out.set(bytes.subarray(end), at);
  const last = new DataView(out.buffer);
  last.setUint16(at + 8, 500, true);
  last.setUint16(at + 10, 500, true);
  last.setUint32(at + 12, size, true);
  return out;
}

const zips: readonly (readonly [name: string, make: () => Bytes])[] = [
  [
    "a megabyte of zeros packed to a kilobyte, forty times",
    () => zipFile(Array.from({ length: 40 }, (_, i) => ({ name: `set/${i}`, data: new Uint8Array(1 << 20) }))),
  ],
  ["five hundred entries of the same packed bytes", overlapping],
  [
    "an entry that claims nothing and is a megabyte",
    () => zipFile([{ name: "set/a", data: new Uint8Array(1 << 20), claims: 0 }]),
  ],
  [
    "twenty thousand empty files, none of them needed",
    () => zipFile(Array.from({ length: 20_000 }, (_, i) => ({ name: `other/${i}` }))),
  ],
  ["folders in folders", () => zipFile([{ name: `set/${"a/".repeat(10_000)}b` }])],
];

const tars: readonly (readonly [name: string, make: () => Bytes])[] = [
  ["a file that claims eight gigabytes", () => tarFile([{ name: "set/a", claims: 8 * 2 ** 30 - 1 }])],
  ["a header of names that claims a gigabyte", () => tarFile([{ name: "x", type: "x", claims: 2 ** 30 }])],
  [
    "thousands of headers before one file",
    () => tarFile([...Array.from({ length: 5000 }, (_, i) => paxHeader({ [`k${i}`]: "v" })), { name: "set/a" }]),
  ],
  [
    "headers without a file",
    () => tarFile(Array.from({ length: 20_000 }, () => ({ name: "L", type: "L", data: "a" }))),
  ],
];

/** All of them. */
export const HOSTILE_ARCHIVES: readonly HostileInput[] = [
  ...zips.map(([name, make]) => ({ reader: "zip archives", name, files: () => ({ "a.zip": make() }) })),
  ...tars.map(([name, make]) => ({ reader: "tar archives", name, files: () => ({ "a.tar": make() }) })),
  {
    reader: "packed tar archives",
    name: "thirty megabytes of zeros behind a header",
    files: () => ({ "a.tgz": packed(tarFile([{ name: "other/a", data: new Uint8Array(30 << 20) }])) }),
  },
  {
    reader: "packed tar archives",
    name: "zeros without a header",
    files: () => ({ "a.tgz": packed(new Uint8Array(16 << 20)) }),
  },
];
