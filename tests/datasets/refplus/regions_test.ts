import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import { checkSplit } from "../../../datasets/check.ts";
import { refPlusFiles } from "../../../datasets/refplus/files/layout.ts";
import { openRefPlusRegions } from "../../../datasets/refplus/regions.ts";
import { withFolder } from "../../support/folder.ts";
import { pythonJson, realScenes } from "../../support/refplus/real_refplus.ts";

Deno.test("boxes are cut at the border of their picture, those outside are left out, and both are counted", async () => {
  await withFolder(async (folder) => {
    const { scenes: path } = refPlusFiles(folder, "train"), [scene] = realScenes();
    const boxes = { "1": [-20, 300, 60, 50], "2": [480, 10, 30, 20], "3": [10.5, -40, 30, 20] };
    await Deno.mkdir(join(folder, "scenes"));
    await Deno.writeTextFile(path, pythonJson("scenes", [{ ...scene, obj_bbox: boxes }]));
    const set = await openRefPlusRegions(folder, "train");
    deepStrictEqual([...set.record(0).boxes], [0, 300, 39, 319]);
    deepStrictEqual(set.record(0).labels.length, 1);
    const { items } = await checkSplit(set);
    const count = (what: string): number => items.find((item) => item.what.startsWith(what))!.count;
    deepStrictEqual([count("boxes cut"), count("boxes left out")], [1, 2]);
  });
});
