import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openContext } from "../../../../datasets/context/dataset.ts";
import { Loader } from "../../../../datasets/images/loader.ts";
import { evaluationOrder } from "../../../../datasets/images/schedule.ts";
import { Device, SGD } from "../../../../engine/mod.ts";
import { estimateLines, runCost } from "../../../../model/regions/experiments/cost_estimate.ts";
import { PRESETS } from "../../../../model/regions/experiments/presets.ts";
import { newConfig } from "../../../../model/regions/config.ts";
import { buildModel, loaderOptions } from "../../../../model/regions/build.ts";
import { contextKnowledge } from "../../../../datasets/context/knowledge.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

Deno.test("every row of the paper's tables is a preset, with the reference's schedule", () => {
  const schedules = {
    ade: [320_000, [280_000]],
    coco: [720_000, [320_000, 560_000]],
    vg: [720_000, [320_000, 560_000]],
  };
  const own = [...PRESETS].filter(([name]) => name.split("-")[0] in schedules);
  strictEqual(own.length, 18);
  for (const [name, { settings }] of own) {
    const config = newConfig([{ source: name, value: settings }]);
    const set = name.split("-")[0] as keyof typeof schedules;
    strictEqual(config.dataset.dataset, set);
    deepStrictEqual([config.steps, config.optimiser.decaySteps], schedules[set]);
    const { kind, rate, momentum, weightDecay, decayFactor, doubleBias } = config.optimiser;
    deepStrictEqual([kind, rate, momentum, weightDecay, decayFactor, doubleBias], ["sgd", 5e-4, 0.9, 1e-4, 0.1, false]);
    const large = name.endsWith("-800");
    deepStrictEqual([config.image.shortSide, config.image.longSide], large ? [800, 1200] : [600, 1000]);
    deepStrictEqual(config.model.resnet.blocks.map(({ units }) => units), [3, 4, name.endsWith("101") ? 23 : 6, 3]);
    strictEqual(config.model.name, /-(local|global|final)$/.exec(name)?.[1] ?? "baseline");
    strictEqual(config.model.reasoning.memory.depth, 512);
  }
});

Deno.test("an estimate counts steps, bytes and time, and measuring it changes no weight", async () => {
  const config = newConfig([{ source: "test", value: { steps: 2400, model: { name: "final" } } }]);
  const set = openContext({ split: "train", images: 12 });
  await using device = await Device.open();
  using model = buildModel(device, config, set.classes.length, contextKnowledge());
  using sgd = new SGD(device, model.trainable(), { rate: 0.1, momentum: 0.9 });
  const loader = new Loader(set, loaderOptions(config));
  const [image] = await Array.fromAsync(loader.run([...evaluationOrder(set)].slice(0, 1)));
  loader.close();
  const weights = async (): Promise<unknown> => await Promise.all([...model.parameters()].map((p) => p.tensor.data()));
  // The first use uploads the class graph, which stays.
  await runCost(model, sgd, set, image);
  const before = await weights(), alive = device.memory.liveTensors;
  const cost = await runCost(model, sgd, set, image);
  deepStrictEqual(await weights(), before);
  strictEqual(device.memory.liveTensors, alive);
  const numbers = [...model.parameters()].reduce((sum, { tensor }) => sum + tensor.size, 0);
  const trained = model.trainable().reduce((sum, { tensor }) => sum + tensor.size, 0);
  // Weights, a velocity for each number that trains, and a count for each tensor of them.
  strictEqual(cost.checkpointBytes, 4 * (numbers + trained + model.trainable().length));
  const regions = Array.from({ length: 12 }, (_, i) => set.record(i).labels.length).reduce((a, b) => a + b, 0);
  // The ConvNet, two local and two global predictions, the attended one.
  strictEqual(cost.scoresBytes, 4 * regions * set.classes.length * 6);
  ok(cost.stepSeconds > 0 && cost.peakBytes > 4 * numbers);
  const lines = estimateLines({
    config,
    train: set,
    image,
    adapter: "this adapter",
    cost: { stepSeconds: 0.25, peakBytes: 3 * 2 ** 30, checkpointBytes: 2 ** 30, scoresBytes: 2 ** 21 },
  });
  deepStrictEqual(lines.slice(1, 3), [
    "2,400 steps of one image (100 epochs with mirrored copies), rate 0.0007, times 0.3 after 1,300 and 1,800 and 2,150",
    "disk: 3.0 GiB for 2 checkpoints, 2 MiB for the test split's scores",
  ]);
  ok(lines[0].startsWith("final on context train: 12 images, 40 classes, from random weights"));
  ok(lines[3].startsWith("memory: 3.0 GiB at an image of "));
  strictEqual(lines[4], "time: 10 minutes at 250 ms a step on this adapter");
});
