import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import { type ContextDataset, openContext } from "../../datasets/context/dataset.ts";
import { contextKnowledge, KNOWLEDGE_TYPES } from "../../datasets/context/knowledge.ts";
import { CONTEXT_TABLES } from "../../datasets/context/tables.ts";
import { writeAsAde } from "../../datasets/drawing/write_ade.ts";
import { writeAsCoco } from "../../datasets/drawing/write_coco.ts";
import { writeAsVg } from "../../datasets/drawing/write_vg.ts";
import { openDataset } from "../../datasets/open.ts";
import type { DatasetName } from "../../datasets/registry.ts";
import type { RegionDataset, Split } from "../../datasets/types.ts";
import { withFolder } from "../support/folder.ts";

const sharp = await loadSharp();

const splits = () => ({
  train: openContext({ split: "train", images: 5, seed: 3 }),
  val: openContext({ split: "val", images: 4, seed: 3 }),
});

/** Scenes that a split read back must hold, and the names of its classes. */
interface Expected {
  readonly scenes: readonly (readonly [ContextDataset, number])[];
  readonly name: (name: string) => string;
}

const scenesOf = (set: ContextDataset, from = 0, to = set.size) =>
  Array.from({ length: to - from }, (_, i): [ContextDataset, number] => [set, from + i]);

/** Names and boxes of the regions of scenes, but for those of other classes than `classes`. */
function regionsOf({ scenes, name }: Expected, classes: readonly string[]): unknown[] {
  return scenes.map(([set, i]) => {
    const { boxes, labels, width, height } = set.record(i);
    const regions = Array.from(labels, (label, r) => [name(set.classes[label]), ...boxes.subarray(4 * r, 4 * r + 4)]);
    return [width, height, ...regions.filter(([name]) => classes.includes(String(name)))];
  });
}

async function compare(dataset: DatasetName, data: string, split: Split, expected: Expected): Promise<RegionDataset> {
  const set = await openDataset({ dataset, data, split });
  const read = Array.from({ length: set.size }, (_, i) => {
    const { boxes, labels, width, height } = set.record(i);
    return [width, height, ...Array.from(labels, (l, r) => [set.classes[l], ...boxes.subarray(4 * r, 4 * r + 4)])];
  });
  assert.deepEqual(read, regionsOf(expected, set.classes), `${dataset} ${split}`);
  return set;
}

/** Classes seen at least five times in training. */
function frequent(train: ContextDataset): string[] {
  const counts = new Map<string, number>();
  for (let i = 0; i < train.size; i++) {
    for (const label of train.record(i).labels) {
      counts.set(train.classes[label], (counts.get(train.classes[label]) ?? 0) + 1);
    }
  }
  return train.classes.slice(1).filter((name) => (counts.get(name) ?? 0) >= 5);
}

const same = (name: string): string => name;

Deno.test("written in COCO's layouts, the scenes read back to the same regions and classes", async () => {
  await withFolder(async (folder) => {
    const { train, val } = splits();
    const [of2017, of2014] = ["2017", "2014"].map((name) => join(folder, name));
    await writeAsCoco(of2017, { train, val });
    await writeAsCoco(of2014, { train, val }, () => {}, 2014);
    const wanted: [string, Split, Expected["scenes"]][] = [
      [of2017, "train", scenesOf(train)],
      [of2017, "val", scenesOf(val)],
      [of2017, "test", scenesOf(val)],
      // The reference trains on what is not in minival too.
      [of2014, "train", [...scenesOf(train), ...scenesOf(val, 2)]],
      [of2014, "val", scenesOf(val, 0, 2)],
      [of2014, "test", scenesOf(val, 0, 2)],
    ];
    for (const [data, split, scenes] of wanted) {
      const set = await compare("coco", data, split, { scenes, name: same });
      assert.deepEqual(set.classes, train.classes);
      assert.equal(set.flipLabels, undefined);
      assert.equal(set.record(0).path!.startsWith(data), true);
    }
  });
});

Deno.test("written in ADE20K's layouts and Visual Genome's, they read back but for classes that are too rare", async () => {
  await withFolder(async (folder) => {
    const train = openContext({ split: "train", images: 18, seed: 5, height: 112, width: 160 });
    const val = openContext({ split: "val", images: 3, seed: 5, height: 112, width: 160 });
    const layouts = [
      ["ade", "2016", (data: string) => writeAsAde(data, { train, val }), same],
      ["ade", "2021", (data: string) => writeAsAde(data, { train, val }, () => {}, 2021), same],
      ["vg", "vg", (data: string) => writeAsVg(data, { train, val }), (name: string) => `${name}.n.01`],
    ] as const;
    const kept = frequent(train);
    assert.ok(kept.length > 10 && kept.length < 40, `${kept.length}`);
    for (const [dataset, data, write, name] of layouts) {
      await write(join(folder, data));
      const parts = { train: scenesOf(train), val: scenesOf(val, 0, 2), test: scenesOf(val, 2) };
      for (const [split, scenes] of Object.entries(parts)) {
        const set = await compare(dataset, join(folder, data), split as Split, { scenes, name });
        const classes = (dataset === "ade" ? [...kept].sort() : kept).map(name);
        assert.deepEqual(set.classes, ["__background__", ...classes]);
        // No class has a side: mirroring changes no name.
        if (dataset === "ade") assert.deepEqual([...set.flipLabels!], set.classes.map((_, i) => i));
      }
    }
  });
});

Deno.test("written in ADE20K's layout, the instance maps and attribute files hold the same regions", async () => {
  await withFolder(async (folder) => {
    const sets = splits();
    await writeAsAde(folder, sets);
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
  const known = contextKnowledge();
  const key = (e: { type: number; from: number; to: number }): string => `${e.type} ${e.from} ${e.to}`;
  const truth = new Set(whole.edges.map(key));
  const wrong = known.edges.filter((e) => !truth.has(key(e))).length;
  const missing = truth.size - (known.edges.length - wrong);
  assert.equal(wrong, Math.round(0.05 * truth.size));
  assert.ok(missing > 0 && missing < 0.12 * truth.size, `${missing} of ${truth.size} are missing`);
  const label = (name: string) => CONTEXT_TABLES.names.indexOf(name);
  const has = (type: (typeof KNOWLEDGE_TYPES)[number], from: string, to: string) =>
    truth.has(`${KNOWLEDGE_TYPES.indexOf(type)} ${label(from)} ${label(to)}`);
  assert.ok(has("stands-on", "plate", "table") && has("carries", "table", "plate"));
  assert.ok(has("looks-like", "plate", "clock") && !has("looks-like", "plate", "table"));
  assert.ok(!has("stands-on", "table", "plate"));
  assert.deepEqual(contextKnowledge(), known);
  assert.equal(known.vectors.length, CONTEXT_TABLES.names.length * known.dim);
  assert.ok(known.vectors.subarray(0, known.dim).every((v) => v === 0));
});
