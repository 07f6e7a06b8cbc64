/** Updates in parts: draws, gradients and baselines of the whole batch, and runs that go on with the same bits. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Adam, Device, type Module, type Optimiser, SGD } from "../../../../engine/mod.ts";
import { decodeSafetensors } from "../../../../engine/safetensors.ts";
import { programTokens } from "../../../../model/refplus/build.ts";
import { ExecutionEngine } from "../../../../model/refplus/engine/execution_engine.ts";
import { GeneratorUpdates } from "../../../../model/refplus/generator/generator_updates.ts";
import { ProgramGenerator } from "../../../../model/refplus/generator/program_generator.ts";
import { Accumulation } from "../../../../model/refplus/training/accumulation.ts";
import { REFPLUS_RUNS } from "../../../../model/refplus/training/config.ts";
import { Samples } from "../../../../model/refplus/training/samples.ts";
import { trainRefplus } from "../../../../model/refplus/training/trainer.ts";
import { jointUpdate } from "../../../../model/refplus/training/joint_update.ts";
import { engineUpdate, partsOf } from "../../../../model/refplus/training/updates.ts";
import { Interrupted } from "../../../../model/run/hooks.ts";
import type { Json } from "../../../../model/run/layers.ts";
import { listCheckpoints, RunFolder } from "../../../../model/run/run_folder.ts";
import { withFolder } from "../../../support/folder.ts";
import { withRandom } from "../../../support/random.ts";
import { CELLS, COLOURS, PIXELS, TOY_VOCABULARY, writeToy } from "../../../support/refplus/toy_refplus.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const tokens = programTokens(TOY_VOCABULARY), SEED = 5;
const batch = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

const newEngine = (device: Device): ExecutionEngine => {
  const size = [CELLS * PIXELS, CELLS * PIXELS] as const;
  return new ExecutionEngine(device, { tokens, features: COLOURS.length, dim: 6, headWidth: 16, size, seed: SEED });
};

const newGenerator = (device: Device): ProgramGenerator => {
  const words = Object.keys(TOY_VOCABULARY.refexp_token_to_idx).length;
  const sizes = { words, tokens: tokens.names.length, wordDim: 6, hidden: 8, layers: 1 };
  return new ProgramGenerator(device, { ...sizes, seed: SEED });
};

async function withSamples(work: (device: Device, samples: Samples) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await withRandom("accumulation", async (random) => {
      const files = await writeToy(folder, "train", batch.length, random);
      using samples = await Samples.open(files.refexps, files.features, TOY_VOCABULARY, null);
      await using device = await Device.open();
      await work(device, samples);
    });
  });
}

/** Gradients as an optimiser's first update takes them: its velocities, in the order of its parameters. */
async function gradientsBy(model: Module, work: (sgd: Optimiser) => Promise<void> | void): Promise<Float32Array[]> {
  using sgd = new SGD(model.device, model.trainable(), { rate: 1e-12, momentum: 0.5 });
  await work(sgd);
  const velocities = sgd.parameters.map(({ name }) => sgd.state.get(`${name}.velocity`)!);
  return await Promise.all(velocities.map((v) => v.data())) as Float32Array[];
}

/** Throws unless a mean by counts of gradients is `got`, but for its own roundings. */
function assertMean(
  got: readonly Float32Array[],
  parts: readonly (readonly Float32Array[])[],
  counts: readonly number[],
) {
  const of = counts.reduce((a, b) => a + b, 0);
  let compared = 0;
  got.forEach((own, p) =>
    own.forEach((v, i) => {
      const terms = parts.map((part, n) => counts[n] * part[p][i] / of);
      const size = terms.reduce((sum, t) => sum + Math.abs(t), 0);
      // A product and a sum for each part, and the division.
      ok(Math.abs(v - terms.reduce((a, b) => a + b, 0)) <= (2 * parts.length + 1) * 2 ** -24 * size, `${p} ${i}: ${v}`);
      if (terms.every((t) => t !== 0)) compared++;
    })
  );
  ok(compared > 50, `only ${compared} numbers have gradients of all parts`);
}

Deno.test("parts are one behind the other, of sizes that differ by one at most, and never empty", () => {
  const sizes = (count: number, parts?: number): number[] =>
    partsOf(batch.slice(0, count), parts).map(({ samples }) => samples.length);
  deepStrictEqual([sizes(11), sizes(8, 2), sizes(3, 5)], [[11], [4, 4], [1, 1, 1]]);
  for (const parts of [2, 3, 4, 5]) {
    const made = partsOf(batch, parts), lengths = made.map(({ samples }) => samples.length);
    deepStrictEqual(made.flatMap(({ samples }) => samples), batch);
    ok(Math.max(...lengths) - Math.min(...lengths) <= 1, lengths.join());
    deepStrictEqual(made.map(({ first, number }) => [batch[first], number]), made.map((p, i) => [p.samples[0], i]));
  }
});

Deno.test("a part's expressions draw what they draw in the whole batch", async () => {
  await withSamples(async (device, samples) => {
    using generator = newGenerator(device);
    const choice = { seed: 3, step: 7, temperature: 1.5 };
    const whole = await generator.decode(samples.words(batch), choice);
    for (const { samples: own, first } of partsOf(batch, 3)) {
      const rows = { first, of: batch.length }, part = await generator.decode(samples.words(own), { ...choice, rows });
      const row = ({ data, length }: typeof whole.programs, n: number): number[] =>
        [...data.subarray(n * length, (n + 1) * length)].filter((token) => token !== 0);
      own.forEach((_, n) => deepStrictEqual(row(part.programs, n), row(whole.programs, first + n)));
    }
  });
});

Deno.test("the engine's update in parts is by the mean of the parts' gradients, with the batch's losses", async () => {
  await withSamples(async (device, samples) => {
    const trees = (own: readonly number[]) => samples.trees(own, tokens);
    const update = async (own: readonly number[], count: number) => {
      using engine = newEngine(device);
      let losses: number[] = [];
      const gradients = await gradientsBy(engine, async (sgd) => {
        using updates = new Accumulation(engine, sgd);
        const parts = partsOf(own, count);
        const { values } = engineUpdate(engine, updates, samples, parts, parts.map((part) => trees(part.samples)));
        losses = [...await values.data()];
        values.dispose();
      });
      return { gradients, losses };
    };
    const parts = partsOf(batch, 3), counts = parts.map((part) => part.samples.length);
    const alone = [];
    for (const part of parts) alone.push(await update(part.samples, 1));
    const { gradients, losses } = await update(batch, 3);
    assertMean(gradients, alone.map((one) => one.gradients), counts);
    const whole = await update(batch, 1);
    // Intersection and union are counts of pixels.
    deepStrictEqual(losses.slice(1), whole.losses.slice(1));
    ok(Math.abs(losses[0] - whole.losses[0]) < 1e-5 * whole.losses[0], `${losses[0]}, ${whole.losses[0]}`);
    strictEqual(device.memory.liveTensors, 0);
  });
});

Deno.test("the generator's update in parts is by the mean of the parts' gradients, replayed too", async () => {
  await withSamples(async (device, samples) => {
    const given = (own: readonly number[]) => [samples.words(own), samples.programs(own)] as const;
    const update = async (own: readonly number[], count: number, times = 1): Promise<Float32Array[]> => {
      using generator = newGenerator(device);
      return await gradientsBy(generator, (sgd) => {
        using updates = new GeneratorUpdates(generator, sgd);
        for (let i = 0; i < times; i++) {
          updates.runParts(partsOf(own, count).map((part) => given(part.samples))).values.dispose();
        }
      });
    };
    const parts = partsOf(batch, 2), alone = [];
    for (const part of parts) alone.push(await update(part.samples, 1));
    const gradients = await update(batch, 2);
    assertMean(gradients, alone, parts.map((part) => part.samples.length));
    // Weights hardly move: with momentum the third, which is replayed, makes it 1.75 times the first.
    const third = await update(batch, 2, 3);
    const largest = Math.max(...gradients.map((own) => own.reduce((most, v) => Math.max(most, Math.abs(v)), 0)));
    third.forEach((own, p) =>
      own.forEach((v, i) => ok(Math.abs(v - 1.75 * gradients[p][i]) < 1e-5 * largest, `${p} ${i}: ${v}`))
    );
  });
});

Deno.test("a joint update in parts has the rewards, the baseline and the gradients of the whole batch", async () => {
  await withSamples(async (device, samples) => {
    // Some of its draws are whole programs.
    using learnt = newGenerator(device);
    {
      using adam = new Adam(device, learnt.trainable(), { rate: 1e-2 });
      using updates = new GeneratorUpdates(learnt, adam);
      for (let i = 0; i < 40; i++) updates.run(samples.words(batch), samples.programs(batch)).values.dispose();
    }
    for (
      const [against, draws, entropy] of [
        ["moving", 1, 0],
        ["likeliest", 1, 0],
        ["others", 4, 0.1],
        ["likeliest", 3, 0],
      ] as const
    ) {
      const update = async (count: number) => {
        using engine = newEngine(device);
        using generator = newGenerator(device);
        const own = [...generator.parameters()];
        for (const [i, { tensor }] of [...learnt.parameters()].entries()) own[i].tensor.copyFrom(tensor);
        const made: { names: readonly string[]; values: readonly number[]; baseline: number }[] = [];
        const gradients = await gradientsBy(generator, async (second) => {
          using first = new SGD(device, engine.trainable(), { rate: 1e-3 });
          using engineUpdates = new Accumulation(engine, first);
          using generatorUpdates = new Accumulation(generator, second);
          const updates = { engine: engineUpdates, generator: generatorUpdates };
          const how = { against, draws, entropy, decay: 0.5, mask: "after_end" as const };
          const joint = { generator, engine, updates, tokens, ...how };
          const done = await jointUpdate(joint, samples, partsOf(batch, count), { seed: 1, step: 2 }, 0.25);
          made.push({ names: done.losses.names, values: done.losses.values as number[], baseline: done.baseline });
        });
        return { gradients, ...made[0] };
      };
      const [whole, parts] = [await update(1), await update(3)];
      deepStrictEqual(parts.names, whole.names);
      const [, ...counted] = whole.values, [loss, ...own] = parts.values;
      own.forEach((v, i) => ok(Math.abs(v - counted[i]) < 1e-6, `${whole.names[i + 1]}: ${v}, ${counted[i]}`));
      ok(Math.abs(loss - whole.values[0]) < 1e-5, `${loss}`);
      ok(Math.abs(parts.baseline - whole.baseline) < 1e-6);
      const largest = Math.max(...whole.gradients.map((v) => v.reduce((most, x) => Math.max(most, Math.abs(x)), 0)));
      ok(largest > 0 || against === "likeliest");
      whole.gradients.forEach((want, p) =>
        want.forEach((v, i) => ok(Math.abs(v - parts.gradients[p][i]) <= 1e-5 * largest, `${against} ${p} ${i}`))
      );
    }
  });
});

/** Trains a tiny run; stops after `until` updates where given. */
async function train(path: string, settings: Json | null, until?: number): Promise<void> {
  using folder = settings === null
    ? await RunFolder.resume(path, [], REFPLUS_RUNS)
    : await RunFolder.create(path, [{ source: "test", value: settings }], REFPLUS_RUNS);
  const stop = new AbortController();
  await trainRefplus(folder, { signal: stop.signal, onStep: (done) => done + 1 === until && stop.abort() });
}

Deno.test("runs in parts stop, go on and end with the bits of runs never stopped; more parts than samples are refused", async () => {
  await withFolder(async (folder) => {
    await withRandom("accumulating runs", async (random) => {
      const files = await writeToy(folder, "train", 13, random), at = (name: string): string => join(folder, name);
      for (const stage of ["pg", "ee-gt", "joint"] as const) {
        const settings = {
          stage,
          steps: 4,
          batch: 5,
          accumulate: 2,
          data: { trainRefexps: files.refexps, trainFeatures: files.features, vocabulary: files.vocabulary },
          generator: { wordDim: 6, hidden: 8, layers: 1 },
          engine: { dim: 4, headWidth: 32 },
          start: {
            programGenerator: stage === "joint" ? at("pg") : null,
            executionEngine: stage === "joint" ? at("ee-gt") : null,
          },
          displayEvery: 2,
          checkpointEvery: 2,
        };
        await train(at(stage), settings);
        await rejects(train(at(`${stage} stopped`), settings, 3), Interrupted);
        await train(at(`${stage} stopped`), null);
        const last = (name: string) => decodeSafetensors(Deno.readFileSync(listCheckpoints(at(name)).at(-1)!.path));
        const [whole, resumed] = [last(stage), last(`${stage} stopped`)];
        strictEqual(resumed.metadata.step, "4");
        for (const [name, { data }] of whole.tensors) {
          ok(data.every((v, i) => v === resumed.tensors.get(name)!.data[i]), `${stage}: ${name}`);
        }
        const log = (name: string): Uint8Array => Deno.readFileSync(join(at(name), "metrics.jsonl"));
        deepStrictEqual(log(`${stage} stopped`), log(stage));
        await rejects(
          train(at("refused"), { ...settings, accumulate: 6 }),
          /^UserError: accumulate: 5 expressions make at most 5 parts/,
        );
      }
    });
  });
});
