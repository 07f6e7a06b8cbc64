import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../../../engine/base/packages/sharp.ts";
import { Hdf5 } from "../../../../datasets/formats/hdf5.ts";
import { resizeBicubic } from "../../../../datasets/refplus/encoding/bicubic.ts";
import { FeatureFile, type FeatureSettings } from "../../../../datasets/refplus/files/feature_file.ts";
import { FeatureJournal } from "../../../../datasets/refplus/files/feature_journal.ts";
import { readPicture } from "../../../../datasets/images/read_picture.ts";
import { listPictures } from "../../../../datasets/refplus/files/pictures.ts";
import { CHECKSUM } from "../../../../datasets/refplus/files/row_checksum.ts";
import { pixelFeatures, pixelShape } from "../../../../datasets/refplus/encoding/pixel_features.ts";
import fixture from "../../../fixtures/bicubic.json" with { type: "json" };
import { itera } from "../../../support/command.ts";
import { withFolder } from "../../../support/folder.ts";
import { numbers } from "../../../support/formula.ts";
import { withRandom } from "../../../support/random.ts";

const sharp = await loadSharp();

Deno.test("bicubic resizing has Pillow's bytes", () => {
  for (const { name, from: [width, height], to, rgb } of fixture.cases) {
    const picture = { rgb: Uint8Array.from(numbers(name, width * height * 3, 0, 256)), width, height };
    const made = resizeBicubic(picture, to[0], to[1]);
    deepStrictEqual([made.width, made.height], to);
    deepStrictEqual([...made.rgb], rgb, name);
  }
});

Deno.test("a cell's features are its own pixels and its place", async () => {
  await withRandom("pixel features", (random) => {
    const [width, height, cell] = [6, 4, 2];
    const rgb = Uint8Array.from(random.integers(width * height * 3, 0, 256));
    const options = { width, height, cell };
    deepStrictEqual(pixelShape(options), [14, 2, 3]);
    const features = pixelFeatures({ rgb, width, height }, options);
    const at = (channel: number, row: number, column: number): number => features[(channel * 2 + row) * 3 + column];
    for (let row = 0; row < 2; row++) {
      for (let column = 0; column < 3; column++) {
        for (const [y, x, c] of [[0, 0, 0], [0, 1, 2], [1, 0, 1], [1, 1, 2]]) {
          const value = rgb[((2 * row + y) * width + 2 * column + x) * 3 + c];
          strictEqual(at((y * 2 + x) * 3 + c, row, column), Math.fround((value / 255 - 0.45) / 0.2));
        }
        strictEqual(at(12, row, column), [-0.5, 0.5][row]);
        strictEqual(at(13, row, column), Math.fround([-2 / 3, 0, 2 / 3][column]));
      }
    }
    throws(() => pixelShape({ width: 7, height: 4, cell }), /--cell 2: 7 × 4 pixels are no whole number/);
  });
});

const SETTINGS: FeatureSettings = { extractor: "counted", shape: [2, 1, 3] };

/** Rows `from` to `to` of features whose values name their row. */
const rows = (from: number, to: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: 6 * (to - from) }, (_, i) => 6 * from + i);

Deno.test("features are there when they are whole; a killed run's rows are gone on with, and more are appended", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "deep", "features.h5"), journal = join(folder, "deep", ".features.h5.rows");
    {
      using begun = await FeatureJournal.open(output, SETTINGS);
      begun.append(rows(0, 2));
      strictEqual(begun.rows, 2);
    }
    // A row cut short, as a kill would leave it; a power cut may leave zeros.
    await Deno.writeFile(journal, new Uint8Array(10), { append: true });
    {
      using again = await FeatureJournal.open(output, SETTINGS);
      strictEqual(again.rows, 2);
    }
    await Deno.writeFile(journal, new Uint8Array(100), { append: true });
    await rejects(Deno.stat(output), Deno.errors.NotFound);
    {
      using other = await FeatureJournal.open(join(folder, "deep", "other.h5"), SETTINGS);
      strictEqual(other.rows, 0);
    }
    {
      using again = await FeatureJournal.open(output, SETTINGS);
      strictEqual(again.rows, 2);
      again.append(rows(2, 3));
      await again.publish();
    }
    {
      using more = await FeatureJournal.open(output, SETTINGS);
      deepStrictEqual([more.whole, more.rows], [3, 3]);
      more.append(rows(3, 5));
      await more.publish();
    }
    {
      using file = await FeatureFile.open(output);
      deepStrictEqual([file.size, file.settings], [5, SETTINGS]);
      // Channels last: [0, 3], [1, 4], [2, 5] of each row.
      for (const row of [4, 0, 2, 4]) deepStrictEqual([...file.row(row)], [0, 3, 1, 4, 2, 5].map((v) => v + 6 * row));
      throws(() => file.row(5), /has 5 pictures, number 5 is asked for/);
    }
    deepStrictEqual([...Deno.readDirSync(join(folder, "deep"))].map(({ name }) => name).sort(), [
      ".other.h5.rows",
      "features.h5",
    ]);
    {
      // What another extractor left beside the file is not taken for this one's.
      await Deno.remove(output);
      using _begun = await FeatureJournal.open(output, { ...SETTINGS, extractor: "otherwise" });
      _begun.append(rows(0, 4));
    }
    {
      using fresh = await FeatureJournal.open(output, SETTINGS);
      strictEqual(fresh.rows, 0);
      fresh.append(rows(0, 1));
      await fresh.publish();
    }
    await rejects(
      FeatureJournal.open(output, { ...SETTINGS, extractor: "otherwise" }),
      /features\.h5: was made by counted, not otherwise; remove it/,
    );
  });
});

/** Writes rows 0 to 4 and returns the file's bytes. */
async function writeFeatures(path: string): Promise<Uint8Array<ArrayBuffer>> {
  using journal = await FeatureJournal.open(path, SETTINGS);
  journal.append(rows(0, 4));
  await journal.publish();
  return await Deno.readFile(path);
}

/** Offset of a text or of numbers in a file. */
function offsetOf(bytes: Uint8Array, needle: string | Float32Array<ArrayBuffer>): number {
  const wanted = typeof needle === "string" ? new TextEncoder().encode(needle) : new Uint8Array(needle.buffer);
  const at = bytes.findIndex((_, from) => wanted.every((byte, i) => bytes[from + i] === byte));
  ok(at >= 0);
  return at;
}

Deno.test("a flipped bit of a row, rows that changed places and another extractor are refused by row", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "features.h5"), bytes = await writeFeatures(path);
    const [first, third] = [offsetOf(bytes, rows(0, 1)), offsetOf(bytes, rows(2, 3))];
    const damaged = async (change: (bytes: Uint8Array<ArrayBuffer>) => void): Promise<string[]> => {
      const changed = bytes.slice();
      change(changed);
      await Deno.writeFile(path, changed);
      using file = await FeatureFile.open(path);
      return [0, 1, 2, 3].flatMap((row) => {
        try {
          file.row(row);
          return [];
        } catch (error) {
          return [(error as Error).message.replace(`${path}: `, "")];
        }
      });
    };
    const complaint = (row: number): string =>
      `features: row ${row} does not fit its checksum, so the file is damaged; make or copy it again`;
    deepStrictEqual(await damaged(() => {}), []);
    await withRandom("flipped bits of features", async (random) => {
      for (let i = 0; i < 20; i++) {
        const at = third + random.integer(0, 24), bit = 1 << random.integer(0, 8);
        deepStrictEqual(await damaged((bytes) => bytes[at] ^= bit), [complaint(2)]);
      }
    });
    const swapped = await damaged((changed) => {
      changed.set(bytes.subarray(third, third + 24), first);
      changed.set(bytes.subarray(first, first + 24), third);
    });
    deepStrictEqual(swapped, [complaint(0), complaint(2)]);
    const renamed = await damaged((changed) => changed[offsetOf(bytes, "counted")] ^= 1);
    deepStrictEqual(renamed, [0, 1, 2, 3].map(complaint));
  });
});

Deno.test("a file that lost its checksums is refused; one of before there were any is read and gets them with more rows", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "features.h5");
    const begin = async (): Promise<Hdf5> => {
      const file = await Hdf5.create(path);
      file.setAttribute("extractor", SETTINGS.extractor);
      file.addRows("features", new Float32Array(), SETTINGS.shape, [1, ...SETTINGS.shape], false);
      file.append("features", rows(0, 2), 2, SETTINGS.shape);
      return file;
    };
    {
      using file = await begin();
      file.setAttribute("checksum", CHECKSUM);
    }
    await rejects(FeatureFile.open(path), /features\.h5: has lost its checksums, so it is damaged; make or copy it/);
    {
      using file = await begin();
      file.setAttribute("checksum", CHECKSUM);
      file.addRows("checksums", new Uint32Array(), [], [4]);
      file.append("checksums", Uint32Array.of(1), 1, []);
    }
    await rejects(FeatureFile.open(path), /features\.h5: has 1 checksums for 2 rows/);
    (await begin()).close();
    {
      using file = await FeatureFile.open(path);
      deepStrictEqual([file.checksums, [...file.stored(1)]], [null, [...rows(1, 2)]]);
    }
    deepStrictEqual(
      (await itera("inspect", path)).out,
      "features: 2 rows of 2 × 1 × 3, made by counted\n" +
        "checksums: none, so damage to its numbers would not show\n",
    );
    {
      using journal = await FeatureJournal.open(path, SETTINGS);
      journal.append(rows(2, 3));
      await journal.publish();
    }
    {
      using file = await FeatureFile.open(path);
      deepStrictEqual([file.checksums?.length, [...file.stored(0)]], [3, [...rows(0, 1)]]);
    }
    ok(/^checksums: all rows fit theirs$/m.test((await itera("inspect", path)).out));
    const bytes = await Deno.readFile(path);
    bytes[offsetOf(bytes, rows(1, 2)) + 5] ^= 2;
    await Deno.writeFile(path, bytes);
    const { code, err } = await itera("inspect", path);
    deepStrictEqual([code, /features\.h5: features: row 1 does not fit its checksum/.test(err)], [2, true], err);
  });
});

Deno.test("features of the reference are read, other files are refused", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "reference.h5");
    {
      using file = await Hdf5.create(path);
      file.addRows("features", new Float32Array(), [1, 2, 2], [1, 1, 2, 2]);
      file.append("features", Float32Array.of(1, 2, 3, 4), 1, [1, 2, 2]);
    }
    using file = await FeatureFile.open(path);
    deepStrictEqual([file.settings.extractor, [...file.row(0)]], ["unknown", [1, 2, 3, 4]]);
    const flat = join(folder, "flat.h5");
    {
      using file = await Hdf5.create(flat);
      file.addRows("features", new Float32Array(), [4], [1, 4]);
    }
    await rejects(FeatureFile.open(flat), /flat\.h5: features has 2 axes, 4 are wanted/);
  });
});

Deno.test("pictures are listed by number, and gaps are named", async () => {
  await withFolder(async (folder) => {
    const png = await sharp({ create: { width: 2, height: 1, channels: 4, background: "#10203080" } }).png().toBuffer();
    for (const number of ["000010", ...Array.from({ length: 10 }, (_, i) => `00000${i}`)]) {
      await Deno.writeFile(join(folder, `CLEVR_val_${number}.png`), png);
    }
    await Deno.writeTextFile(join(folder, "notes.txt"), "");
    const paths = await listPictures(folder);
    ok(paths.length === 11 && paths[10].endsWith("_000010.png") && paths[2].endsWith("_000002.png"));
    deepStrictEqual([...(await readPicture(paths[0])).rgb], [16, 32, 48, 16, 32, 48]);
    await Deno.remove(paths[3]);
    await rejects(listPictures(folder), /picture 3 is missing/);
    await Deno.writeFile(paths[3], png);
    await Deno.writeFile(join(folder, "b_3.png"), png);
    await rejects(listPictures(folder), /has the same number/);
    await Deno.rename(join(folder, "b_3.png"), join(folder, "b.png"));
    await rejects(listPictures(folder), /b\.png: its name does not end in _ and a number/);
    await rejects(listPictures(join(folder, "none")), /none: there is no such folder of pictures/);
    await rejects(readPicture(join(folder, "none.png")), /none\.png: there is no such picture/);
    await rejects(readPicture(join(folder, "notes.txt")), /notes\.txt: cannot be read as a picture/);
  });
});
