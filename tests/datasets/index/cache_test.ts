/** The cache of parsed splits, on a set of one image. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { openIndexed } from "../../../datasets/index/cache.ts";
import { type SplitTable, TableBuilder } from "../../../datasets/index/table.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("a damaged index is said once, and the annotations are read anew", async () => {
  await withFolder(async (data) => {
    let built = 0;
    const said: string[] = [];
    const open = (): Promise<SplitTable> =>
      openIndexed({
        ...{ data, name: "made", split: "train", options: {}, sources: [], cache: join(data, "cache") },
        onMessage: (text) => said.push(text),
        build: (before) => {
          if (before) return Promise.resolve(before);
          built++;
          const builder = new TableBuilder();
          builder.add({ id: "a", path: "a.png", width: 9, height: 8, boxes: [1, 2, 3, 4], labels: [1] });
          return Promise.resolve(builder.finish(["__background__", "x"]));
        },
      });
    const whole = await open();
    deepStrictEqual(await open(), whole);
    strictEqual(built, 1);
    const [{ name }] = [...Deno.readDirSync(join(data, "cache"))], path = join(data, "cache", name);
    const bytes = await Deno.readFile(path);
    for (const at of [3, bytes.length - 30]) {
      const broken = bytes.slice();
      broken[at] ^= 1;
      await Deno.writeFile(path, broken);
      deepStrictEqual(await open(), whole);
      match(said.splice(0).join(), /^[^,]*\.index: is damaged or of another version; the annotations are read anew$/);
    }
    deepStrictEqual([await open(), built, said], [whole, 3, []]);
  });
});
