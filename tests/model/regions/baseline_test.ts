import assert from "node:assert/strict";
import { openContext } from "../../../datasets/context/dataset.ts";
import { type LoadedImage, Loader } from "../../../datasets/images/loader.ts";
import { evaluationOrder } from "../../../datasets/images/schedule.ts";
import { contextOf } from "../../../engine/friends.ts";
import { crossEntropy, Device, SGD } from "../../../engine/mod.ts";
import { Seeds } from "../../../engine/nn/mod.ts";
import { BaselineClassifier } from "../../../model/regions/baseline.ts";
import { normaliseBoxes } from "../../../model/regions/regions.ts";
import { ResNet, resnetPresets } from "../../../model/backbones/resnet.ts";
import { TrainSteps } from "../../../model/regions/train_steps.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

async function firstImages(count: number): Promise<LoadedImage[]> {
  const set = openContext({ split: "val", images: count });
  const loader = new Loader(set, { scale: { target: 128, max: 192 } });
  const images = await Array.fromAsync(loader.run(evaluationOrder(set)));
  loader.close();
  return images;
}

Deno.test("ResNet-50 and -101 have the published number of convolution weights", async () => {
  await using device = await Device.open();
  // torchvision's totals (25,557,032 and 44,549,160) less its classifier and its normalisation's gamma and beta.
  for (const [name, weights] of [["resnet50", 23_454_912], ["resnet101", 42_394_816]] as const) {
    using net = new ResNet(device, resnetPresets[name], new Seeds(1));
    const counted = [...net.parameters()].filter((p) => p.name.endsWith("weight")).reduce(
      (n, p) => n + p.tensor.size,
      0,
    );
    assert.equal(counted, weights);
    assert.equal(net.outputStride, 16);
    assert.deepEqual([net.bodyChannels, net.tailChannels], [1024, 2048]);
    const trained = net.trainable().map((p) => p.name);
    assert.ok(
      trained.every((p) => /^block[234]\..*weight$/.test(p)),
      "stem, block 1 and all normalisation stay frozen",
    );
  }
});

Deno.test("the feature map has ceil(size / 16) cells for any image size", async () => {
  await using device = await Device.open();
  const narrow = {
    stem: { kernel: 7, width: 4, pool: true },
    blocks: resnetPresets.resnet50.blocks.map(({ stride }) => ({ units: 2, width: 4, stride })),
    bottleneck: true,
    fixedBlocks: 1,
  };
  using net = new ResNet(device, narrow, new Seeds(1));
  for (const [h, w] of [[600, 800], [601, 999], [37, 50]]) {
    using _scope = device.scope();
    const map = device.noGrad(() => net.body(device.zeros([1, h, w, 3])));
    assert.deepEqual(map.shape, [1, Math.ceil(h / 16), Math.ceil(w / 16), 16]);
  }
  await device.finish();
});

Deno.test("a pixel p lies at cell p / stride, over cells - 1", () => {
  const boxes = normaliseBoxes(Float32Array.of(24, 33, 88, 46), 10, 12, 16);
  const want = [33 / 16 / 9, 24 / 16 / 11, 46 / 16 / 9, 88 / 16 / 11];
  boxes.forEach((v, i) => assert.ok(Math.abs(v - want[i]) < 1e-6));
  assert.ok(normaliseBoxes(Float32Array.of(0, 0, 15, 15), 1, 1, 16).every(Number.isFinite));
});

Deno.test("a fresh classifier's loss is about ln C, and a few steps on one image lower it", async () => {
  const [image] = await firstImages(1);
  await using device = await Device.open();
  using model = new BaselineClassifier(device, { classes: 41, resnet: resnetPresets.small, seed: 3 });
  model.calibrate(image);
  using sgd = new SGD(device, model.trainable(), { rate: 0.005, momentum: 0.9, weightDecay: 1e-4 });
  using updates = new TrainSteps(model, sgd);
  const losses = [];
  for (let i = 0; i < 15; i++) {
    const { values: loss } = updates.run(image);
    losses.push(await loss.item());
    loss.dispose();
  }
  assert.ok(Math.abs(losses[0] - Math.log(41)) < 0.35, `${losses[0]} against ${Math.log(41)}`);
  assert.ok(losses.at(-1)! < losses[0] / 2, `${losses}`);
});

Deno.test("a training step of the default model creates no buffer, bind group or pipeline once it is recorded", async () => {
  const [image] = await firstImages(1);
  await using device = await Device.open();
  {
    using model = new BaselineClassifier(device, { classes: 41, resnet: resnetPresets.small, seed: 3 });
    using sgd = new SGD(device, model.trainable(), { rate: 0.005, momentum: 0.9, weightDecay: 1e-4 });
    using updates = new TrainSteps(model, sgd);
    const step = async (): Promise<void> => {
      updates.run(image).values.dispose();
      await device.finish();
    };
    for (let i = 0; i < 3; i++) await step();
    const before = contextOf(device).stats;
    const { liveTensors } = device.memory;
    for (let i = 0; i < 3; i++) await step();
    const after = contextOf(device).stats;
    assert.deepEqual(
      [after.created, after.bindGroups, after.pipelines, device.memory.liveTensors],
      [before.created, before.bindGroups, before.pipelines, liveTensors],
    );
  }
  assert.equal(device.memory.liveTensors, 0);
});

for (const winograd of [false, true]) {
  const way = winograd ? "by Winograd's way" : "directly";
  Deno.test(`images with other sizes and region counts compile nothing new, convolved ${way}`, async () => {
    const images = await firstImages(6);
    await using device = await Device.open({ winograd });
    using model = new BaselineClassifier(device, { classes: 41, resnet: resnetPresets.small, seed: 3 });
    const score = (image: LoadedImage): void => {
      using _scope = device.scope();
      crossEntropy(model.forward(image), device.tensor(image.labels)).backward();
      model.zeroGrad();
    };
    const wide = (width: number): LoadedImage => ({
      ...images[0],
      image: new Float32Array(150 * width * 3),
      height: 150,
      width,
    });
    score(images[0]);
    // Which tile Winograd's way takes is a matter of size: more regions, or a large map, may be the first that want a larger one.
    if (winograd) { for (const image of [...images, wide(224)]) score(image); }
    const { pipelines } = contextOf(device).stats;
    for (const image of images.slice(1)) score(image);
    for (const width of [210, 230, 257]) score(wide(width));
    assert.ok(new Set(images.map((i) => i.labels.length)).size > 1, "the images are meant to differ");
    assert.equal(contextOf(device).stats.pipelines, pipelines);
    await device.finish();
  });
}
