import assert from "node:assert/strict";
import { contextDataset, contextPosteriors, openContext } from "../../datasets/context/dataset.ts";
import { drawContext } from "../../datasets/context/draw.ts";
import { imagePosterior, pairPosterior } from "../../datasets/context/posteriors.ts";
import { buildTables, type ContextTables, RELATIONS } from "../../datasets/context/tables.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { regionMetrics } from "../../model/regions/evaluation/metrics.ts";

/** Four classes of two looks, two scenes: small enough to enumerate every image of two pairs. */
function smallTables(): ContextTables {
  return buildTables(
    [
      { name: "table", kind: "thing", look: "a" },
      { name: "desk", kind: "thing", look: "a" },
      { name: "cup", kind: "thing", look: "b" },
      { name: "clock", kind: "thing", look: "b" },
    ],
    [
      {
        name: "kitchen",
        hosts: [
          { host: "table", weight: 5, guests: [["cup", "on", 3], ["clock", "on", 1], ["cup", "under", 1]] },
          { host: "desk", weight: 1, guests: [["clock", "on", 2], ["cup", "beside", 1]] },
        ],
      },
      {
        name: "office",
        hosts: [
          { host: "table", weight: 1, guests: [["clock", "on", 1]] },
          { host: "desk", weight: 3, guests: [["clock", "on", 3], ["cup", "on", 1], ["clock", "under", 2]] },
        ],
      },
    ],
    { faded: 0.1 },
  );
}

interface World {
  readonly h: number;
  readonly g: number;
  readonly relation: number;
  readonly p: number;
}

/** Every (host, guest, relation) of a scene with its probability, straight from the tables. */
function worlds(tables: ContextTables, s: number): World[] {
  const scene = tables.scenes[s];
  return scene.hosts.flatMap((h, i) =>
    scene.guests[i].guests.map((g, j) => ({
      h,
      g,
      relation: scene.guests[i].relations[j],
      p: scene.probabilities[i] * scene.guests[i].probabilities[j],
    }))
  );
}

Deno.test("the pair and scene posteriors equal an enumeration of every possible image", () => {
  const tables = smallTables();
  const looks = tables.looks.length;
  const seesLook = (label: number, look: number): number =>
    look === looks ? tables.faded : tables.lookOf[label] === look ? 1 - tables.faded : 0;
  const [on, under] = [RELATIONS.indexOf("on"), RELATIONS.indexOf("under")];
  for (const [look0, look1] of [[1, 1], [looks, 1], [1, looks], [looks, looks]]) {
    const seen = [
      { hostLook: 0, guestLook: look0, relation: on },
      { hostLook: look1 === 1 ? 0 : looks, guestLook: 1, relation: under },
    ];
    const chance = (w: World, i: number): number =>
      w.relation === seen[i].relation ? w.p * seesLook(w.h, seen[i].hostLook) * seesLook(w.g, seen[i].guestLook) : 0;
    const whole = [0, 1].map(() => ({ host: new Float64Array(5), guest: new Float64Array(5) }));
    const alone = [0, 1].map(() => ({ host: new Float64Array(5), guest: new Float64Array(5) }));
    const scenes = new Float64Array(2);
    let total = 0;
    const totals = [0, 0];
    for (let s = 0; s < 2; s++) {
      for (const a of worlds(tables, s)) {
        for (const b of worlds(tables, s)) {
          const p = chance(a, 0) * chance(b, 1);
          total += p;
          scenes[s] += p;
          [a, b].forEach((w, i) => {
            whole[i].host[w.h] += p;
            whole[i].guest[w.g] += p;
          });
        }
      }
      for (let i = 0; i < 2; i++) {
        for (const w of worlds(tables, s)) {
          const p = chance(w, i);
          totals[i] += p;
          alone[i].host[w.h] += p;
          alone[i].guest[w.g] += p;
        }
      }
    }
    const close = (got: Float64Array, want: Float64Array, sum: number): void =>
      got.forEach((v, c) => assert.ok(Math.abs(v - want[c] / sum) < 1e-12, `${v} against ${want[c] / sum}`));
    const image = imagePosterior(tables, seen);
    close(image.scene, scenes, total);
    for (let i = 0; i < 2; i++) {
      close(image.pairs[i].host, whole[i].host, total);
      close(image.pairs[i].guest, whole[i].guest, total);
      const pair = pairPosterior(tables, seen[i]);
      close(pair.host, alone[i].host, totals[i]);
      close(pair.guest, alone[i].guest, totals[i]);
    }
  }
});

Deno.test("the appearance posterior is each class's share among its look-alikes", () => {
  const tables = smallTables();
  const options = { split: "test", seed: 5, images: 400, width: 192, height: 128 } as const;
  const dataset = contextDataset(options, tables);
  // Shares by their definition: how often a class is drawn, scenes being equally likely.
  const shares = new Float64Array(5);
  for (let s = 0; s < 2; s++) {
    for (const { h, g, p } of worlds(tables, s)) {
      shares[h] += p / 4;
      shares[g] += p / 4;
    }
  }
  const { appearance } = contextPosteriors(dataset);
  let row = 0;
  for (let i = 0; i < dataset.size; i++) {
    const { pairs, order } = dataset.scene(i);
    for (const code of order) {
      const { look } = pairs[code >> 1][code % 2 === 0 ? "host" : "guest"];
      const weight = (c: number) =>
        shares[c] * (look === 2 ? tables.faded : tables.lookOf[c] === look ? 1 - tables.faded : 0);
      const total = [1, 2, 3, 4].reduce((sum, c) => sum + weight(c), 0);
      for (let c = 1; c < 5; c++) assert.ok(Math.abs(appearance[row * 5 + c] - weight(c) / total) < 1e-6);
      row++;
    }
  }
});

Deno.test("the default test split is worth reasoning on (papers/context-scenes.md#worth-of-reasoning)", () => {
  const dataset = openContext({ split: "test" });
  const labels = Array.from({ length: dataset.size }, (_, i) => [...dataset.record(i).labels]).flat();
  const exact = contextPosteriors(dataset);
  const score = (kind: "appearance" | "pair" | "scene") =>
    regionMetrics(exact[kind], Int32Array.from(labels), dataset.classes.length);
  const [appearance, pair, scene] = [score("appearance"), score("pair"), score("scene")];
  assert.ok(appearance.perInstance.ac <= 0.6, `appearance ${appearance.perInstance.ac}`);
  assert.ok(pair.perInstance.ac >= 0.7 && pair.perInstance.ac <= 0.82, `pair ${pair.perInstance.ac}`);
  assert.ok(scene.perInstance.ac >= 0.93, `scene ${scene.perInstance.ac}`);
  assert.ok(scene.perClass.ap > pair.perClass.ap && pair.perClass.ap > appearance.perClass.ap);
  const counts = scene.classes.map((c) => c.count).sort((a, b) => a - b);
  assert.ok(counts.at(-1)! / counts[0] > 10, "the classes are meant to be long-tailed");
});

Deno.test("an image follows from seed, split and index alone, and its boxes are those of its visible pixels", () => {
  const options = openContext({ split: "val", seed: 9 }).options;
  const hash = (bytes: Uint8Array): number => bytes.reduce((h, b) => Math.imul(h ^ b, 0x01000193) >>> 0, 0x811c9dc5);
  const first = drawContext(options, 17);
  drawContext(options, 3);
  assert.equal(hash(drawContext(options, 17).pixels), hash(first.pixels));
  assert.notEqual(hash(drawContext({ ...options, seed: 10 }, 17).pixels), hash(first.pixels));
  assert.notEqual(hash(drawContext({ ...options, split: "train" }, 17).pixels), hash(first.pixels));
  const dataset = openContext({ split: "val", seed: 9 });
  for (const index of [0, 17, 101]) {
    const { boxes, labels } = dataset.record(index);
    const { regions, width, height } = drawContext(options, index);
    for (let r = 0; r < labels.length; r++) {
      let [x1, y1, x2, y2] = [width, height, -1, -1];
      regions.forEach((value, at) => {
        if (value !== r + 1) return;
        const [x, y] = [at % width, Math.floor(at / width)];
        [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x), Math.max(y2, y)];
      });
      assert.deepEqual([...boxes.subarray(4 * r, 4 * r + 4)], [x1, y1, x2, y2], `image ${index}, region ${r}`);
    }
  }
});

Deno.test("a wrong option is named", () => {
  assert.throws(
    () => openContext({ split: "test", images: 0 }),
    (error) => error instanceof UserError && /images/.test(error.message),
  );
});
