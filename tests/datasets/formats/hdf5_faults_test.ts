/** HDF5 files that cannot be read or written to the end: each fault is one line with file, data set and row. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { Hdf5 } from "../../../datasets/formats/hdf5.ts";
import { type Hdf5Dataset, loadHdf5 } from "../../../engine/base/packages/h5wasm.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { FeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { FeatureJournal } from "../../../datasets/refplus/files/feature_journal.ts";
import { RefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import { withFolder } from "../../support/folder.ts";
import { randomFor } from "../../support/random.ts";
import { writeToy } from "../../support/refplus/toy_refplus.ts";

const HERE = new URL("../../../", import.meta.url);

const says = (message: RegExp) => (error: unknown) => error instanceof UserError && message.test(error.message);

/** A file of `x`, rows of 100 numbers that count on, one packed by itself. */
async function writeRows(path: string, count: number): Promise<void> {
  using file = await Hdf5.create(path);
  file.addRows("x", new Int32Array(), [100], [1, 100]);
  file.append("x", Int32Array.from({ length: 100 * count }, (_, i) => i), count, [100]);
}

/** A file of the oldest form, whose heads bear no checksum: `x`, so many numbers, packed or not. */
async function writeOldest(path: string, count: number, packed: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const { File } = await loadHdf5();
  const file = new File(path, "w", { libver: ["earliest", "v108"] });
  const data = Float32Array.from({ length: count }, (_, i) => i);
  file.create_dataset({ name: "x", data, ...packed ? { chunks: [1], compression: "gzip", compression_opts: 4 } : {} });
  file.flush();
  file.close();
  return await Deno.readFile(path);
}

/** Offset of the first `needle` in `bytes`. */
function find(bytes: Uint8Array, needle: Uint8Array): number {
  for (let at = 0; at < bytes.length; at++) if (needle.every((byte, i) => bytes[at + i] === byte)) return at;
  throw new Error("it is not there");
}

Deno.test("a filter that is not here is named, with file and data set, instead of zeros", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.h5");
    const bytes = await writeOldest(path, 3, true);
    const name = find(bytes, new TextEncoder().encode("deflate\0"));
    bytes.set(new TextEncoder().encode("lzf\0\0\0\0\0"), name);
    // The filter's number stands eight bytes before its name.
    new DataView(bytes.buffer).setUint16(name - 8, 32000, true);
    await Deno.writeFile(path, bytes);
    using file = await Hdf5.open(path);
    throws(() => file.read("x", 1, 2), says(/a\.h5: x: row 1: is packed by the filter lzf, which is not here/));
    throws(() => file.read("x"), says(/a\.h5: x: row 0: is packed by the filter lzf/));
  });
});

Deno.test("a damaged chunk is named by its row, and the others are read", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.h5");
    await writeRows(path, 5);
    using whole = await Hdf5.open(path);
    const row = Int32Array.from(whole.read("x", 3, 4) as Int32Array);
    whole.close();
    const bytes = await Deno.readFile(path);
    // Chunks are zlib streams of equal rows: the fourth is damaged.
    const starts = [...bytes.keys()].filter((at) => bytes[at] === 0x78 && bytes[at + 1] === 0x5e);
    strictEqual(starts.length, 5);
    bytes[starts[3] + 12] ^= 0x10;
    await Deno.writeFile(path, bytes);
    using file = await Hdf5.open(path);
    throws(() => file.read("x"), says(/a\.h5: x: row 3: cannot be read \(.+\); make or copy the file again/));
    deepStrictEqual([...file.read("x", 2, 3) as Int32Array], [...row].map((value) => value - 100));
  });
});

Deno.test("numbers of 16 bits, words and claims beyond the file's size are refused by name", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.h5"), { File } = await loadHdf5();
    const made = new File(path, "w");
    made.create_dataset({ name: "words", data: ["a", "b"] });
    const [shape, chunks] = [[2 ** 31, 4], [2 ** 10, 4]];
    made.create_dataset({
      name: "huge",
      data: new Float32Array(0),
      dtype: "<f",
      shape: [0, 4],
      maxshape: [null, 4],
      chunks,
    });
    (made.get("huge") as unknown as { resize(shape: number[]): void }).resize(shape);
    made.close();
    using file = await Hdf5.open(path);
    // The description of 32-bit floats, made that of 16-bit ones.
    const half = join(folder, "half.h5"), bytes = await writeOldest(half, 3, false);
    const single = [0x11, 0x20, 0x1f, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127];
    bytes.set([0x11, 0x20, 0x0f, 0, 2, 0, 0, 0, 0, 0, 16, 0, 10, 5, 0, 10, 15], find(bytes, Uint8Array.from(single)));
    await Deno.writeFile(half, bytes);
    using halves = await Hdf5.open(half);
    throws(() => halves.read("x"), says(/half\.h5: x: has numbers of 16 bits; store them as float32/));
    throws(() => file.read("words"), says(/a\.h5: words: holds no rows of numbers/));
    throws(() => file.read("huge"), says(/a\.h5: huge: claims 34359738368 bytes, more than the file can hold/));
    throws(() => file.read("none"), says(/a\.h5: none: there is no such data set/));
  });
});

Deno.test("numbers in another file are not looked for, however they are named", async () => {
  await withFolder(async (folder) => {
    const { File } = await loadHdf5(), path = join(folder, "a.h5"), other = join(folder, "other.h5");
    await writeRows(other, 2);
    const file = new File(path, "w");
    file.create_external_link(other, "x", "x");
    file.create_external_link(join(folder, "nowhere.h5"), "x", "y");
    file.create_soft_link("/own", "z");
    file.create_dataset({ name: "own", data: Int32Array.of(7, 8) });
    file.flush();
    file.close();
    using own = await Hdf5.open(path);
    for (const [name, named] of [["x", "other"], ["y", "nowhere"]]) {
      const message = new RegExp(
        `a\\.h5: ${name}: lies in another file, .*${named}\\.h5; store its numbers in this one`,
      );
      throws(() => own.read(name), says(message));
    }
    deepStrictEqual(Array.from(own.read("z") as Int32Array), [7, 8]);
    // What happens to one file is no matter to others.
    using whole = await Hdf5.open(other);
    strictEqual(whole.read("x").length, 200);
  });
});

Deno.test("numbers that would become others are refused", async () => {
  await withFolder(async (folder) => {
    const { refexps, features } = await writeToy(folder, "train", 4, randomFor("others", 1));
    const { File } = await loadHdf5();
    const change = (path: string, name: string, at: number, value: number | bigint): void => {
      const file = new File(path, "a"), rows = file.get(name) as Hdf5Dataset, values = rows.value as Float32Array;
      values[at] = value as number;
      rows.write_slice(rows.shape!.map((extent) => [0, extent]), values as unknown as Uint8Array);
      file.flush();
      file.close();
    };
    change(refexps, "image_idxs", 1, 2n ** 32n);
    await rejects(RefexpFile.open(refexps), says(/image_idxs: 4294967296 is no whole number of 32 bits/));
    change(features, "features", 0, NaN);
    using file = await FeatureFile.open(features);
    throws(() => file.row(0), says(/features: row 0 holds NaN; extract the features anew/));
  });
});

Deno.test("data sets of unequal length are refused", async () => {
  await withFolder(async (folder) => {
    const { refexps } = await writeToy(folder, "train", 4, randomFor("unequal", 1));
    {
      using file = await Hdf5.open(refexps, "a");
      file.append("image_idxs", BigInt64Array.of(1n), 1, []);
    }
    await rejects(RefexpFile.open(refexps), says(/image_idxs: has 5 rows, refexps 4/));
  });
});

Deno.test("on a full disk the rows stay in the journal, and the next call goes on", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "f.h5"), working = join(folder, ".f.h5.working");
    const settings = { extractor: "made", shape: [2, 3, 4] } as const;
    const rows = Float32Array.from({ length: 5 * 24 }, (_, i) => i);
    // Whatever is written there finds no space.
    await Deno.symlink("/dev/full", working);
    {
      using journal = await FeatureJournal.open(output, settings);
      journal.append(rows);
      await rejects(journal.publish(), says(/f\.h5: the disk is full; free some space/));
    }
    ok(![...Deno.readDirSync(folder)].some(({ name }) => name === "f.h5" || name === ".f.h5.working"));
    {
      using journal = await FeatureJournal.open(output, settings);
      strictEqual(journal.rows, 5);
      await journal.publish();
    }
    using file = await FeatureFile.open(output);
    deepStrictEqual([file.size, [...file.stored(4)]], [5, [...rows.subarray(96)]]);
  });
});

Deno.test("a file that the library falls over is named, and nothing is read after it", async () => {
  // In a process of its own: the library is of no use after it.
  const script = `
    import { fellOver, loadHdf5 } from ${JSON.stringify(new URL("engine/base/packages/h5wasm.ts", HERE).href)};
    await loadHdf5();
    console.log(fellOver("a.h5", new Error("wrong signature")));
    console.log(fellOver("a.h5", new WebAssembly.RuntimeError("memory access out of bounds")).message);
    fellOver("b.h5", new WebAssembly.RuntimeError("unreachable"));
    await loadHdf5().catch((error) => console.log(error.name, error.message));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", script], cwd: HERE, stderr: "inherit" })
    .output();
  deepStrictEqual(new TextDecoder().decode(stdout).trim().split("\n"), [
    "null",
    "a.h5: is damaged so that the HDF5 library fell over it; make or copy it again",
    "UserError a.h5: the HDF5 library fell over this file and opens no other now; start again without it",
  ]);
});
