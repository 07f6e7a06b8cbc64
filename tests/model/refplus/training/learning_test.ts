/** That the models learn what they must, at small sizes. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Adam, Device, SGD } from "../../../../engine/mod.ts";
import { evaluateSamples, overlapsOf } from "../../../../model/refplus/evaluation/evaluation.ts";
import { ExecutionEngine } from "../../../../model/refplus/engine/execution_engine.ts";
import { programTokens } from "../../../../model/refplus/build.ts";
import { ProgramGenerator } from "../../../../model/refplus/generator/program_generator.ts";
import { Samples, treesOf } from "../../../../model/refplus/training/samples.ts";
import { scoreMasks } from "../../../../model/refplus/evaluation/scoring.ts";
import { GeneratorUpdates } from "../../../../model/refplus/generator/generator_updates.ts";
import { Accumulation } from "../../../../model/refplus/training/accumulation.ts";
import { aboveOthers, jointUpdate } from "../../../../model/refplus/training/joint_update.ts";
import { engineUpdate, partsOf, rewardsOf } from "../../../../model/refplus/training/updates.ts";
import { END, START } from "../../../../datasets/refplus/encoding/tokens.ts";
import { withFolder } from "../../../support/folder.ts";
import { type Random, randomFor } from "../../../support/random.ts";
import { CELLS, COLOURS, PIXELS, TOY_VOCABULARY, writeToy } from "../../../support/refplus/toy_refplus.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const tokens = programTokens(TOY_VOCABULARY);
const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Small models for the toy task. */
function toyModels(device: Device, seed: number) {
  const size = [CELLS * PIXELS, CELLS * PIXELS] as const;
  const words = Object.keys(TOY_VOCABULARY.refexp_token_to_idx).length;
  return {
    // As wide a head as the small preset's: a quarter of so few channels may begin dead.
    engine: new ExecutionEngine(device, { tokens, features: COLOURS.length, dim: 16, headWidth: 32, size, seed }),
    generator: new ProgramGenerator(device, {
      words,
      tokens: tokens.names.length,
      wordDim: 8,
      hidden: 16,
      layers: 1,
      seed,
    }),
  };
}

/**
 * Distinct programs of up to two relations, as numbers, with their expressions. The tests fix their seed, as that of the toy's
 * samples: they ask for learning, which no draw of data is sure of in so few steps.
 */
function programsAbout(count: number, random: Random): { words: number[][]; programs: number[][] } {
  // 4–11: a property and its filter; 12–15: a relation; 16: scene.
  const seen = new Map<string, { words: number[]; program: number[] }>();
  while (seen.size < count) {
    const hops = random.integer(0, 3), words = [START], nodes: number[] = [];
    for (let hop = 0; hop <= hops; hop++) {
      const property = random.integer(4, 12), relation = random.integer(12, 16);
      words.push(property, ...hop < hops ? [relation] : []);
      nodes.push(property, ...hop < hops ? [relation] : []);
    }
    seen.set(words.join(), { words: [...words, END], program: [START, ...nodes, 16, END] });
  }
  return {
    words: [...seen.values()].map(({ words }) => words),
    programs: [...seen.values()].map(({ program }) => program),
  };
}

function padded(rows: readonly (readonly number[])[]) {
  const length = Math.max(...rows.map((row) => row.length));
  const data = new Int32Array(rows.length * length);
  rows.forEach((row, i) => data.set(row, i * length));
  return { data, count: rows.length, length };
}

Deno.test("the program generator over-fits 200 programs, every token of each", async () => {
  await using device = await Device.open();
  using generator = new ProgramGenerator(device, {
    words: 17,
    tokens: 18,
    wordDim: 24,
    hidden: 64,
    layers: 1,
    seed: 1,
  });
  using optimiser = new Adam(device, generator.trainable(), { rate: 1e-2 });
  const { words, programs } = programsAbout(200, randomFor("over-fitting programs", 1));
  const [x, y] = [padded(words), padded(programs)];
  let right = 0;
  for (let step = 1; step <= 300 && right < 200; step++) {
    using _scope = device.scope();
    optimiser.rate = 1e-2 / (1 + step / 60);
    generator.loss(x, y).backward();
    optimiser.step();
    generator.zeroGrad();
    if (step % 20 > 0) continue;
    const { programs: { data, length } } = await generator.decode(x, "likeliest");
    right = programs.filter((program, n) => {
      const got = data.subarray(n * length, (n + 1) * length);
      return program.slice(1).every((token, t) => got[t] === token);
    }).length;
  }
  strictEqual(right, 200);
});

/**
 * An engine that finds the masks of all `samples` by annotated programs, with a cumulative IoU above 0.9. The head's narrow
 * layer may be dead from the start, which another seed mends (papers/iep-ref.md#mask-head).
 */
async function learntEngine(device: Device, samples: Samples): Promise<{ engine: ExecutionEngine; iou: number }> {
  const indices = all(samples.size), trees = samples.trees(indices, tokens);
  for (let seed = 1;; seed++) {
    const { engine, generator } = toyModels(device, seed);
    generator[Symbol.dispose]();
    using optimiser = new Adam(device, engine.trainable(), { rate: 5e-3 });
    using updates = new Accumulation(engine, optimiser);
    let iou = 0;
    for (let step = 1; step <= 300 && iou <= 0.9; step++) {
      engineUpdate(engine, updates, samples, partsOf(indices), [trees]).values.dispose();
      if (step % 25 > 0) continue;
      const options = { programs: "truth", batch: 64, tokens } as const;
      const { overlaps } = await evaluateSamples({ engine, generator: null }, samples, options);
      iou = scoreMasks(overlaps!).cumulativeIou!;
      if (step >= 50 && iou < 0.05) break;
    }
    if (iou > 0.9 || seed === 4) return { engine, iou };
    engine[Symbol.dispose]();
  }
}

let learnt: { readonly weights: ReadonlyMap<string, Float32Array<ArrayBuffer>>; readonly iou: number } | undefined;

/** The engine that has learnt the toy's samples, and its IoU on them; it is trained once. */
async function toyEngine(device: Device, samples: Samples): Promise<{ engine: ExecutionEngine; iou: number }> {
  if (!learnt) {
    const { engine, iou } = await learntEngine(device, samples);
    using trained = engine;
    const read = [...trained.parameters()].map(async ({ name, tensor }) =>
      [name, await tensor.data() as Float32Array<ArrayBuffer>] as const
    );
    learnt = { weights: new Map(await Promise.all(read)), iou };
  }
  const { engine, generator } = toyModels(device, 1);
  generator[Symbol.dispose]();
  for (const { name, tensor } of engine.parameters()) tensor.write(learnt.weights.get(name)!);
  return { engine, iou: learnt.iou };
}

/** The toy's samples. Whether and when so small a set is learnt is luck; with a seed of its own the tests repeat themselves. */
async function withSamples(body: (device: Device, samples: Samples) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const files = await writeToy(folder, "train", 32, randomFor("joint training", 3));
    using samples = await Samples.open(files.refexps, files.features, TOY_VOCABULARY);
    await using device = await Device.open();
    await body(device, samples);
  });
}

Deno.test("the execution engine over-fits 32 samples", async () => {
  await withSamples(async (device, samples) => {
    const { engine, iou } = await toyEngine(device, samples);
    engine[Symbol.dispose]();
    ok(iou > 0.9, `IoU is ${iou}`);
    strictEqual(device.memory.liveTensors, 0);
  });
});

/** The start of joint training: samples, an engine trained on them, an untrained generator. */
async function withToy(
  generatorSeed: number,
  body: (
    toy: { device: Device; samples: Samples; engine: ExecutionEngine; generator: ProgramGenerator },
  ) => Promise<void>,
): Promise<void> {
  await withSamples(async (device, samples) => {
    using engine = (await toyEngine(device, samples)).engine;
    const { generator, engine: unused } = toyModels(device, generatorSeed);
    unused[Symbol.dispose]();
    using _generator = generator;
    await body({ device, samples, engine, generator });
  });
}

Deno.test("joint training raises the mean reward of a half-trained generator", async () => {
  // So small a generator may also collapse: by update 120 seed 1 had fallen by .32 (at a third of the rate too), seeds 2 and 3
  // had risen by .15 and .02.
  await withToy(2, async ({ device, samples, engine, generator }) => {
    using second = new Adam(device, generator.trainable(), { rate: 1e-2 });
    const sampled = { programs: "predicted", batch: 32, tokens, draw: { seed: 1, temperature: 1 } } as const;
    using programs = new GeneratorUpdates(generator, second);
    for (let step = 1, right = 0; right < 16 && step < 300; step++) {
      programs.run(samples.words(all(32)), samples.programs(all(32))).values.dispose();
      if (step % 10 > 0) continue;
      const { exact } = await evaluateSamples({ generator, engine: null }, samples, sampled);
      right = exact!.filter(Boolean).length;
    }
    // The engine would forget masks if it learnt fast from wrong programs.
    using first = new Adam(device, engine.trainable(), { rate: 2e-4 });
    second.rate = 3e-3;
    using engineUpdates = new Accumulation(engine, first);
    using generatorUpdates = new Accumulation(generator, second);
    const updates = { engine: engineUpdates, generator: generatorUpdates };
    const joint = { generator, engine, updates, tokens, decay: 0.9, mask: "after_end" as const };
    const rewards: number[] = [],
      mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / 10;
    let baseline = 0, gain = 0;
    const drawnFirst = await evaluateSamples({ generator, engine: null }, samples, sampled);
    for (let step = 0; step < 300 && gain < 0.08; step++) {
      const done = await jointUpdate(joint, samples, partsOf(all(32)), { seed: 1, step }, baseline);
      const reward = (done.losses.values as number[])[3];
      ok(Math.abs(done.baseline - (0.9 * baseline + 0.1 * reward)) < 1e-12, "the baseline moves before it is used");
      if (step === 0) {
        const { names, values } = done.losses, at = (name: string): number => (values as number[])[names.indexOf(name)];
        ok(drawnFirst.illFormed > 0 && drawnFirst.illFormed >= drawnFirst.overLong, "no draw is ill-formed");
        deepStrictEqual([at("ill_formed"), at("over_long")], [drawnFirst.illFormed / 32, drawnFirst.overLong / 32]);
      }
      baseline = done.baseline;
      rewards.push(reward);
      if (step >= 20) gain = mean(rewards.slice(-10)) - mean(rewards.slice(0, 10));
    }
    ok(gain >= 0.08, `the reward rose by ${gain} from ${mean(rewards.slice(0, 10))}`);
  });
});

/** All weights of a generator. */
async function weightsOf(generator: ProgramGenerator): Promise<number[]> {
  const found: number[] = [];
  for (const { tensor } of generator.parameters()) found.push(...await tensor.data());
  return found;
}

Deno.test("with the likeliest program's reward as baseline, a draw of that program gives the generator no gradient", async () => {
  await withToy(2, async ({ device, samples, engine, generator }) => {
    using first = new Adam(device, engine.trainable(), { rate: 1e-4 });
    using second = new Adam(device, generator.trainable(), { rate: 1e-2 });
    using engineUpdates = new Accumulation(engine, first);
    using generatorUpdates = new Accumulation(generator, second);
    const updates = { engine: engineUpdates, generator: generatorUpdates };
    const joint = {
      generator,
      engine,
      updates,
      tokens,
      against: "likeliest" as const,
      decay: 0.9,
      mask: "after_end" as const,
    };
    const before = await weightsOf(generator);
    const cold = await jointUpdate(joint, samples, partsOf(all(32)), { seed: 1, step: 0, temperature: 1e-4 }, 0);
    const { names, values } = cold.losses as { names: readonly string[]; values: readonly number[] };
    const value = (name: string): number => values[names.indexOf(name)];
    ok(value("reward") > 0, "there is something to reward");
    strictEqual(value("likeliest_reward"), value("reward"));
    deepStrictEqual(await weightsOf(generator), before);
    await jointUpdate(joint, samples, partsOf(all(32)), { seed: 1, step: 1, temperature: 1 }, 0);
    ok((await weightsOf(generator)).some((v, i) => v !== before[i]), "other draws change it");
  });
});

Deno.test("of several draws of an expression each distinct program is run once, and its own reward is not its baseline", async () => {
  deepStrictEqual(aboveOthers([1, 0, 0.5, 2, 4, 6], 3), [0.75, -0.75, 0, -3, 0, 3]);
  await withToy(2, async ({ device, samples, engine, generator }) => {
    using first = new Adam(device, engine.trainable(), { rate: 1e-4 });
    using second = new Adam(device, generator.trainable(), { rate: 1e-2 });
    using engineUpdates = new Accumulation(engine, first);
    using generatorUpdates = new Accumulation(generator, second);
    const updates = { engine: engineUpdates, generator: generatorUpdates };
    const joint = { generator, engine, updates, tokens, decay: 0.9, mask: "after_end" as const };
    const figures = async (step: number, temperature: number) => {
      const done = await jointUpdate(
        { ...joint, against: "others", draws: 4 },
        samples,
        partsOf(all(32)),
        { seed: 1, step, temperature },
        0,
      );
      const { names, values } = done.losses as { names: readonly string[]; values: readonly number[] };
      return Object.fromEntries(names.map((name, i) => [name, values[i]]));
    };
    const before = await weightsOf(generator), cold = await figures(0, 1e-4);
    // All draws are the likeliest: one is run, and none is better than the others.
    deepStrictEqual([cold.distinct, cold.advantage], [1, 0]);
    deepStrictEqual(await weightsOf(generator), before);
    const warm = await figures(1, 2);
    ok(warm.distinct > 1.5 && warm.distinct <= 4, `${warm.distinct} distinct programs`);
    ok(warm.advantage > 0);
    ok((await weightsOf(generator)).some((v, i) => v !== before[i]));
  });
});

Deno.test("a joint update follows the gradient at the temperature its programs were drawn at", async () => {
  await withToy(2, async ({ device, samples, engine, generator }) => {
    const batch = all(32), choice = { seed: 1, step: 0, temperature: 2 }, rate = 1e-3;
    using first = new SGD(device, engine.trainable(), { rate: 1e-9 });
    using second = new SGD(device, generator.trainable(), { rate });
    const { programs, drawn } = await generator.decode(samples.words(batch), choice);
    const rewards = rewardsOf(await overlapsOf(engine, samples, batch, treesOf(programs, tokens)));
    const mean = rewards.reduce((a, b) => a + b) / rewards.length;
    const weights = async (): Promise<Float32Array[]> => {
      const read: Float32Array[] = [];
      for (const { tensor } of generator.parameters()) read.push(await tensor.data() as Float32Array);
      return read;
    };
    const gradients: Float32Array[] = [];
    {
      using _scope = device.scope();
      const advantages = rewards.map((r) => r - mean);
      generator.reinforceLoss(samples.words(batch), drawn, advantages, "none", choice.temperature).backward();
      for (const { tensor } of generator.parameters()) gradients.push(await tensor.grad!.data() as Float32Array);
      generator.zeroGrad();
    }
    const before = await weights();
    using engineUpdates = new Accumulation(engine, first);
    using generatorUpdates = new Accumulation(generator, second);
    const updates = { engine: engineUpdates, generator: generatorUpdates };
    const joint = { generator, engine, updates, tokens, decay: 0, mask: "none" as const };
    await jointUpdate(joint, samples, partsOf(batch), choice, 0);
    const largest = Math.max(
      ...gradients.map((gradient) => gradient.reduce((most, v) => Math.max(most, Math.abs(v)), 0)),
    );
    (await weights()).forEach((after, k) =>
      after.forEach((v, i) => {
        const moved = (before[k][i] - v) / rate;
        ok(Math.abs(moved - gradients[k][i]) < 2e-3 * largest, `${k}, ${i}: ${moved}, not ${gradients[k][i]}`);
      })
    );
  });
});
