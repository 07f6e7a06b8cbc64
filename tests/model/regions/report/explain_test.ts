/** Explanations of a model in its report, and the splits its figures are read by. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { contextDistances, DISTANCE_RANGES } from "../../../../datasets/context/context_distances.ts";
import { contextPosteriors, openContext } from "../../../../datasets/context/dataset.ts";
import type { LoadedImage } from "../../../../datasets/images/loader.ts";
import { Device } from "../../../../engine/mod.ts";
import { distanceRows } from "../../../../model/regions/evaluation/context_distance.ts";
import { explain } from "../../../../model/regions/report/explain.ts";
import { inWords } from "../../../../model/regions/report/gallery.ts";
import { withoutRegions } from "../../../../model/regions/evaluation/region_dropout.ts";
import { randomFor } from "../../../support/random.ts";
import { enliven, narrow, probe, randomInput } from "../reasoning/small.ts";

function loaded(regions: number): LoadedImage {
  const random = randomFor("explain");
  const labels = random.integers(regions, 1, 41);
  const { boxes, ...input } = randomInput(random, regions);
  return {
    ...input,
    boxes: boxes as Float32Array<ArrayBuffer>,
    labels,
    position: 0,
    index: 5,
    flipped: false,
    scale: 1,
  };
}

Deno.test("an explanation adds up: probabilities, attention, senders, memories", async () => {
  await using device = await Device.open();
  {
    using model = probe(device, "final", 41, narrow());
    enliven(model, randomFor("explain weights"));
    // Half open: gates that round to 1 would leave the memory as it was.
    for (const { name, tensor } of model.parameters()) {
      if (name.startsWith("memory.gru.gates.")) tensor.write(new Float32Array(tensor.size));
    }
    const image = loaded(6);
    const explained = (await explain(model, image))!;
    const names = ["image", "local 1", "global 1", "local 2", "global 2", "attended"];
    deepStrictEqual(explained.predictions.map(({ name }) => name), names);
    const one = (values: Float32Array): boolean => Math.abs(values.reduce((a, b) => a + b, 0) - 1) < 1e-4;
    for (const { probabilities } of explained.predictions) {
      for (let r = 0; r < 6; r++) ok(one(probabilities.subarray(41 * r, 41 * (r + 1))));
    }
    for (let r = 0; r < 6; r++) {
      ok(one(explained.attention!.subarray(5 * r, 5 * (r + 1))), "attention over five predictions");
    }
    deepStrictEqual(explained.memories.map(({ height, width, magnitude }) => [height, width, magnitude.length]), [
      [5, 7, 35],
      [5, 7, 35],
      [5, 7, 35],
    ]);
    explained.senders.forEach((senders, r) => {
      ok(senders.length === 3 && senders.every(({ share }) => share > 0 && share < 1));
      ok(senders.every(({ kind, index }) => kind === "class" || index !== r), "a region sends to itself");
      ok(senders[0].share >= senders[1].share && senders.reduce((s, { share }) => s + share, 0) <= 1 + 1e-9);
    });
    // Shares of all messages of both updates; the senders are the largest of the last.
    strictEqual(explained.messages.length, 2);
    for (const { regions, classes } of explained.messages) {
      for (let r = 0; r < 6; r++) {
        const own = regions.subarray(6 * r, 6 * (r + 1)), kinds = classes.subarray(41 * r, 41 * (r + 1));
        ok(one(Float32Array.from([...own, ...kinds])) && own[r] === 0 && kinds[0] === 0);
      }
    }
    const last = explained.messages[1];
    explained.senders.forEach(([{ kind, index, share }], r) => {
      strictEqual(share, kind === "region" ? last.regions[6 * r + index] : last.classes[41 * r + index]);
      const all = [...last.regions.subarray(6 * r, 6 * r + 6), ...last.classes.subarray(41 * r, 41 * r + 41)];
      strictEqual(share, Math.max(...all));
    });
    // Each update wrote somewhere.
    strictEqual(explained.written.length, 2);
    for (const { height, width, magnitude } of explained.written) {
      deepStrictEqual([height, width], [5, 7]);
      ok(magnitude.some((value) => value > 0) && magnitude.every((value) => value >= 0));
    }
    const { classes } = openContext({ split: "test", images: 1 });
    const words = inWords(explained, image.labels, classes);
    deepStrictEqual([words.columns, words.regions.length, words.maps.length], [names, 6, 3]);
    ok(words.regions.every(({ truth }, r) => truth === `${r + 1} ${classes[image.labels[r]]}`));
  }
  strictEqual(device.memory.liveTensors, 0);
});

Deno.test("regions are left out at random, the same ones every time, boxes and labels together", () => {
  const image = loaded(8);
  for (const [share, kept] of [[0, 8], [0.25, 6], [0.5, 4], [0.75, 2], [1, 1]] as const) {
    const less = withoutRegions(image, share);
    deepStrictEqual(less, withoutRegions(image, share));
    strictEqual(less.labels.length, kept);
    const rows = (of: LoadedImage): string[] =>
      Array.from(of.labels, (label, r) => [label, ...of.boxes.subarray(4 * r, 4 * r + 4)].join());
    const all = rows(image);
    ok(rows(less).every((row) => all.includes(row)) && new Set(rows(less)).size === kept);
  }
  strictEqual(withoutRegions(loaded(0), 0.5).labels.length, 0);
});

Deno.test("the distance of the deciding object agrees with the posteriors that say what decides", () => {
  const set = openContext({ split: "test", images: 60 });
  const distances = contextDistances(set);
  const { appearance, pair, scene } = contextPosteriors(set);
  const labels = Int32Array.from(Array.from({ length: set.size }, (_, i) => [...set.record(i).labels]).flat());
  strictEqual(distances.length, labels.length);
  const classes = set.classes.length;
  labels.forEach((label, n) => {
    const own = appearance[n * classes + label] >= 0.8, both = pair[n * classes + label] >= 0.8;
    const want = own ? distances[n] === 0 : both ? distances[n] >= 1 && distances[n] < 6 : distances[n] >= 6;
    ok(want, `region ${n}: ${distances[n]} px, own ${own}, pair ${both}`);
  });
  const table = distanceRows([appearance, pair, scene], labels, classes, set.answers!());
  deepStrictEqual(table.map(({ name }) => name), DISTANCE_RANGES.map(({ name }) => name));
  strictEqual(table.reduce((n, { instances }) => n + instances, 0), labels.length);
  deepStrictEqual(table[0].accuracy, [1, 1, 1], "what its own look decides, everybody gets right");
  strictEqual(table[1].accuracy[1], 1, "what the pair decides, the pair's posterior gets right");
});
