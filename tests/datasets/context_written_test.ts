import assert from "node:assert/strict";
import { join } from "node:path";
import sharp from "sharp";
import { openCoco } from "../../datasets/coco/open.ts";
import { openContext } from "../../datasets/context/dataset.ts";
import { contextKnowledge, KNOWLEDGE_TYPES } from "../../datasets/context/knowledge.ts";
import { CONTEXT_TABLES } from "../../datasets/context/tables.ts";
import { writeContextAsAde } from "../../datasets/context/write_ade.ts";
import { writeContextAsCoco } from "../../datasets/context/write_coco.ts";
import { withFolder } from "../support/folder.ts";

const splits = () => ({
  train: openContext({ split: "train", images: 5, seed: 3 }),
  val: openContext({ split: "val", images: 4, seed: 3 }),
});

Deno.test("written in COCO's layout, the scenes read back to the same regions", async () => {
  await withFolder(async (folder) => {
    const sets = splits();
    await writeContextAsCoco(folder, sets);
    for (const split of ["train", "val"] as const) {
      const back = await openCoco(folder, split);
      assert.equal(back.size, sets[split].size);
      assert.deepEqual(back.classes, sets[split].classes);
      for (let i = 0; i < back.size; i++) {
        const { boxes, labels, width, height } = sets[split].record(i);
        const read = back.record(i);
        assert.deepEqual([read.width, read.height, [...read.labels], [...read.boxes]], [width, height, [...labels], [
          ...boxes,
        ]]);
      }
    }
  });
});

Deno.test("written in ADE20K's layout, the instance maps and attribute files hold the same regions", async () => {
  await withFolder(async (folder) => {
    const sets = splits();
    await writeContextAsAde(folder, sets);
    const names = (await Deno.readTextFile(join(folder, "objectnames.txt"))).trimEnd().split("\n").map((n) => n.trim());
    const counts = (await Deno.readTextFile(join(folder, "objectcounts.txt"))).trim().split("\n").map(Number);
    assert.equal(names[0], "-");
    assert.equal(names.length, counts.length);
    const seen = new Map<string, number>();
    const list = (await Deno.readTextFile(join(folder, "train.txt"))).trim().split("\n");
    assert.equal(list.length, sets.train.size);
    for (const [i, path] of list.entries()) {
      const stem = join(folder, path.replace(/\.jpg$/, ""));
      const { data, info } = await sharp(`${stem}_seg.png`).raw().toBuffer({ resolveWithObject: true });
      // The reference's rule: sorted distinct blue values; a value's place in that list is the instance number.
      const values = [...new Set(data.filter((_, at) => at % 3 === 2))].sort((a, b) => a - b);
      assert.equal(values[0], 0);
      const fields = (await Deno.readTextFile(`${stem}_atr.txt`)).trim().split("\n").map((line) =>
        line.split("#").map((f) => f.trim())
      );
      const { boxes, labels } = sets.train.record(i);
      assert.equal(values.length - 1, labels.length);
      for (let t = 1; t < values.length; t++) {
        const row = fields.find((f) => f[0] === String(t).padStart(3, "0") && f[1] === "0")!;
        assert.equal(row[4], sets.train.classes[labels[t - 1]]);
        seen.set(row[4], (seen.get(row[4]) ?? 0) + 1);
        let [x1, y1, x2, y2] = [info.width, info.height, -1, -1];
        for (let at = 0; at < info.width * info.height; at++) {
          if (data[3 * at + 2] !== values[t]) continue;
          const [x, y] = [at % info.width, Math.floor(at / info.width)];
          [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x), Math.max(y2, y)];
        }
        assert.deepEqual([x1, y1, x2, y2], [...boxes.subarray(4 * t - 4, 4 * t)]);
      }
    }
    names.slice(1).forEach((name, i) => assert.equal(counts[i + 1], seen.get(name) ?? 0, name));
    const [val, mval, mtest] = await Promise.all(
      ["val", "mval", "mtest"].map((name) => Deno.readTextFile(join(folder, `${name}.txt`))),
    );
    assert.equal(mval + mtest, val);
  });
});

Deno.test("the knowledge graph says what the tables say, but for a few edges wrong and a few missing", () => {
  const whole = contextKnowledge({ missing: 0, wrong: 0 });
  const told = contextKnowledge();
  const key = (e: { type: number; from: number; to: number }): string => `${e.type} ${e.from} ${e.to}`;
  const truth = new Set(whole.edges.map(key));
  const wrong = told.edges.filter((e) => !truth.has(key(e))).length;
  const missing = truth.size - (told.edges.length - wrong);
  assert.equal(wrong, Math.round(0.05 * truth.size));
  assert.ok(missing > 0 && missing < 0.12 * truth.size, `${missing} of ${truth.size} are missing`);
  const label = (name: string) => CONTEXT_TABLES.names.indexOf(name);
  const has = (type: (typeof KNOWLEDGE_TYPES)[number], from: string, to: string) =>
    truth.has(`${KNOWLEDGE_TYPES.indexOf(type)} ${label(from)} ${label(to)}`);
  assert.ok(has("stands-on", "plate", "table") && has("carries", "table", "plate"));
  assert.ok(has("looks-like", "plate", "clock") && !has("looks-like", "plate", "table"));
  assert.ok(!has("stands-on", "table", "plate"));
  assert.deepEqual(contextKnowledge(), told);
  assert.equal(told.vectors.length, CONTEXT_TABLES.names.length * told.dim);
  assert.ok(told.vectors.subarray(0, told.dim).every((v) => v === 0));
});
