/**
 * Robustness of the reasoning modules: any order, number and place of regions, any graph
 * (papers/iterative-reasoning.md#properties).
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { contextKnowledge } from "../../../../datasets/context/knowledge.ts";
import { contextOf } from "../../../../engine/friends.ts";
import { Device, SGD } from "../../../../engine/mod.ts";
import { regionEdges } from "../../../../model/regions/reasoning/edges.ts";
import { classKnowledge } from "../../../../model/regions/reasoning/knowledge.ts";
import { REGION_RELATIONS } from "../../../../model/regions/reasoning/options.ts";
import type { ReasoningClassifier } from "../../../../model/regions/reasoning/reasoner.ts";
import type { RegionInput } from "../../../../model/regions/regions.ts";
import { type Random, randomFor } from "../../../support/random.ts";
import { enliven, narrow, probe, randomInput, randomKnowledge } from "./small.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const MODES = ["local", "global", "final"] as const;

/** The answer's logits and the loss, all gradients checked to be finite. */
async function run(model: ReasoningClassifier, input: RegionInput, labels: readonly number[]) {
  using _scope = model.device.scope();
  const { total } = model.loss(input, model.device.tensor(Int32Array.from(labels)));
  total.backward();
  for (const { name, tensor } of model.parameters()) {
    if (tensor.grad) ok((await tensor.grad.data()).every(Number.isFinite), `gradient of ${name}`);
  }
  model.zeroGrad();
  const logits = await model.forward(input).data();
  const loss = await total.item();
  ok(logits.every(Number.isFinite) && Number.isFinite(loss));
  return { logits, loss };
}

function reordered({ boxes, ...rest }: RegionInput, order: readonly number[]): RegionInput {
  return { ...rest, boxes: Float32Array.from(order.flatMap((r) => [...boxes.subarray(4 * r, 4 * r + 4)])) };
}

async function withModels(
  name: string,
  body: (model: ReasoningClassifier, random: Random) => Promise<void>,
): Promise<void> {
  const random = randomFor(name);
  await using device = await Device.open();
  for (const mode of MODES) {
    using model = probe(device, mode, 41, narrow());
    enliven(model, random);
    model.calibrate(randomInput(random, 4));
    await body(model, random);
  }
}

Deno.test("permuting the regions permutes what is said of them", async () => {
  await withModels("permute", async (model, random) => {
    const input = randomInput(random, 5), labels = [4, 8, 15, 16, 23];
    const order = [3, 0, 4, 1, 2];
    const plain = await run(model, input, labels);
    const mixed = await run(model, reordered(input, order), order.map((r) => labels[r]));
    ok(Math.abs(plain.loss - mixed.loss) < 1e-4 * plain.loss);
    const size = plain.logits.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    order.forEach((r, at) => {
      for (let c = 0; c < 41; c++) {
        ok(Math.abs(mixed.logits[at * 41 + c] - plain.logits[r * 41 + c]) < 1e-4 * size, `region ${r}, class ${c}`);
      }
    });
  });
});

Deno.test("no region, one region, identical regions, slivers and three hundred are all borne", async () => {
  await withModels("counts", async (model, random) => {
    const none = await run(model, randomInput(random, 0), []);
    deepStrictEqual([none.logits.length, none.loss], [0, 0]);
    await run(model, randomInput(random, 1), [7]);
    const { boxes, ...image } = randomInput(random, 1);
    const same = await run(model, { ...image, boxes: Float32Array.from([...boxes, ...boxes, ...boxes]) }, [7, 7, 7]);
    deepStrictEqual(same.logits.slice(0, 41), same.logits.slice(41, 82), "identical regions get the same messages");
    // A point, a line, a box of the whole image, and one that ends at its last pixel.
    const odd = Float32Array.of(5, 5, 5, 5, 16, 0, 16, 39, 0, 0, 55, 39, 50, 33, 55, 39);
    await run(model, { ...image, boxes: odd }, [1, 2, 3, 4]);
    await run(model, randomInput(random, 300), new Array(300).fill(9));
  });
});

Deno.test("a class without edges, types without edges and no types at all are borne", async () => {
  const random = randomFor("graphs");
  await using device = await Device.open();
  const lonely = randomKnowledge(6, 3, random);
  const cases = [
    { ...lonely, edges: lonely.edges.filter(({ from, to }) => from !== 2 && to !== 2) },
    { ...lonely, edges: [] },
    { ...lonely, types: [], edges: [] },
    null,
  ];
  for (const knowledge of cases) {
    for (const mode of ["global", "final"] as const) {
      using model = probe(device, mode, 6, narrow(), knowledge);
      enliven(model, random);
      await run(model, randomInput(random, 4), [1, 2, 3, 5]);
    }
  }
});

Deno.test("rows of every adjacency sum to one, or to nothing", () => {
  const random = randomFor("rows");
  const { boxes } = randomInput(random, 7);
  const options = { regionEdges: REGION_RELATIONS, bandwidth: 50, distance: "gap", reach: null } as const;
  const regions = regionEdges(boxes, options);
  const { graph } = classKnowledge(contextKnowledge(), 41, null, 1);
  for (const { rows, relations } of [regions, graph]) {
    for (const { rowPtr, values } of relations) {
      for (let r = 0; r < rows; r++) {
        let sum = 0;
        for (let e = rowPtr[r]; e < rowPtr[r + 1]; e++) sum += values[e];
        ok(rowPtr[r] === rowPtr[r + 1] ? sum === 0 : Math.abs(sum - 1) < 1e-6, `row ${r} sums to ${sum}`);
      }
    }
  }
  for (const name of REGION_RELATIONS) {
    strictEqual(regionEdges(boxes.subarray(0, 4), { ...options, regionEdges: [name] }).relations[0].values.length, 0);
  }
});

Deno.test("edge types are chosen by name, and one that is not there is named", () => {
  const own = contextKnowledge();
  const { types, graph } = classKnowledge(own, 41, ["carries", "kind-of"], 1);
  deepStrictEqual([types, graph.relations.length], [["carries", "kind-of"], 2]);
  strictEqual(graph.relations[1].colIdx.length, own.edges.filter((e) => own.types[e.type] === "kind-of").length);
  try {
    classKnowledge(own, 41, ["friend-of"], 1);
    ok(false, "an unknown type was taken");
  } catch (error) {
    ok(error instanceof RangeError && /no edges of type "friend-of"; it has found-with/.test(error.message));
  }
});

Deno.test("a repeated step makes nothing anew, other images and graphs compile nothing, nothing is left alive", async () => {
  const random = randomFor("steps");
  await using device = await Device.open();
  for (const mode of MODES) {
    {
      using model = probe(device, mode, 41, narrow());
      using sgd = new SGD(device, model.trainable(), { rate: 1e-3 });
      const step = async (input: RegionInput): Promise<void> => {
        {
          using _scope = device.scope();
          const labels = new Int32Array(input.boxes.length / 4).fill(5);
          model.loss(input, device.tensor(labels)).total.backward();
          sgd.step();
          model.zeroGrad();
        }
        await device.finish();
      };
      const input = randomInput(random, 4);
      await step(input);
      await step(input);
      const before = contextOf(device).stats;
      const { liveTensors } = device.memory;
      await step(input);
      await step(input);
      const after = contextOf(device).stats;
      deepStrictEqual([after.created, after.bindGroups, after.pipelines], [
        before.created,
        before.bindGroups,
        before.pipelines,
      ]);
      // Products of one, few, some and many rows have kernels of their own, and so has a graph whose relations are not all there;
      // beyond those, sizes compile nothing.
      for (const count of [1, 9, 30, 60]) await step(randomInput(random, count));
      const apart = randomInput(random, 2);
      for (const boxes of [[1, 1, 9, 9, 20, 20, 30, 30], [1, 1, 20, 20, 9, 9, 30, 30]]) {
        await step({ ...apart, boxes: Float32Array.from(boxes) });
      }
      const { pipelines } = contextOf(device).stats;
      for (const [count, height, width] of [[3, 40, 56], [12, 64, 48], [2, 33, 57], [41, 50, 50]]) {
        await step(randomInput(random, count, height, width));
      }
      deepStrictEqual([contextOf(device).stats.pipelines, device.memory.liveTensors], [pipelines, liveTensors], mode);
    }
    strictEqual(device.memory.liveTensors, 0);
  }
});
