/** The published size: ResNet-50, D = 512, fully connected layers of 4,096, ADE20K's 1,485 classes. */
import { ok, strictEqual } from "node:assert/strict";
import { Device, SGD } from "../../../../engine/mod.ts";
import { newConfig } from "../../../../model/regions/config.ts";
import { buildModel } from "../../../../model/regions/build.ts";
import { randomFor } from "../../../support/random.ts";
import { randomInput } from "./small.ts";

Deno.test("the whole model of the published size builds and steps", async () => {
  const { model: settings, ...config } = newConfig([
    { source: "test", value: { dataset: { dataset: "coco" }, model: { name: "final", resnet: "resnet50" } } },
  ]);
  const { memory, graph, head } = settings.reasoning;
  strictEqual(
    [memory.depth, graph.width, head.width, head.layers, settings.reasoning.iterations].join(),
    "512,512,4096,2,3",
  );
  const classes = 1485;
  const types = ["kind-of", "part-of"];
  const edges = Array.from({ length: 900 }, (_, i) => ({ type: i % 2, from: 1 + i, to: 1 + (i * 7) % 1400, weight: 1 }))
    .filter(({ from, to }) => from !== to);
  const knowledge = { types, edges, vectors: new Float32Array(classes * 300).fill(0.05), dim: 300 };
  await using device = await Device.open();
  using model = buildModel(device, { model: settings, ...config }, classes, knowledge);
  const counted = (prefix: string): number =>
    [...model.parameters()].filter(({ name }) => name.startsWith(prefix)).reduce((n, { tensor }) => n + tensor.size, 0);
  // 141.3 million for a feedback of C numbers (papers/iterative-reasoning.md#memory-layers); cross-feed feeds back
  // another C × 512.
  ok(Math.abs(counted("memory.") - (141.3e6 + 1485 * 512)) < 0.1e6, `${counted("memory.")} weights in the memory`);
  using sgd = new SGD(device, model.trainable(), { rate: 5e-4, momentum: 0.9, weightDecay: 1e-4 });
  // Any image will do: what is checked is that so large a model takes a step.
  const input = randomInput(randomFor("full size", 1), 2, 64, 80);
  const before = await [...model.parameters()].find(({ name }) => name === "memory.head.fc7.weight")!.tensor.data();
  {
    using _scope = device.scope();
    const { total } = model.loss(input, device.tensor(Int32Array.of(7, 1484)));
    total.backward();
    sgd.step();
    model.zeroGrad();
    ok(Number.isFinite(await total.item()));
  }
  const after = await [...model.parameters()].find(({ name }) => name === "memory.head.fc7.weight")!.tensor.data();
  ok(after.every(Number.isFinite) && after.some((v, i) => v !== before[i]), "the step moved no weight");
});
