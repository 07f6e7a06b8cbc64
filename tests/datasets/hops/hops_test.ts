import { deepStrictEqual, notStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { openHops } from "../../../datasets/hops/dataset.ts";
import { drawHops, markAt } from "../../../datasets/hops/draw.ts";
import type { HopScene } from "../../../datasets/hops/layout.ts";
import { HOP_TABLES } from "../../../datasets/hops/tables.ts";
import { openDataset } from "../../../datasets/open.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { distance } from "../../../model/regions/reasoning/edges.ts";

/** Objects of the tree that object `start` belongs to, by their links away from it. */
function reached({ links }: HopScene, start: number): Map<number, number> {
  const away = new Map([[start, 0]]);
  for (const [object, hops] of away) {
    for (const { from, to } of links) {
      const other = from === object ? to : to === object ? from : -1;
      if (other >= 0 && !away.has(other)) away.set(other, hops + 1);
    }
  }
  return away;
}

Deno.test("links can be read off the boxes: linked objects lie close in a straight line, all others clearly further", () => {
  for (const options of [{}, { chain: 8, width: 256, height: 160 }]) {
    const set = openHops({ split: "test", images: 150, ...options });
    for (let index = 0; index < set.size; index++) {
      const { objects, links } = set.scene(index);
      for (let a = 0; a < objects.length; a++) {
        for (let b = 0; b < a; b++) {
          const [p, q] = [objects[a].box, objects[b].box];
          const gap = distance(p, q, "gap"), level = (i: 0 | 1): boolean => p[i] + p[i + 2] === q[i] + q[i + 2];
          const link = links.find(({ from, to }) => from === a && to === b || from === b && to === a);
          if (!link) ok(gap > 25, `image ${index}: ${a} and ${b} are not linked, ${gap} px apart`);
          else {
            ok(gap <= 23, `image ${index}: ${a} and ${b} are linked, ${gap} px apart`);
            strictEqual(level(link.link === 0 ? 1 : 0), true, "one centre line");
            if (link.link === 1) ok(objects[link.from].box[1] < objects[link.to].box[1], "`to` lies below");
          }
        }
      }
    }
  }
});

Deno.test("links form a forest in which every object has a witness", () => {
  const set = openHops({ split: "train", images: 200 });
  const kinds = { chain: 0, branch: 0, meet: 0, alone: 0 };
  for (let index = 0; index < set.size; index++) {
    const scene = set.scene(index), seen = new Set<number>();
    for (let start = 0; start < scene.objects.length; start++) {
      if (seen.has(start)) continue;
      const tree = [...reached(scene, start).keys()];
      tree.forEach((object) => seen.add(object));
      const inside = scene.links.filter(({ from }) => tree.includes(from));
      strictEqual(inside.length, tree.length - 1, `image ${index}: no circle`);
      const marks = tree.map((object) => scene.objects[object].mark).filter((mark) => mark > 0);
      const degree = (object: number): number =>
        inside.filter(({ from, to }) => from === object || to === object).length;
      const widest = Math.max(...tree.map(degree));
      kinds[tree.length === 1 ? "alone" : marks.length === 2 ? "meet" : widest > 2 ? "branch" : "chain"]++;
      ok(marks.length === 1 || marks.length === 2 && marks.some((m) => m < 7) && marks.some((m) => m >= 7));
      for (const { from, to, link } of inside) {
        ok(HOP_TABLES.links[link][scene.objects[from].member][scene.objects[to].member] > 0, "as the tables have it");
      }
    }
  }
  ok(Object.values(kinds).every((count) => count >= 60), JSON.stringify(kinds));
});

Deno.test("an object's distance is the links to its witness, or to the further of two that must agree", () => {
  const set = openHops({ split: "val", images: 100 });
  const { rangeOf, posteriors, ranges } = set.answers!();
  deepStrictEqual([ranges.length, posteriors.length], [5, 5]);
  const classes = set.classes.length;
  let row = 0;
  for (let index = 0; index < set.size; index++) {
    const scene = set.scene(index), { labels } = set.record(index);
    scene.objects.forEach((_, i) => {
      const witnesses = [...reached(scene, i)].filter(([object]) => scene.objects[object].mark > 0);
      const want = Math.max(...witnesses.map(([, hops]) => hops));
      strictEqual(rangeOf[row], want, `image ${index}, object ${i}`);
      for (const [hops, { probabilities }] of posteriors.entries()) {
        const p = probabilities[row * classes + labels[i]];
        const known = witnesses.filter(([, away]) => away <= hops).length, halves = witnesses.length === 2;
        strictEqual(p, known === witnesses.length ? 1 : halves && known === 1 ? 0.5 : 0.25);
      }
      row++;
    });
  }
});

Deno.test("a picture follows from seed, split and index alone, and its boxes are those of its visible pixels", () => {
  const hash = (bytes: Uint8Array): number => bytes.reduce((h, b) => Math.imul(h ^ b, 0x01000193) >>> 0, 0x811c9dc5);
  const set = openHops({ split: "val", seed: 9 }), { options } = set;
  const first = hash(drawHops(options, 17).pixels);
  drawHops(options, 3);
  strictEqual(hash(drawHops(options, 17).pixels), first);
  notStrictEqual(hash(drawHops({ ...options, seed: 10 }, 17).pixels), first);
  notStrictEqual(hash(drawHops({ ...options, split: "train" }, 17).pixels), first);
  // The bytes themselves, so that every machine draws the same.
  strictEqual(first.toString(16), "499e38d3");
  for (const index of [0, 17, 101]) {
    const { boxes, labels } = set.record(index), { regions, width, height } = drawHops(options, index);
    for (let r = 0; r < labels.length; r++) {
      let [x1, y1, x2, y2] = [width, height, -1, -1];
      regions.forEach((value, at) => {
        if (value !== r + 1) return;
        const [x, y] = [at % width, Math.floor(at / width)];
        [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x), Math.max(y2, y)];
      });
      deepStrictEqual([...boxes.subarray(4 * r, 4 * r + 4)], [x1, y1, x2, y2], `image ${index}, region ${r}`);
    }
  }
});

Deno.test("marks are their own mirror image, and no two look alike at any size", () => {
  for (const width of [10, 12, 14]) {
    for (const height of [10, 12, 14]) {
      const painted = HOP_TABLES.marks.map((_, mark) =>
        Array.from({ length: width * height }, (_, at) => {
          const [u, v] = [at % width / (width - 1), Math.floor(at / width) / (height - 1)];
          strictEqual(markAt(mark, u, v), markAt(mark, 1 - u, v));
          return `${markAt(mark, u, v)}`;
        }).join()
      );
      strictEqual(new Set(painted).size, HOP_TABLES.marks.length, `${width} by ${height}`);
    }
  }
});

Deno.test("a set that is drawn takes options of its own, others have none, and a wrong one is named", async () => {
  const set = await openDataset({ dataset: "hops", split: "test", images: 3, options: { chain: 7, width: 256 } });
  deepStrictEqual([set.size, set.record(0).width, set.answers!().ranges.at(-1)], [3, 256, "6 links"]);
  throws(
    () => openHops({ split: "test", chain: 40 }),
    (error) => error instanceof UserError && /chain/.test(error.message),
  );
  for (
    const [dataset, message] of [["hops", /chains/], ["context", /chains/], [
      "coco",
      /dataset.options.chains: coco has no/,
    ]] as const
  ) {
    const opening = openDataset({ dataset, data: ".", split: "val", options: { chains: 2 } });
    await opening.then(
      () => ok(false),
      (error) => ok(error instanceof UserError && message.test(error.message), `${error}`),
    );
  }
});
