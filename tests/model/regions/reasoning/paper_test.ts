/**
 * The worked examples of the reasoning modules, and what any reading of the paper must satisfy
 * (papers/iterative-reasoning.md#properties).
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { contextKnowledge } from "../../../../datasets/context/knowledge.ts";
import { cropAndResize, Device, pasteRegions } from "../../../../engine/mod.ts";
import { hardExampleWeights } from "../../../../model/regions/reasoning/losses.ts";
import type { ReasoningOptions } from "../../../../model/regions/reasoning/options.ts";
import type { ReasoningClassifier } from "../../../../model/regions/reasoning/reasoner.ts";
import { SpatialMemory } from "../../../../model/regions/reasoning/memory.ts";
import { cellBoxes, normaliseBoxes, regionBoxes } from "../../../../model/regions/regions.ts";
import { Seeds } from "../../../../engine/nn/mod.ts";
import { randomFor } from "../../../support/random.ts";
import { enliven, narrow, probe, randomInput } from "./small.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

function near(got: ArrayLike<number>, want: readonly number[], tolerance: number): void {
  strictEqual(got.length, want.length);
  want.forEach((v, i) => ok(Math.abs(got[i] - v) <= tolerance, `element ${i}: ${got[i]}, not ${v}`));
}

Deno.test("a region reads and writes the cells it should (papers/iterative-reasoning.md#read-and-write-example)", async () => {
  await using device = await Device.open();
  using _scope = device.scope();
  // One column wide and ten high; the boxes span the column.
  const read = async (y1: number, y2: number): Promise<Float32Array> => {
    const map = device.tensor(Float32Array.from({ length: 10 }, (_, k) => k * k), [1, 10, 1, 1]);
    const boxes = device.tensor(normaliseBoxes(Float32Array.of(0, y1, 0, y2), 10, 1, 16), [1, 4]);
    return await cropAndResize(map, boxes, device.zeros([1], { dtype: "i32" }), [7, 1]).data();
  };
  const written = async (y1: number, y2: number): Promise<Float32Array> => {
    const patch = device.tensor(Float32Array.from({ length: 7 }, (_, k) => k + 1), [1, 7, 1, 1]);
    return await pasteRegions(patch, device.tensor(cellBoxes(Float32Array.of(0, y1, 0, y2), 16), [1, 4]), [10, 1])
      .data();
  };
  near(await read(24, 88), [2.5, 4.83333, 8.16667, 12.5, 17.5, 23.5, 30.5], 1e-5);
  near(await written(24, 88), [0, 0, 1.75, 3.25, 4.75, 6.25, 0, 0, 0, 0], 1e-5);
  near(await written(33, 46), new Array(10).fill(0), 0);
  ok((await read(33, 46)).every((v) => v > 4 && v < 9), "a box thinner than a cell still reads");
});

Deno.test("hard examples weigh more (papers/iterative-reasoning.md#hard-examples)", async () => {
  await using device = await Device.open();
  using _scope = device.scope();
  const q = [0.9, 0.5, 0.3, 0.05];
  // Two classes and a background that never is: logits whose softmax gives the true class exactly q.
  const logits = device.tensor(Float32Array.from(q.flatMap((p) => [-1e9, Math.log(p), Math.log(1 - p)])), [4, 3]);
  const labels = device.tensor(new Int32Array(4).fill(1));
  near(await hardExampleWeights(logits, labels, 0.5).data(), [0.18868, 0.18868, 0.26415, 0.35849], 1e-5);
});

Deno.test("memory changes inside boxes only, and is the average where two overlap", async () => {
  await using device = await Device.open();
  using _scope = device.scope();
  const { memory: options, head } = narrow();
  const random = randomFor("memory");
  using module = new SpatialMemory(device, { classes: 4, features: 5, feedback: 4 }, options, head, new Seeds(3));
  for (const { tensor } of module.parameters()) tensor.write(random.reals(tensor.size, -0.5, 0.5));
  const memory = module.initial({ map: [9, 11], images: 1 });
  const before = await memory.data();
  const all = Float32Array.of(8, 8, 40, 40, 24, 16, 64, 56);
  const [feedback, pool5] = [random.reals(8), random.reals(2 * 9 * 5)];
  const after = async (...which: number[]): Promise<Float32Array> => {
    const boxes = regionBoxes(device, Float32Array.from(which.flatMap((r) => [...all.subarray(4 * r, 4 * r + 4)])), [
      9,
      11,
    ], 8);
    const rows = (data: Float32Array, width: number): Float32Array<ArrayBuffer> =>
      Float32Array.from(which.flatMap((r) => [...data.subarray(r * width, (r + 1) * width)]));
    const said = device.tensor(rows(feedback, 4), [which.length, 4]);
    const crops = device.tensor(rows(pool5, 45), [which.length, 3, 3, 5]);
    return await module.update(memory, said, crops, boxes).data();
  };
  const [first, second, both] = [await after(0), await after(1), await after(0, 1)];
  const { depth } = options;
  for (let y = 0; y < 9; y++) {
    for (let x = 0; x < 11; x++) {
      const inFirst = y >= 1 && y <= 5 && x >= 1 && x <= 5, inSecond = y >= 2 && y <= 7 && x >= 3 && x <= 8;
      for (let d = 0; d < depth; d++) {
        const at = (y * 11 + x) * depth + d;
        const holders = [...inFirst ? [first[at]] : [], ...inSecond ? [second[at]] : []];
        if (holders.length === 0) strictEqual(both[at], before[at], `cell ${y}, ${x} is in no box`);
        else ok(Math.abs(both[at] - holders.reduce((a, b) => a + b) / holders.length) < 1e-5, `cell ${y}, ${x}`);
      }
    }
  }
});

Deno.test("only the image loss trains the ConvNet, and all losses train the modules", async () => {
  await using device = await Device.open();
  const random = randomFor("gradients");
  const input = randomInput(random, 4);
  const build = (options: ReasoningOptions): ReasoningClassifier => {
    const model = probe(device, "final", 41, options);
    enliven(model, random);
    model.calibrate(input);
    return model;
  };
  using model = build(narrow());
  const gradients = async (model: ReasoningClassifier, part: "image" | "memory" | "graph" | "final") => {
    using _scope = device.scope();
    model.loss(input, device.tensor(Int32Array.of(3, 9, 3, 20))).parts[part].backward();
    const seen = new Set<string>();
    for (const { name, tensor } of model.parameters()) {
      if (tensor.grad && (await tensor.grad.data()).some((v) => v !== 0)) seen.add(name.split(".")[0]);
    }
    model.zeroGrad();
    return [...seen].sort();
  };
  deepStrictEqual(await gradients(model, "image"), ["cls_score", "resnet"]);
  // Predictions are fed back without gradient, so each stream's loss trains that stream alone.
  deepStrictEqual(await gradients(model, "memory"), ["memory"]);
  deepStrictEqual(await gradients(model, "graph"), ["graph"]);
  deepStrictEqual(await gradients(model, "final"), ["graph", "memory"]);
  // Each switch lets through what it names.
  using open = build(
    narrow({
      stop: { features: { memory: false, graph: false }, feedback: { memory: false, graph: false }, attended: false },
    }),
  );
  for (const part of ["memory", "graph", "final"] as const) {
    deepStrictEqual(await gradients(open, part), ["cls_score", "graph", "memory", "resnet"], part);
  }
  for (const through of ["memory", "graph"] as const) {
    using half = build(narrow({ stop: { features: { memory: true, graph: true, [through]: false } } }));
    for (const part of ["memory", "graph"] as const) {
      const want = part === through ? [through, "resnet"] : [part];
      deepStrictEqual(await gradients(half, part), want, `${part} loss with features let through to the ${through}`);
    }
  }
});

Deno.test("with all logits equal each term is ln C (papers/iterative-reasoning.md#losses)", async () => {
  await using device = await Device.open();
  const random = randomFor("equal");
  for (const [mode, terms] of [["local", 3], ["global", 3], ["final", 4]] as const) {
    for (const classes of [41, 1485]) {
      using model = probe(device, mode, classes, narrow(), classes === 41 ? contextKnowledge() : null);
      for (const { name, tensor } of model.parameters()) {
        if (/score\./.test(name)) tensor.write(new Float32Array(tensor.size));
      }
      using _scope = device.scope();
      const { total } = model.loss(randomInput(random, 3), device.tensor(Int32Array.of(1, 7, 40)));
      const want = terms * Math.log(classes);
      ok(Math.abs(await total.item() - want) < 1e-4 * want, `${mode}: ${await total.item()}, not ${want}`);
    }
  }
});
