/** Steps on several images: the mean of whole gradients, in whatever parts, and runs that go on within an epoch of batches. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Adam, Device, type Optimiser, SGD } from "../../../engine/mod.ts";
import { inParts } from "../../../model/regions/batches.ts";
import type { TrainConfig } from "../../../model/regions/config.ts";
import type { RegionModel } from "../../../model/regions/contract.ts";
import { TrainSteps } from "../../../model/regions/train_steps.ts";
import { MetricsLog } from "../../../model/run/logs/metrics_log.ts";
import { withFolder } from "../../support/folder.ts";
import { TINY, writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { assertSame, outcome, run, tensorsOf } from "../../support/files/tiny_runs.ts";
import { type Random, withRandom } from "../../support/random.ts";
import { shareDevices } from "../../support/share_devices.ts";
import { labelled, narrow, probe } from "./reasoning/small.ts";

shareDevices();

const CLASSES = 41;

function build(device: Device, seed: number): RegionModel {
  const model = probe(device, "final", CLASSES, narrow());
  for (const { tensor, trainable } of model.parameters()) {
    using values = device.randn(tensor.shape, { seed, std: 0.2 });
    if (trainable) tensor.copyFrom(values);
  }
  return model;
}

type Loaded = ReturnType<typeof labelled>;

/** Images of different sizes, with different numbers of regions, some of which come again. */
function someImages(random: Random): Loaded[] {
  const [a, b, c] = [labelled(random, 5), labelled(random, 19), labelled(random, 3, 56, 40)];
  return [a, b, c, a, c, a, labelled(random, 20), b];
}

/** Weights and state after steps on batches, and the losses of each. */
async function trained(
  device: Device,
  model: RegionModel,
  optimiser: Optimiser,
  step: (steps: TrainSteps) => Generator<Float32Array | Promise<Float32Array>>,
): Promise<Float32Array[]> {
  using steps = new TrainSteps(model, optimiser);
  const losses: Float32Array[] = [];
  for (const loss of step(steps)) losses.push(await loss);
  const tensors = [...[...model.parameters()].map(({ tensor }) => tensor), ...optimiser.state.values()];
  await device.finish();
  return [...losses, ...await Promise.all(tensors.map((t) => t.data()))];
}

async function read(values: { data(): Promise<unknown>; dispose(): void }): Promise<Float32Array> {
  const data = await values.data() as Float32Array;
  values.dispose();
  return data;
}

Deno.test("an update by two images is one by half the sum of their gradients, each from a pass of its own", async () => {
  await withRandom("mean gradients", async (random) => {
    await using device = await Device.open();
    const seed = random.integer(0, 1 << 20);
    const images = [labelled(random, 5), labelled(random, 9, 56, 40)];
    using model = build(device, seed);
    const gradients: Map<string, Float64Array>[] = [], losses: number[] = [];
    for (const image of images) {
      using _scope = device.scope();
      const { total } = model.loss(image, device.tensor(image.labels));
      total.backward();
      losses.push(await total.item());
      const own = model.trainable().filter(({ tensor }) => tensor.grad);
      gradients.push(
        new Map(
          await Promise.all(
            own.map(async ({ name, tensor }) => [name, Float64Array.from(await tensor.grad!.data())] as const),
          ),
        ),
      );
      model.zeroGrad();
    }
    const before = new Map(
      await Promise.all(
        model.trainable().map(async ({ name, tensor }) => [name, await tensor.data() as Float32Array] as const),
      ),
    );
    // Momentum's first step is the gradient itself, and weights change by it alone at a rate of 1.
    using sgd = new SGD(device, model.trainable(), { rate: 1, momentum: 0.9 });
    using steps = new TrainSteps(model, sgd);
    for (const image of images) steps.add(image);
    const { values } = steps.update();
    const mean = (losses[0] + losses[1]) / 2, got = (await read(values))[0];
    ok(Math.abs(got - mean) <= 2 ** -22 * mean, `${got}, ${mean}`);
    let compared = 0;
    for (const { name, tensor } of model.trainable()) {
      const [a, b] = gradients.map((own) => own.get(name));
      const velocity = sgd.state.get(`${name}.velocity`)!, [v, w] = [await velocity.data(), await tensor.data()];
      for (let i = 0; i < v.length; i++) {
        const [ga, gb, was] = [a?.[i] ?? 0, b?.[i] ?? 0, before.get(name)![i]];
        // One rounding of the sum, one of the weight's change; halving is exact but for the smallest numbers, that lose their
        // last bit. Passes by static inputs round as plain ones do.
        const bound = 2 ** -23 * (Math.abs(ga) + Math.abs(gb)) + 2 ** -150;
        ok(Math.abs(v[i] - (ga + gb) / 2) <= bound, `${name} ${i}: ${v[i]}, ${ga}, ${gb}`);
        ok(
          Math.abs(w[i] - (was - (ga + gb) / 2)) <= bound + 2 ** -23 * (Math.abs(was) + Math.abs(v[i])),
          `${name} ${i}`,
        );
        if (ga !== 0 && gb !== 0) compared++;
      }
    }
    ok(compared > 1000, `only ${compared} numbers have two gradients`);
  });
});

Deno.test("batches give the same bits replayed or not, whatever shapes come in whatever order", async () => {
  await withRandom("replayed batches", async (random) => {
    await using device = await Device.open();
    const images = someImages(random);
    const seed = random.integer(0, 1 << 20);
    const train = async (again: boolean): Promise<Float32Array[]> => {
      using model = build(device, seed);
      using adam = new Adam(device, model.trainable(), { rate: 1e-3, clipNorm: 5 });
      return await trained(device, model, adam, function* (steps) {
        for (let first = 0; first < 3 * images.length; first += 3) {
          // Forgetting everything before each step makes each a shape's first: none is replayed.
          const own = again ? steps : new TrainSteps(model, adam);
          for (let i = 0; i < 3; i++) own.add(images[(first + i) % images.length]);
          yield read(own.update().values);
          if (!again) own[Symbol.dispose]();
        }
        strictEqual(steps.tensors > 0, again);
      });
    };
    deepStrictEqual(await train(true), await train(false));
    strictEqual(device.memory.liveTensors, 0);
  });
});

Deno.test("a run of batches goes on exactly where it stopped, in whatever parts, through epochs that end within a batch", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data");
    await writeTinyCoco(data, 5);
    // Ten entries an epoch, mirrored copies included: a batch of four goes from one epoch into the next.
    const settings = { ...TINY, steps: 7, batch: 4, displayEvery: 2, dataset: { ...TINY.dataset, data } };
    const whole = await run(folder, "whole", settings);
    const ends = tensorsOf(whole);
    strictEqual(ends.metadata.position, "28");
    deepStrictEqual(MetricsLog.read(join(whole, "metrics.jsonl")).map(({ step }) => step), [2, 4, 6, 7]);
    for (const until of [1, 5]) await run(folder, "stopped", settings, until);
    const stopped = await run(folder, "stopped", settings);
    assertSame(outcome(stopped), outcome(whole), "a run that was stopped twice");
    const parts = tensorsOf(await run(folder, "parts", { ...settings, accumulate: 3 }));
    for (const [name, { data }] of ends.tensors) {
      ok(data.every((v, i) => v === parts.tensors.get(name)!.data[i]), `${name} differs in parts`);
    }
  });
});

Deno.test("a step's images are held in equal parts, and in smaller ones where they would be too large", async () => {
  const held = async (batch: number, accumulate: number, budget: number, pixels = 0): Promise<number[][]> => {
    let at = 0;
    const image = { image: { byteLength: pixels } } as unknown as Loaded;
    const next = () => Promise.resolve({ ...image, position: at++ });
    const settings = { batch, accumulate, image: { budget } } as TrainConfig;
    const parts: number[][] = [];
    for await (const part of inParts(next, settings)) parts.push(part.map(({ position }) => position));
    return parts;
  };
  deepStrictEqual(await held(4, 1, 1), [[0, 1, 2, 3]]);
  deepStrictEqual(await held(5, 2, 1), [[0, 1, 2], [3, 4]]);
  deepStrictEqual(await held(3, 3, 1), [[0], [1], [2]]);
  deepStrictEqual(await held(4, 1, 1, 2 ** 19), [[0, 1], [2, 3]]);
  deepStrictEqual(await held(2, 1, 1, 2 ** 21), [[0], [1]]);
});
