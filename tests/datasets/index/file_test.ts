import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { tableDataset } from "../../../datasets/index/dataset.ts";
import { decodeIndex, encodeIndex } from "../../../datasets/index/file.ts";
import { type SplitTable, TableBuilder, tableImage } from "../../../datasets/index/table.ts";
import { type Random, withRandom } from "../../support/random.ts";

/** A random table, and its images one by one. */
function table(random: Random): { readonly table: SplitTable; readonly images: readonly unknown[] } {
  const builder = new TableBuilder();
  const images = Array.from({ length: random.integer(0, 2000) }, (_, i) => {
    const regions = random.integer(0, 6);
    return {
      id: `bild ${i} ü`,
      path: `a/${i}.jpg`,
      width: random.integer(1, 65536),
      height: random.integer(1, 65536),
      boxes: Uint16Array.from(random.integers(4 * regions, 0, 65536)),
      labels: Uint16Array.from(random.integers(regions, 1, 4000)),
      stamp: random.integer(0, 2 ** 24) * 2 ** 28 + 1,
      unknown: random() < 0.1 ? ["x", "y z"] : [],
    };
  });
  for (const image of images) builder.add(image);
  return { table: builder.finish(["__background__", "straße"]), images };
}

Deno.test("a table holds what was added, and its file gives the same table, but for one cut short or damaged", async () => {
  await withRandom("table", (random) => {
    for (let n = 0; n < 5; n++) {
      const { table: whole, images } = table(random);
      deepStrictEqual(images.map((_, i) => tableImage(whole, i)), images);
      const bytes = encodeIndex("the key", whole);
      deepStrictEqual(decodeIndex(bytes), { key: "the key", table: whole });
      for (let bit = 0; bit < 40; bit++) {
        const broken = bytes.slice();
        broken[random.integer(0, bytes.length)] ^= 1 << random.integer(0, 8);
        strictEqual(decodeIndex(broken), null, "one bit is changed");
      }
      for (const length of [0, random.integer(0, bytes.length), bytes.length - 1]) {
        strictEqual(decodeIndex(bytes.slice(0, length)), null, `${length} of ${bytes.length} bytes`);
      }
    }
  });
});

Deno.test("a table is a data set of 32-bit numbers; pictures too large for it are refused by name", () => {
  const builder = new TableBuilder();
  builder.add({ id: "a", path: "p/a.jpg", width: 9, height: 8, boxes: [1, 2, 3, 4], labels: [1] });
  throws(
    () => builder.add({ id: "b", path: "b.jpg", width: 65536, height: 1, boxes: [], labels: [] }),
    /b\.jpg: 65536×1/,
  );
  for (const path of ["../b.jpg", "a/../../b.jpg", "/b.jpg"]) {
    throws(
      () => builder.add({ id: "b", path, width: 1, height: 1, boxes: [], labels: [] }),
      /b\.jpg: image b is named by a path that leads out of the folder/,
    );
  }
  const set = tableDataset("made", "val", "/data", builder.finish(["__background__", "x"]));
  deepStrictEqual(set.record(0), {
    id: "a",
    width: 9,
    height: 8,
    boxes: Float32Array.of(1, 2, 3, 4),
    labels: Int32Array.of(1),
    path: "/data/p/a.jpg",
  });
  deepStrictEqual([set.size, set.source], [1, { kind: "files", paths: ["/data/p/a.jpg"] }]);
});
