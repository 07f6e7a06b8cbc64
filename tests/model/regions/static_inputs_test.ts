/** Steps and predictions on inputs that stay on the device: padding changes nothing, replaying changes nothing. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { END, NULL, START } from "../../../datasets/refplus/encoding/tokens.ts";
import { Adam, Device, SGD, type Tensor } from "../../../engine/mod.ts";
import { StaticGraph } from "../../../engine/sparse.ts";
import { bucketSize } from "../../../engine/buckets.ts";
import { scoreSplit } from "../../../model/regions/evaluation/score.ts";
import { BaselineClassifier } from "../../../model/regions/baseline.ts";
import { GeneratorUpdates } from "../../../model/refplus/generator/generator_updates.ts";
import { ProgramGenerator, type Sequences } from "../../../model/refplus/generator/program_generator.ts";
import { ProgramWriter } from "../../../model/refplus/generator/program_writer.ts";
import { StaticSequences } from "../../../model/refplus/generator/sequence_inputs.ts";
import { StepCache } from "../../../engine/step_cache.ts";
import { TrainSteps } from "../../../model/regions/train_steps.ts";
import type { ReasoningMode } from "../../../model/regions/reasoning/reasoner.ts";
import type { RegionModel } from "../../../model/regions/contract.ts";
import { KERNEL_SETS } from "../../support/devices.ts";
import { type Random, withRandom } from "../../support/random.ts";
import { enliven, labelled, narrow, probe, TINY_NET } from "./reasoning/small.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

const MODES = ["baseline", "local", "global", "final"] as const;
const CLASSES = 41;

function build(device: Device, mode: "baseline" | ReasoningMode, random: Random): RegionModel {
  if (mode === "baseline") return new BaselineClassifier(device, { classes: CLASSES, resnet: TINY_NET, seed: 3 });
  const model = probe(device, mode, CLASSES, narrow());
  enliven(model, random);
  return model;
}

Deno.test("a bucket holds the regions, at most an eighth more, and stays below the same power of two", () => {
  deepStrictEqual([0, 1, 16, 17, 31, 33, 100, 129, 300].map(bucketSize), [0, 1, 16, 18, 32, 36, 104, 144, 320]);
  for (let count = 1; count < 1000; count++) {
    const inputs = bucketSize(count);
    ok(inputs >= count && inputs <= count * 1.125 + 1, `${inputs} for ${count}`);
    strictEqual(bucketSize(inputs), inputs);
    strictEqual(Math.ceil(Math.log2(inputs)), Math.ceil(Math.log2(count)));
  }
});

Deno.test("padding regions changes no bit of what is said of the others", async () => {
  await withRandom("padding", async (random) => {
    for (const kernels of KERNEL_SETS) {
      await using device = await Device.open({ kernels });
      for (const mode of MODES) {
        using model = build(device, mode, random);
        for (const regions of [19, 67, 261]) {
          using scope = device.scope();
          const image = labelled(random, regions);
          const inputs = scope.adopt(model.staticInputs!(image.height, image.width, regions));
          // What was there before must not show.
          inputs.write(labelled(random, bucketSize(regions)));
          inputs.write(image);
          const said = (source: Parameters<RegionModel["predict"]>[0]): Promise<Float32Array[]> =>
            Promise.all(device.noGrad(() => model.predict(source)).map(({ logits }) => logits.data()));
          const [plain, padded] = [await said(image), await said(inputs)];
          ok(bucketSize(regions) > regions);
          for (const [i, want] of plain.entries()) {
            const got = padded[i].subarray(0, want.length);
            ok(padded[i].every(Number.isFinite), `${kernels} ${mode} ${regions}: padding is no number`);
            deepStrictEqual(got, want, `${kernels} ${mode}: prediction ${i} of ${regions} regions`);
          }
        }
      }
    }
  });
});

Deno.test("padding regions leaves losses and gradients as they were, to rounding", async () => {
  await withRandom("padded gradients", async (random) => {
    await using device = await Device.open();
    for (const mode of MODES) {
      using model = build(device, mode, random);
      using scope = device.scope();
      const image = labelled(random, 21);
      const inputs = scope.adopt(model.staticInputs!(image.height, image.width, 21));
      inputs.write(image);
      const grads = async (source: Parameters<RegionModel["loss"]>[0], labels: Tensor) => {
        const { total } = model.loss(source, labels);
        total.backward();
        const named = [...model.trainable()].filter(({ tensor }) => tensor.grad);
        const values = await Promise.all(named.map(({ tensor }) => tensor.grad!.data()));
        model.zeroGrad();
        return { loss: await total.item(), values, names: named.map(({ name }) => name) };
      };
      const plain = await grads(image, device.tensor(image.labels));
      const padded = await grads(inputs, inputs.labels);
      ok(Math.abs(plain.loss - padded.loss) < 1e-5 * plain.loss, `${mode}: ${plain.loss}, ${padded.loss}`);
      deepStrictEqual(padded.names, plain.names);
      for (const [i, want] of plain.values.entries()) {
        const size = want.reduce((max, v) => Math.max(max, Math.abs(v)), 1e-6);
        want.forEach((v, at) =>
          ok(
            Math.abs(v - padded.values[i][at]) < 1e-4 * size,
            `${mode} ${plain.names[i]}: ${padded.values[i][at]}, ${v}`,
          )
        );
      }
    }
  });
});

Deno.test("replayed training steps give the bits of plain ones, whatever shapes come in whatever order", async () => {
  await withRandom("replayed steps", async (random) => {
    await using device = await Device.open();
    const shapes = [[5, 40, 56], [19, 40, 56], [20, 40, 56], [5, 56, 40], [0, 40, 56]] as const;
    const images = shapes.map(([regions, height, width]) => labelled(random, regions, height, width));
    const order = [0, 1, 0, 2, 0, 3, 1, 4, 0, 3, 2, 3, 4, 0];
    for (const mode of MODES) {
      const seed = random.integer(0, 1 << 20);
      const train = async (again: boolean): Promise<Float32Array[]> => {
        using model = build(device, mode, random);
        for (const { tensor, trainable } of model.parameters()) {
          using values = device.randn(tensor.shape, { seed, std: 0.2 });
          if (trainable) tensor.copyFrom(values);
        }
        using sgd = new SGD(device, model.trainable(), { rate: 1e-3, momentum: 0.9, clipNorm: 1 });
        const losses: Float32Array[] = [];
        let updates = new TrainSteps(model, sgd);
        for (const [i, which] of order.entries()) {
          // Forgetting everything before each step makes each a shape's first: none is replayed.
          if (!again) {
            updates[Symbol.dispose]();
            updates = new TrainSteps(model, sgd);
          }
          if (i === 7) sgd.rate = 1e-2;
          const { values } = updates.run(images[which]);
          losses.push(await values.data());
          values.dispose();
        }
        strictEqual(updates.tensors > 0, again);
        updates[Symbol.dispose]();
        const weights = await Promise.all([...model.parameters()].map(({ tensor }) => tensor.data()));
        return [...losses, ...weights];
      };
      const [plain, replayed] = [await train(false), await train(true)];
      deepStrictEqual(replayed, plain, mode);
    }
  });
});

Deno.test("scores by replay are those of plain predictions", async () => {
  await withRandom("scores", async (random) => {
    await using device = await Device.open();
    using model = build(device, "final", random);
    const images = [19, 19, 5, 20, 19, 5, 5].map((regions) => labelled(random, regions));
    async function* all() {
      yield* images;
    }
    const plain: RegionModel = Object.create(model, { staticInputs: { value: undefined }, device: { value: device } });
    plain.predict = (input) => model.predict(input);
    deepStrictEqual(await scoreSplit(model, all(), CLASSES), await scoreSplit(plain, all(), CLASSES));
  });
});

Deno.test("captured steps are kept up to a number and up to a size, the longest unused goes first", async () => {
  await using device = await Device.open();
  {
    let bodies = 0;
    const body = (inputs: Tensor): Tensor => {
      bodies++;
      return device.noGrad(() => inputs.mul(2));
    };
    const run = (cache: StepCache<Tensor>, n: number): Promise<Float32Array> => {
      const result = cache.run(
        String(n),
        () => device.empty([n]),
        (inputs) => inputs.write(new Float32Array(n).fill(n)),
      );
      return result.data().finally(() => result.dispose());
    };
    using two = new StepCache(device, body, { maxEntries: 2 });
    for (const n of [3, 4, 5, 3, 4, 3, 5, 3]) deepStrictEqual(await run(two, n), new Float32Array(n).fill(2 * n));
    strictEqual(bodies, 6, "three plain, three recorded");
    await run(two, 4);
    strictEqual(bodies, 7, "4 had gone");
    strictEqual(two.tensors, 4);
    using none = new StepCache(device, body, { maxBytes: -1 });
    for (let i = 0; i < 3; i++) await run(none, 6);
    strictEqual(bodies, 10);
    strictEqual(none.tensors, 0);
  }
  strictEqual(device.memory.liveTensors, 0);
  strictEqual(device.memory.liveBytes, 0);
});

Deno.test("a graph that does not fit its memory is refused", async () => {
  await using device = await Device.open();
  using inputs = new StaticGraph(device, 2, 2, 1);
  const none = { rowPtr: [0, 0, 0, 0], colIdx: [], values: [] };
  throws(
    () => inputs.write({ rows: 3, cols: 2, relations: [none] }),
    /1 relations \[3, 2\] where there is memory for 1 relations \[2, 2\]/,
  );
  throws(() => inputs.write({ rows: 2, cols: 2, relations: [none, none] }), /2 relations/);
});

Deno.test("the program generator's steps are the same replayed, whatever lengths come in whatever order", async () => {
  await withRandom("generator steps", async (random) => {
    await using device = await Device.open();
    const sequences = (count: number, length: number, tokens: number): Sequences => {
      const rows = Array.from({ length: count }, () => {
        const own = random.integer(2, length + 1);
        const inner = Array.from(random.integers(own - 2, 4, tokens));
        return [START, ...inner, END, ...new Array<number>(length - own).fill(NULL)];
      });
      return { data: Int32Array.from(rows.flat()), count, length };
    };
    const batches = [[5, 7, 6], [5, 4, 6], [3, 7, 6]].map(([count, words, tokens]) =>
      [sequences(count, words, 20), sequences(count, tokens, 15)] as const
    );
    const train = async (again: boolean): Promise<Float32Array[]> => {
      using generator = new ProgramGenerator(device, { words: 20, tokens: 15, wordDim: 6, hidden: 8, seed: 5 });
      using adam = new Adam(device, generator.trainable(), { rate: 1e-2, clipNorm: 1 });
      let steps = new GeneratorUpdates(generator, adam);
      const losses: Float32Array[] = [];
      for (const which of [0, 1, 0, 0, 2, 1, 1, 2, 2, 0]) {
        if (!again) {
          steps[Symbol.dispose]();
          steps = new GeneratorUpdates(generator, adam);
        }
        const { values } = steps.run(...batches[which]);
        losses.push(await values.data());
        values.dispose();
      }
      strictEqual(steps.tensors > 0, again);
      steps[Symbol.dispose]();
      return [...losses, ...await Promise.all([...generator.parameters()].map(({ tensor }) => tensor.data()))];
    };
    deepStrictEqual(await train(true), await train(false));
    strictEqual(device.memory.liveTensors, 0);
    using inputs = new StaticSequences(device, { count: 5, words: 7, tokens: 6 });
    throws(() => inputs.write(...batches[1]), /5 × 4 words where there is memory for 5 × 7/);
    throws(() => inputs.write(...batches[2]), /3 × 6 tokens where there is memory for 5 × 6/);

    using generator = new ProgramGenerator(device, { words: 20, tokens: 15, wordDim: 6, hidden: 8, seed: 5 });
    using writer = new ProgramWriter(generator);
    for (const which of [0, 1, 0, 2, 0, 1, 2, 2]) {
      const [refexps] = batches[which];
      deepStrictEqual(await writer.likeliest(refexps), (await generator.decode(refexps, "likeliest")).programs);
    }
  });
});
