/**
 * A reasoning module of one's own: every region votes on what the image shows, and each is named again in the light of the
 * mean vote. Trained on the context scenes beside the ConvNet it listens to: `deno run -A examples/scene_vote.ts [steps]`
 */
import { Adam, datasets, Device, models, nn, ops, type Tensor } from "../mod.ts";

class SceneVote extends nn.Module implements models.RegionModel {
  readonly net: models.BaselineClassifier;
  readonly #vote: nn.Linear;
  readonly #hidden: nn.Linear;
  readonly #score: nn.Linear;

  constructor(device: Device, classes: number, seeds: nn.Seeds) {
    super(device);
    const options = { classes, resnet: models.resnetPresets.small, seed: 3 };
    this.net = this.child("net", new models.BaselineClassifier(device, options));
    this.#vote = this.child("vote", new nn.Linear(device, { inputs: classes, outputs: 32, seeds }));
    this.#hidden = this.child(
      "hidden",
      new nn.Linear(device, { inputs: classes + 32, outputs: 128, seeds, activation: "relu" }),
    );
    this.#score = this.child("score", new nn.Linear(device, { inputs: 128, outputs: classes, seeds }));
  }

  predict(image: datasets.LoadedImage): models.Prediction[] {
    const seen = this.net.features(image).logits;
    const scores = ops.softmax(seen.detach());
    const vote = ops.tile(this.#vote.forward(scores).mean(0, { keepDims: true }), [image.labels.length, 1]);
    const logits = this.#score.forward(this.#hidden.forward(ops.concat([scores, vote], 1)));
    const image0 = { name: "image", source: "image", iteration: 0, logits: seen };
    return [image0, { name: "vote", source: "vote", iteration: 1, logits }];
  }

  loss(image: datasets.LoadedImage, labels: Tensor): models.Losses {
    const [seen, voted] = this.predict(image).map(({ logits }) => ops.crossEntropy(logits, labels));
    return { total: seen.add(voted), parts: { image: seen, vote: voted } };
  }

  calibrate(image: datasets.LoadedImage): void {
    this.net.calibrate(image);
  }
}

const steps = Number(Deno.args[0] ?? 1200);
const [train, test] = [datasets.openContext({ split: "train" }), datasets.openContext({ split: "val" })];
const options = { scale: { target: 128, max: 192 } };
await using device = await Device.open();
using model = new SceneVote(device, train.classes.length, new nn.Seeds(4));
using optimiser = new Adam(device, model.trainable(), { rate: 1e-3 });
const loader = new datasets.Loader(train, options);
for await (const image of loader.run(datasets.trainingOrder(train, { seed: 3, flip: true, first: 0 }))) {
  using _scope = device.scope();
  if (image.position === 0) model.calibrate(image);
  if (image.position === Math.floor(0.7 * steps)) optimiser.rate = 2e-4;
  model.loss(image, device.tensor(image.labels)).total.backward();
  optimiser.step();
  model.zeroGrad();
  if (image.position + 1 === steps) break;
}
loader.close();
const tests = new datasets.Loader(test, options);
const scores = await models.scoreSplit(model, tests.run(datasets.evaluationOrder(test)), test.classes.length);
tests.close();
for (const { name, probabilities } of scores.outputs) {
  const { perInstance, perClass } = models.regionMetrics(probabilities, scores.labels, scores.classes);
  // deno-lint-ignore no-console
  console.log(`${name}: per-instance accuracy ${perInstance.ac.toFixed(3)}, per-class AP ${perClass.ap.toFixed(3)}`);
}
