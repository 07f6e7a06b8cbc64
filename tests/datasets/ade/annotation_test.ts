import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { adeRegions, readAdeAnnotation, unnamedInstances } from "../../../datasets/ade/annotation.ts";
import { openContext } from "../../../datasets/context/dataset.ts";
import { writeAsAde } from "../../../datasets/drawing/write_ade.ts";
import { KnowledgeBuilder } from "../../../datasets/knowledge/builder.ts";
import { addParts, countParts, minePartCounts } from "../../../datasets/knowledge/parts.ts";
import { BACKGROUND } from "../../../datasets/types.ts";
import { writeMap } from "../../support/files/ade_files.ts";
import { withFolder } from "../../support/folder.ts";

/** A car with two wheels, one of them with a hub, and a lamp of which a corner lies under a wheel's mask. */
async function writeScene(folder: string): Promise<string> {
  await writeMap(join(folder, "a_seg.png"), [[0, 40, 40, 40, 90], [0, 40, 40, 40, 90], [0, 0, 0, 0, 90]]);
  await writeMap(join(folder, "a_parts_1.png"), [[0, 0, 0, 0, 0], [0, 10, 0, 200, 200], [0, 0, 0, 200, 0]]);
  await writeMap(join(folder, "a_parts_2.png"), [[0, 0, 0, 0, 0], [0, 5, 0, 0, 0], [0, 0, 0, 0, 0]]);
  await Deno.writeTextFile(
    join(folder, "a_atr.txt"),
    [
      '001 # 0 # 0 # car, auto # car # ""',
      '002 # 0 # 0 # lamp # street lamp # ""',
      '001 # 1 # 0 # wheel # wheel # ""',
      '002 # 1 # 0 # wheel # wheel # ""',
      '001 # 2 # 0 # hub # hub # ""',
      "",
    ].join("\n"),
  );
  return join(folder, "a.jpg");
}

Deno.test("an ADE20K annotation gives boxes of objects, then of parts, by rank of the blue values", async () => {
  await withFolder(async (folder) => {
    const regions = adeRegions(await readAdeAnnotation(await writeScene(folder)));
    deepStrictEqual(regions, [
      { name: "car", level: 0, box: [1, 0, 3, 1] },
      { name: "street_lamp", level: 0, box: [4, 0, 4, 2] },
      { name: "wheel", level: 1, box: [1, 1, 1, 1] },
      { name: "wheel", level: 1, box: [3, 1, 4, 2] },
      { name: "hub", level: 2, box: [1, 1, 1, 1] },
    ]);
  });
});

Deno.test("a part belongs to the instance below that covers most of it, and counts become shares", async () => {
  await withFolder(async (folder) => {
    const annotation = await readAdeAnnotation(await writeScene(folder));
    const counts = new Map<string, number>();
    countParts(annotation, counts);
    // The second wheel has one pixel on the car and one on the lamp; the first found wins a tie, and that is the car.
    deepStrictEqual([...counts], [["wheel\ncar", 2], ["hub\nwheel", 1]]);
    deepStrictEqual(await minePartCounts(folder), counts);
    const builder = new KnowledgeBuilder([BACKGROUND, "car", "wheel", "lamp"]);
    addParts(builder, new Map([...counts, ["wheel\nlamp", 2]]));
    deepStrictEqual(builder.build(), {
      types: ["part-of", "has-part"],
      edges: [
        { type: 0, from: 2, to: 1, weight: 0.5 },
        { type: 0, from: 2, to: 3, weight: 0.5 },
        { type: 1, from: 1, to: 2, weight: 0.5 },
        { type: 1, from: 3, to: 2, weight: 0.5 },
      ],
      vectors: new Float32Array(0),
      dim: 0,
    });
  });
});

Deno.test("context scenes written as ADE20K read back with their regions", async () => {
  await withFolder(async (folder) => {
    const train = openContext({ split: "train", images: 2 });
    const out = join(folder, "ade");
    await writeAsAde(out, { train, val: openContext({ split: "test", images: 2 }) });
    const [first] = (await Deno.readTextFile(join(out, "train.txt"))).split("\n");
    const regions = adeRegions(await readAdeAnnotation(join(out, first)));
    const { boxes, labels } = train.record(0);
    deepStrictEqual(regions.map(({ name }) => name), [...labels].map((label) => train.classes[label]));
    deepStrictEqual(regions.flatMap(({ box }) => [...box]), [...boxes]);
    await rejects(minePartCounts(join(folder, "none")), /there is no such folder/);
  });
});

Deno.test("instances that the names' file does not name are counted", async () => {
  await withFolder(async (folder) => {
    const image = await writeScene(folder), names = join(folder, "a_atr.txt");
    strictEqual(unnamedInstances(await readAdeAnnotation(image)), 0);
    // Cut after the lamp: wheels and hub have no name.
    await Deno.writeTextFile(names, (await Deno.readTextFile(names)).split("\n").slice(0, 2).join("\n"));
    strictEqual(unnamedInstances(await readAdeAnnotation(image)), 3);
  });
});

Deno.test("what is wrong with an annotation is named", async () => {
  await withFolder(async (folder) => {
    const image = await writeScene(folder);
    await writeMap(join(folder, "a_parts_1.png"), [[0, 1]]);
    await rejects(readAdeAnnotation(image), /a_parts_1\.png: is 2×1, not 5×3/);
    await Deno.writeTextFile(join(folder, "a_atr.txt"), "001 # 0 # 0\n");
    await rejects(readAdeAnnotation(image), /a_atr\.txt:1: is no instance/);
    for (const number of ["", "-1", "1.5", "1e0"]) {
      await Deno.writeTextFile(join(folder, "a_atr.txt"), `${number} # 0 # 0 # car # car # ""\n`);
      await rejects(readAdeAnnotation(image), /a_atr\.txt:1: is no instance/);
    }
    await Deno.writeTextFile(join(folder, "a_atr.txt"), '1 # 0 # 0 # a # a # ""\n01 # 0 # 0 # b # b # ""\n');
    await rejects(readAdeAnnotation(image), /a_atr\.txt:2: instance 1 of level 0 has another name before/);
    await rejects(readAdeAnnotation(join(folder, "b.jpg")), /b_atr\.txt: there is no such file/);
  });
});
