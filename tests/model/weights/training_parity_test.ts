/** Training the baseline from imported weights against PyTorch: first gradients, ten losses (tests/fixtures/training.py). */
import { ok } from "node:assert/strict";
import { Device, schedules, SGD } from "../../../engine/mod.ts";
import { BaselineClassifier } from "../../../model/regions/baseline.ts";
import { resnetPresets } from "../../../model/backbones/resnet.ts";
import { importWeights } from "../../../model/weights/import.ts";
import fixture from "../../fixtures/training.json" with { type: "json" };
import { numbers } from "../../support/formula.ts";
import { torchFile } from "../../support/files/resnet_files.ts";

/** Of a gradient, relative to the tensor's largest; of a loss, relative to itself. */
const GRADIENT = 1e-3, LOSS = 1e-3;

Deno.test("gradients and ten steps of SGD follow PyTorch's", async () => {
  const { image: [height, width], boxes, classes, labels, optimiser: { rate, momentum, weightDecay, drop, factor } } =
    fixture;
  await using device = await Device.open();
  using model = new BaselineClassifier(device, { classes, resnet: resnetPresets["resnet50-torchvision"], seed: 1 });
  const { tensors } = importWeights(torchFile([3, 4, 6, 3]));
  const score = numbers("score", classes * 2048, -0.02, 0.02);
  for (const { name, tensor } of model.parameters()) {
    if (name === "cls_score.bias") continue;
    const data = name === "cls_score.weight"
      ? score.map((_, i) => score[(i % classes) * 2048 + Math.floor(i / classes)])
      : tensors.get(name)!.data;
    tensor.write(data);
  }
  using sgd = new SGD(device, model.trainable(), { rate, momentum, weightDecay });
  const schedule = schedules.steps(rate, [drop], factor);
  const input = {
    image: numbers("image", height * width * 3, -1, 1),
    height,
    width,
    boxes: Float32Array.from(boxes.flat()),
  };
  for (const [step, want] of fixture.losses.entries()) {
    using _scope = device.scope();
    sgd.rate = schedule(step);
    const { total } = model.loss(input, device.tensor(Int32Array.from(labels)));
    total.backward();
    if (step === 0) {
      for (const [name, { values, largest }] of Object.entries(fixture.gradients)) {
        const { tensor } = [...model.parameters()].find((p) => p.name === name)!;
        const got = await tensor.grad!.data();
        const stride = got.length > fixture.step ? fixture.step : 1;
        for (const [i, value] of values.entries()) {
          ok(
            Math.abs(got[i * stride] - value) <= GRADIENT * largest,
            `${name}[${i * stride}]: ${got[i * stride]}, not ${value}`,
          );
        }
      }
    }
    sgd.step();
    model.zeroGrad();
    const loss = await total.item();
    ok(Math.abs(loss - want) <= LOSS * want, `step ${step}: ${loss}, not ${want}`);
  }
});
