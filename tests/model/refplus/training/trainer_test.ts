import { deepStrictEqual, notDeepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { basename, join } from "node:path";
import { generateRefPlus } from "../../../../datasets/refplus/language/generate.ts";
import { refPlusFiles } from "../../../../datasets/refplus/files/layout.ts";
import { preprocessRefexps } from "../../../../datasets/refplus/encoding/preprocess.ts";
import { openModels } from "../../../../cli/refplus/models.ts";
import { Device, saveTensors } from "../../../../engine/mod.ts";
import { decodeSafetensors } from "../../../../engine/safetensors.ts";
import { completed, REFPLUS_RUNS, type Stage } from "../../../../model/refplus/training/config.ts";
import { extractFeatures } from "../../../../model/refplus/extractor/extract_features.ts";
import { pixelExtractor } from "../../../../model/refplus/extractor/extractors.ts";
import { buildEngine } from "../../../../model/refplus/build.ts";
import {
  checkpointTensors,
  generatorFor,
  generatorOf,
  readRefplusCheckpoint,
  refplusFacts,
} from "../../../../model/refplus/checkpoint.ts";
import { checkpointMetadata } from "../../../../model/run/checkpoint.ts";
import type { ProgramGenerator } from "../../../../model/refplus/generator/program_generator.ts";
import type { Validation } from "../../../../model/refplus/training/training_state.ts";
import { trainRefplus } from "../../../../model/refplus/training/trainer.ts";
import { Interrupted } from "../../../../model/run/hooks.ts";
import type { Json } from "../../../../model/run/layers.ts";
import { listCheckpoints, RunFolder } from "../../../../model/run/run_folder.ts";
import { withFolder } from "../../../support/folder.ts";
import { withRandom } from "../../../support/random.ts";
import { TOY_VOCABULARY, type ToyFiles, writeToy } from "../../../support/refplus/toy_refplus.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

/** Settings of a tiny run of a stage. */
function tiny(stage: Stage, train: ToyFiles, val: ToyFiles, more: Record<string, Json> = {}): Json {
  return {
    stage,
    steps: 6,
    batch: 5,
    data: {
      trainRefexps: train.refexps,
      trainFeatures: train.features,
      valRefexps: val.refexps,
      valFeatures: val.features,
      vocabulary: train.vocabulary,
    },
    generator: { wordDim: 6, hidden: 8, layers: 1 },
    engine: { dim: 4, headWidth: 32, headChunk: 3 },
    displayEvery: 2,
    validateEvery: 3,
    checkpointEvery: 2,
    ...more,
  };
}

/** Begins a run, or goes on with it; stops after `until` updates where given. */
async function train(path: string, settings: Json | null, until?: number): Promise<Validation | null> {
  using folder = settings === null
    ? await RunFolder.resume(path, [], REFPLUS_RUNS)
    : await RunFolder.create(path, [{ source: "test", value: settings }], REFPLUS_RUNS);
  const stop = new AbortController();
  return await trainRefplus(folder, {
    signal: stop.signal,
    onStep: (done) => done + 1 === until && stop.abort(),
  });
}

/** Files that must be the same in two runs, byte for byte. */
function outcome(run: string): Map<string, Uint8Array> {
  const paths = [join(run, "metrics.jsonl"), ...listCheckpoints(run).map(({ path }) => path)];
  return new Map(paths.map((path) => [basename(path), Deno.readFileSync(path)]));
}

Deno.test("every stage of the training stops, goes on and ends with the bits of a run never stopped", async () => {
  await withFolder(async (folder) => {
    await withRandom("refplus runs", async (random) => {
      const [files, val] = [await writeToy(folder, "train", 17, random), await writeToy(folder, "val", 6, random)];
      const at = (name: string): string => join(folder, name);
      for (
        const [stage, message] of [
          ...(["pg", "ee-gt", "ee-pred", "joint"] as const).map((stage) => [stage, "features"] as const),
          ["ee-gt", "attention"] as const,
          ["joint", "attention"] as const,
        ]
      ) {
        const name = `${stage} ${message}`;
        const settings = tiny(stage, files, val, {
          optimiser: { rate: 1e-2 },
          engine: { dim: 4, headWidth: 32, headChunk: 3, message },
          start: {
            programGenerator: stage === "pg" || stage === "ee-gt" ? null : at("pg features"),
            executionEngine: stage === "joint" ? at(`ee-gt ${message}`) : null,
          },
        });
        const last = await train(at(name), settings);
        await rejects(train(at(`${name} stopped`), settings, 3), Interrupted);
        deepStrictEqual(listCheckpoints(at(`${name} stopped`)).map(({ step }) => step), [2, 3]);
        deepStrictEqual(await train(at(`${name} stopped`), null), last);
        const [whole, resumed] = [outcome(at(name)), outcome(at(`${name} stopped`))];
        deepStrictEqual([...resumed.keys()], [...whole.keys()]);
        for (const [file, bytes] of whole) {
          strictEqual(bytes.findIndex((byte, i) => byte !== resumed.get(file)![i]), -1, `${name}: ${file}`);
        }
        strictEqual(last!.step, 6);
        strictEqual(last!.exactMatch !== undefined, stage === "pg" || stage === "joint");
        strictEqual(last!.iou !== undefined, stage !== "pg");
        const { tensors, metadata } = decodeSafetensors(whole.get("step_00000006.safetensors")!);
        const holds = (prefix: string): boolean => [...tensors.keys()].some((name) => name.startsWith(prefix));
        deepStrictEqual(
          ["program_generator.", "execution_engine.", "optimiser.program_generator.", "optimiser.execution_engine."]
            .map(holds),
          {
            pg: [true, false, true, false],
            "ee-gt": [false, true, false, true],
            "ee-pred": [true, true, false, true],
            joint: [true, true, true, true],
          }[stage],
        );
        ok(JSON.parse(metadata.vocabulary).program_token_to_idx.scene > 3);
        if (stage !== "joint") strictEqual(metadata.baseline, "0");
      }
    });
  });
});

Deno.test("missing settings are named", async () => {
  await withFolder(async (folder) => {
    await withRandom("refplus mistakes", async (random) => {
      const files = await writeToy(folder, "train", 8, random);
      const create = (value: Json) => RunFolder.create(join(folder, "run"), [{ source: "test", value }], REFPLUS_RUNS);
      const data = { trainRefexps: files.refexps, vocabulary: files.vocabulary };
      await rejects(create({ stage: "ee-gt", data }), /--stage ee-gt needs --train_features_h5/);
      await rejects(
        create({ stage: "joint", data: { ...data, trainFeatures: files.features } }),
        /needs --program_generator_start/,
      );
      await rejects(create({ stage: "pgg", data }), /--stage: choose one of pg, ee-gt, ee-pred, joint/);
      await rejects(create({ stage: "pg", preset: "huge", data }), /--preset huge: is none of reference, small/);
      await rejects(
        create({ stage: "pg", data, engine: { dims: 4 } }),
        /unknown key "engine.dims"; did you mean "engine.dim"/,
      );
      const both = { programGenerator: "pg", executionEngine: "ee" }, scenes = { trainScenes: "scenes.json" };
      const pictures = { ...data, trainFeatures: files.features };
      const spec = { features: [3, 4, 5], extractor: "none", masks: [8, 8] } as const;
      const engine = { dim: 4, message: "attention" };
      const { config } = await create({ stage: "ee-gt", data: pictures, engine });
      await using device = await Device.open();
      throws(
        () => buildEngine(device, config, TOY_VOCABULARY, spec),
        /does not fit features of 4 × 5: .*; encode expressions with other --height and --width/,
      );
      await rejects(
        create({
          stage: "joint",
          data: { ...pictures, ...scenes },
          start: both,
          nodeLoss: { weight: 1, inputs: "groundTruth" },
        }),
        /nodeLoss\.inputs: joint training rewards whole programs, without teacher forcing; set predicted/,
      );
      const other = join(folder, "other.json");
      await Deno.writeTextFile(
        other,
        JSON.stringify({
          refexp_token_to_idx: { "<NULL>": 0, "<START>": 1, "<END>": 2, "<UNK>": 3 },
          program_token_to_idx: { "<NULL>": 0, "<START>": 1, "<END>": 2, "<UNK>": 3, scene: 4 },
        }),
      );
      await rejects(
        train(join(folder, "other"), { stage: "pg", data: { ...data, vocabulary: other } }),
        /train\.h5: was encoded with another vocabulary/,
      );
    });
  });
});

Deno.test("a run has the sizes of the models it begins from, when it goes on too", async () => {
  await withFolder(async (folder) => {
    await withRandom("refplus sizes", async (random) => {
      const [files, val] = [await writeToy(folder, "train", 12, random), await writeToy(folder, "val", 4, random)];
      const at = (name: string): string => join(folder, name);
      for (const stage of ["pg", "ee-gt"] as const) await train(at(stage), tiny(stage, files, val, { steps: 1 }));
      const other = { wordDim: 5, hidden: 4, layers: 2, labelSmoothing: 0.25 }, engine = { dim: 8, headChunk: 2 };
      const start = { programGenerator: at("pg"), executionEngine: at("ee-gt") };
      const settings = tiny("joint", files, val, { steps: 4, start, generator: other, engine });
      await rejects(train(at("joint"), settings, 3), Interrupted);
      await train(at("joint"), null);
      const { config, step } = await readRefplusCheckpoint(at("joint"));
      deepStrictEqual([step, config.generator.hidden, config.engine.dim], [4, 8, 4]);
      // What is no size is this run's own.
      deepStrictEqual([config.generator.labelSmoothing, config.engine.headChunk], [0.25, 2]);
    });
  });
});

Deno.test("in joint training the engine learns at its own share of the rate", async () => {
  await withFolder(async (folder) => {
    await withRandom("refplus rates", async (random) => {
      const [files, val] = [await writeToy(folder, "train", 12, random), await writeToy(folder, "val", 4, random)];
      const at = (name: string): string => join(folder, name);
      for (const stage of ["pg", "ee-gt"] as const) await train(at(stage), tiny(stage, files, val, { steps: 2 }));
      const start = { programGenerator: at("pg"), executionEngine: at("ee-gt") };
      const moved = async (engineRate: number): Promise<readonly [number, number]> => {
        const path = at(`joint ${engineRate}`);
        await train(path, tiny("joint", files, val, { steps: 1, start, reinforce: { engineRate } }));
        const after = (await readRefplusCheckpoint(path)).tensors;
        const largest = async (which: string, from: string): Promise<number> => {
          const before = (await readRefplusCheckpoint(from)).tensors;
          let most = 0;
          for (const [name, { data }] of before) {
            if (!name.startsWith(which)) continue;
            const [a, b] = [data, after.get(name)!.data].map((bytes) => new Float32Array(bytes.slice().buffer));
            a.forEach((v, i) => most = Math.max(most, Math.abs(v - b[i])));
          }
          return most;
        };
        return [
          await largest("program_generator.", start.programGenerator),
          await largest("execution_engine.", start.executionEngine),
        ];
      };
      // Adam's first update moves weights by the rate.
      const [[one, whole], [same, tenth]] = [await moved(1), await moved(0.1)];
      ok(whole > 0, "the engine has not moved");
      strictEqual(same, one);
      ok(Math.abs(tenth / whole - 0.1) < 0.01, `${tenth} of ${whole}`);
    });
  });
});

Deno.test("a generator goes on with more words, whose vectors begin near zero", async () => {
  await withFolder(async (folder) => {
    await withRandom("refplus words", async (random) => {
      const [files, val] = [await writeToy(folder, "train", 12, random), await writeToy(folder, "val", 4, random)];
      await train(join(folder, "pg"), tiny("pg", files, val, { steps: 2 }));
      const checkpoint = await readRefplusCheckpoint(join(folder, "pg"));
      const { refexp_token_to_idx: words, ...rest } = checkpoint.vocabulary, count = Object.keys(words).length;
      const more = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`word${i}`, count + i]));
      await using device = await Device.open();
      using before = generatorOf(device, checkpoint);
      using after = generatorFor(device, checkpoint, { ...rest, refexp_token_to_idx: { ...words, ...more } }, 7);
      const weights = async (model: ProgramGenerator, name: string): Promise<number[]> =>
        Array.from(await [...model.parameters()].find((p) => p.name === name)!.tensor.data());
      const [old, grown] = [
        await weights(before, "encoder_embed.weight"),
        await weights(after, "encoder_embed.weight"),
      ];
      deepStrictEqual(grown.slice(0, old.length), old);
      const fresh = grown.slice(old.length),
        spread = Math.sqrt(fresh.reduce((sum, v) => sum + v * v, 0) / fresh.length);
      ok(fresh.length === 200 * 6 && spread > 0.008 && spread < 0.012, `${fresh.length} of ${spread}`);
      deepStrictEqual(await weights(after, "decoder_linear.weight"), await weights(before, "decoder_linear.weight"));

      await train(join(folder, "ee"), tiny("ee-gt", files, val, { steps: 1 }));
      const vocabulary = { ...rest, refexp_token_to_idx: { ...words, ...more } },
        path = join(folder, "more.safetensors");
      const tensors = checkpointTensors({ generator: after, engine: null }, { generator: null, engine: null });
      await Deno.writeFile(
        path,
        await saveTensors(
          tensors,
          checkpointMetadata(
            checkpoint.step,
            checkpoint.config,
            refplusFacts(checkpoint.config, { ...checkpoint, vocabulary }),
          ),
        ),
      );
      await using models = await openModels({
        program_generator: path,
        execution_engine: join(folder, "ee"),
        adapter: "auto",
      });
      deepStrictEqual(models.vocabulary, vocabulary);

      const moved = { ...words, red: words.green, green: words.red };
      // Going on, a run has its own vocabulary; another one in the file's place is noticed.
      await Deno.writeTextFile(
        files.vocabulary,
        JSON.stringify({ ...checkpoint.vocabulary, refexp_token_to_idx: moved }),
      );
      await rejects(
        train(join(folder, "pg"), null),
        /vocab\.json: is another vocabulary than the run's; go on with the one/,
      );
      await Deno.remove(files.vocabulary);
      strictEqual((await train(join(folder, "pg"), null))!.step, 2);
      for (
        const wrong of [{ ...rest, refexp_token_to_idx: moved }, { ...checkpoint.vocabulary, program_token_to_idx: {} }]
      ) {
        throws(
          () => generatorFor(device, checkpoint, wrong, 7),
          /was trained with another vocabulary; only one with more/,
        );
      }
    });
  });
});

Deno.test("smoothing changes the generator's first loss, Adam's second beta what follows its first update", async () => {
  await withRandom("generator settings", async (random) => {
    await withFolder(async (folder) => {
      const files = await writeToy(folder, "train", 12, random);
      const losses = async (name: string, more: Record<string, Json>): Promise<number[]> => {
        const run = join(folder, name);
        await train(run, tiny("pg", files, files, { steps: 3, displayEvery: 1, ...more }));
        const rows = Deno.readTextFileSync(join(run, "metrics.jsonl")).trim().split("\n").map((row) => JSON.parse(row));
        return rows.flatMap(({ loss }) => loss === undefined ? [] : [loss]);
      };
      const sizes = { wordDim: 6, hidden: 8, layers: 1 };
      const plain = await losses("plain", {});
      const [smoothed] = await losses("smoothed", { generator: { ...sizes, labelSmoothing: 0.5 } });
      const other = await losses("beta2", { optimiser: { beta2: 0.5 } });
      strictEqual(plain.length, 3);
      ok(smoothed !== plain[0], `${smoothed}`);
      // However fast the squares' mean decays, after one update it is that update's.
      ok(Math.abs(other[1] - plain[1]) < 1e-6 && other[0] === plain[0], `${other}, ${plain}`);
      ok(Math.abs(other[2] - plain[2]) > 1e-6, `${other}, ${plain}`);
    });
  });
});

Deno.test("settings that an earlier version had not are what it did, in a run's folder and in its checkpoints", () => {
  const data = { trainRefexps: "x.h5", trainFeatures: "f.h5", vocabulary: "v.json" };
  // Except the head's width, which was 32 whatever its number of channels.
  const engine = { dim: 32, headWidth: 32 };
  const whole = REFPLUS_RUNS.begin([{ source: "test", value: { stage: "ee-gt", data, engine } }]);
  const { dice: _dice, engine: { dim }, nodeLoss: { weight, perProgram }, ...rest } = whole;
  const { beta2: _beta2, ...optimiser } = whole.optimiser,
    { labelSmoothing: _smoothing, ...generator } = whole.generator;
  const { stemLayers, headChunk, start } = whole.engine;
  const saved = {
    ...rest,
    optimiser,
    generator,
    engine: { dim, stemLayers, headChunk, start },
    nodeLoss: { weight, perProgram },
  } as unknown as Json;
  deepStrictEqual(REFPLUS_RUNS.resume({ source: "config.json", value: saved }, []), whole);
  deepStrictEqual(completed(saved), whole);
  deepStrictEqual(REFPLUS_RUNS.begin([{ source: "test", value: { stage: "ee-gt", data } }]).engine.headWidth, null);
  deepStrictEqual([whole.dice, whole.engine.dilations, whole.engine.message], [0, [1, 1], "features"]);
  deepStrictEqual([whole.optimiser.beta2, whole.generator.labelSmoothing], [0.999, 0]);
  deepStrictEqual(whole.nodeLoss, {
    weight: 0,
    perProgram: null,
    rarity: 0,
    favour: {},
    inputs: "predicted",
    teacherForcingUntil: null,
  });
});

Deno.test("teacher forcing ends after so many updates", async () => {
  await withFolder(async (folder) => {
    const at = (name: string): string => join(folder, name);
    await generateRefPlus(at("set"), { split: "train", images: 2, refexpsPerImage: 6, maxObjects: 4, zoom: 1.4 });
    const { refexps, scenes, images } = refPlusFiles(at("set"), "train");
    await preprocessRefexps({
      mode: "prefix",
      refexps,
      scenes,
      output: at("train.h5"),
      outputVocabulary: at("vocab.json"),
      examples: -1,
      height: 8,
      width: 8,
      expand: false,
      complete: true,
      threshold: 1,
      encodeUnknown: false,
    });
    await using extractor = pixelExtractor({ height: 16, width: 16 }, 4);
    await extractFeatures(extractor, { pictures: images, output: at("features.h5"), limit: null, batch: 2 });
    const weights = async (name: string, nodeLoss: Json): Promise<readonly (readonly [string, string])[]> => {
      await train(at(name), {
        stage: "ee-gt",
        steps: 3,
        batch: 4,
        data: {
          trainRefexps: at("train.h5"),
          trainFeatures: at("features.h5"),
          trainScenes: scenes,
          vocabulary: at("vocab.json"),
        },
        // A quarter of so few channels would be one, and dead.
        engine: { dim: 4, headWidth: 32, stemLayers: 1, message: "attention" },
        nodeLoss: { weight: 1, perProgram: 2, ...nodeLoss as Record<string, Json> },
        checkpointEvery: 1,
        checkpointKeep: 3,
      });
      const { tensors } = decodeSafetensors(await Deno.readFile(listCheckpoints(at(name)).at(-1)!.path));
      return [...tensors].map(([tensor, { data }]) => [tensor, data.join()] as const);
    };
    const forced = await weights("forced", { inputs: "groundTruth" });
    const predicted = await weights("predicted", { inputs: "predicted" });
    const turning = await weights("turning", { inputs: "groundTruth", teacherForcingUntil: 2 });
    deepStrictEqual(await weights("at once", { inputs: "groundTruth", teacherForcingUntil: 0 }), predicted);
    deepStrictEqual(await weights("never", { inputs: "groundTruth", teacherForcingUntil: 3 }), forced);
    notDeepStrictEqual(turning, forced);
    notDeepStrictEqual(turning, predicted);
  });
});
