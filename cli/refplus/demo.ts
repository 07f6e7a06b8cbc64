/** `itera refplus demo`: makes a small set, trains both models on it and compares them with baselines without learning. */
import { type Command } from "@commander-js/extra-typings";
import { cp } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { generateRefPlus } from "../../datasets/refplus/language/generate.ts";
import { refPlusFiles } from "../../datasets/refplus/files/layout.ts";
import { preprocessRefexps } from "../../datasets/refplus/encoding/preprocess.ts";
import { CELL_RUNS } from "../../model/refplus/extractor/cell_config.ts";
import { REFPLUS_RUNS, type Stage } from "../../model/refplus/training/config.ts";
import { saveDemoReport } from "../../model/refplus/evaluation/demo_report.ts";
import { evaluateSamples } from "../../model/refplus/evaluation/evaluation.ts";
import { extractFeatures } from "../../model/refplus/extractor/extract_features.ts";
import { cellExtractor } from "../../model/refplus/extractor/extractors.ts";
import { programTokens } from "../../model/refplus/build.ts";
import { Samples } from "../../model/refplus/training/samples.ts";
import { scoreByCategory, scoreMasks } from "../../model/refplus/evaluation/scoring.ts";
import { trivialOverlaps } from "../../model/refplus/evaluation/trivial.ts";
import { duration } from "../../engine/base/duration.ts";
import type { Json } from "../../model/run/layers.ts";
import type { Table } from "../../model/run/report/page.ts";
import { RunFolder } from "../../model/run/run_folder.ts";
import { fact, line, notice, table } from "../terminal/output.ts";
import { toSize } from "../terminal/flags.ts";
import { Phases } from "./common.ts";
import { openModels } from "./models.ts";
import { trainCellsRun } from "./extractor.ts";
import { trainRefplusRun } from "./train.ts";

/** Few large objects: a set that two CPU cores can learn in half an hour. */
const WORLD = { maxObjects: 4, zoom: 1.6, balanceCounts: false, patience: 500 };

/** Side of the masks in pixels, which the feature extractor classifies one by one. */
const MASK = 24;

/** Side of the extractor's pictures, of cells of 8 pixels. */
const PICTURE = 96;

const SPLITS = ["train", "val"] as const;

/** The seed and the files of a demonstration. */
interface Places {
  readonly seed: number;
  /** Expressions about each picture. */
  readonly each: number;
  readonly set: string;
  readonly runs: string;
  readonly file: (name: string) => string;
}

/** Adds the command. */
export function addRefplusDemo(refplus: Command, program: Command): void {
  refplus.command("demo")
    .description("make a small set, train both models on it and evaluate them; goes on where it stopped")
    .copyInheritedSettings(program)
    .option("--cache <folder>", "where set, features and runs go", join(".data", "refplus-demo"))
    .option("--seed <n>", "seed of pictures, weights and order; another one wants another --cache", toSize, 1)
    .option("--images <n>", "training pictures", toSize, 1200)
    .option("--val-images <n>", "held-out pictures", toSize, 60)
    .option("--refexps-per-image <n>", "expressions about each picture", toSize, 40)
    .option("--extractor-steps <n>", "updates of the feature extractor", toSize, 1000)
    .option("--pg-steps <n>", "updates of the program generator", toSize, 6000)
    .option("--ee-steps <n>", "updates of the execution engine with annotated programs", toSize, 2100)
    .option("--ee-pred-steps <n>", "further updates of it with predicted ones", toSize, 60)
    .option("--joint-steps <n>", "updates of both by REINFORCE", toSize, 60)
    .action(async (flags) => {
      const start = performance.now();
      const { cache, seed, refexpsPerImage: each } = flags, inside = (name: string): string => join(cache, name);
      const places = { seed, each, set: inside("set"), runs: inside("runs"), file: inside };
      await generate(places, { train: flags.images, val: flags.valImages });
      await trainExtractor(places, flags.extractorSteps);
      await extract(places);
      await trainGenerator(places, flags.pgSteps);
      await run(places, "engine", "ee-gt", {
        steps: flags.eeSteps,
        optimiser: drops(flags.eeSteps, ENGINE_DROPS),
        nodeLoss: { teacherForcingUntil: Math.round(TEACHER_FORCING * flags.eeSteps) },
      });
      const from = (generator: string) => ({
        start: { programGenerator: join(places.runs, generator), executionEngine: join(places.runs, "engine") },
      });
      await run(places, "engine-predicted", "ee-pred", {
        steps: flags.eePredSteps,
        optimiser: { rate: LAST_RATE, warmupSteps: 0 },
        ...from("generator"),
      });
      await run(places, "joint", "joint", { steps: flags.jointSteps, ...from("early") });
      await compare(places);
      notice(`all in ${duration((performance.now() - start) / 1000)}`);
    });
}

/** The set and its encoded expressions. */
async function generate(
  { seed, each, set, file }: Places,
  images: Readonly<Record<typeof SPLITS[number], number>>,
): Promise<void> {
  for (const split of SPLITS) {
    using phases = new Phases();
    const options = {
      split,
      images: images[split],
      refexpsPerImage: each,
      ...WORLD,
      seed,
      resetCountsEvery: 250,
      falsePremise: false,
    };
    await generateRefPlus(set, options, {
      threads: availableParallelism(),
      onProgress: (phase, done, of) => phases.update(`${split} ${phase}`, "pictures", done, of),
    });
    const { refexps, scenes } = refPlusFiles(set, split);
    const vocabulary = file("vocab.json");
    await preprocessRefexps({
      mode: "prefix",
      refexps,
      scenes,
      output: file(`${split}.h5`),
      ...split === "train" ? { outputVocabulary: vocabulary } : { inputVocabulary: vocabulary },
      examples: -1,
      height: MASK,
      width: MASK,
      expand: false,
      complete: split === "train",
      threshold: 1,
      encodeUnknown: false,
      onProgress: (phase, done, of) => phases.update(`${split} ${phase}`, "expressions", done, of),
    });
  }
}

/** Trains the feature extractor on the training pictures. */
async function trainExtractor({ seed, set, runs }: Places, steps: number): Promise<void> {
  const { images: pictures, scenes } = refPlusFiles(set, "train"), path = join(runs, "extractor");
  const value = { seed, steps, image: { height: PICTURE, width: PICTURE }, data: { pictures, scenes } };
  const layer = { source: "demo", value };
  await trainCellsRun(
    await exists(join(path, "config.json"))
      ? await RunFolder.resume(path, [], CELL_RUNS)
      : await RunFolder.create(path, [layer], CELL_RUNS),
  );
}

/** Extracts the features of all pictures. */
async function extract({ set, runs, file }: Places): Promise<void> {
  await using extractor = await cellExtractor(join(runs, "extractor"), { adapter: "auto" });
  for (const split of SPLITS) {
    using phases = new Phases();
    await extractFeatures(extractor, {
      pictures: refPlusFiles(set, split).images,
      output: file(`${split}_features.h5`),
      limit: null,
      batch: 32,
      onProgress: (done, of) => phases.update(`${split} features`, "pictures", done, of),
    });
  }
}

/** Shares of a run's updates after which its rate drops. */
const GENERATOR_DROPS = [0.6, 0.73, 0.84, 0.93], ENGINE_DROPS = [0.5, 0.65, 0.8, 0.95];

/** Share of the engine's updates with teacher forcing; the others run whole programs. */
const TEACHER_FORCING = 0.95;

/** About the engine's last rate, with which its training by predicted programs goes on. */
const LAST_RATE = 1e-4;

function drops(steps: number, shares: readonly number[]): { readonly decaySteps: readonly number[] } {
  return { decaySteps: shares.map((share) => Math.max(1, Math.round(share * steps))) };
}

/** Share of its updates after which about half of the generator's programs are exact. */
const EARLY = 0.18;

/** Trains the generator, and keeps it as it was early on: that one can still improve by REINFORCE. */
async function trainGenerator(places: Places, steps: number): Promise<void> {
  const optimiser = drops(steps, GENERATOR_DROPS), [early, whole] = ["early", "generator"];
  const kept = join(places.runs, early);
  if (!await exists(kept)) {
    await run(places, whole, "pg", { steps: Math.ceil(EARLY * steps), optimiser });
    const copy = `${kept}.partial`;
    await Deno.mkdir(copy, { recursive: true });
    for (const part of ["config.json", "checkpoints"]) {
      await cp(join(places.runs, whole, part), join(copy, part), { recursive: true });
    }
    await Deno.rename(copy, kept);
  }
  await run(places, whole, "pg", { steps, optimiser });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Begins or resumes a run of the small preset. */
async function run(
  { seed, set, runs, file }: Places,
  name: string,
  stage: Stage,
  more: Record<string, Json>,
): Promise<void> {
  const path = join(runs, name);
  const value = {
    preset: "small",
    seed,
    stage,
    data: {
      trainRefexps: file("train.h5"),
      trainFeatures: file("train_features.h5"),
      trainScenes: refPlusFiles(set, "train").scenes,
      valRefexps: file("val.h5"),
      valFeatures: file("val_features.h5"),
      vocabulary: file("vocab.json"),
    },
    ...more,
  };
  const begun = await exists(join(path, "config.json"));
  const steps = { source: "--steps", value: { steps: more.steps } };
  await trainRefplusRun(
    begun
      ? await RunFolder.resume(path, [steps], REFPLUS_RUNS)
      : await RunFolder.create(path, [{ source: "demo", value }], REFPLUS_RUNS),
  );
}

/** Cumulative IoU by category: annotated and predicted programs, each by the engine trained on them, and the baselines. */
async function compare({ set, runs, file }: Places): Promise<void> {
  const open = (engine: string) =>
    openModels({
      execution_engine: join(runs, engine),
      program_generator: join(runs, "generator"),
      adapter: "auto",
    });
  await using models = await open("engine");
  await using predicting = await open("engine-predicted");
  const { vocabulary } = models;
  using samples = await Samples.open(file("val.h5"), file("val_features.h5"), vocabulary);
  const options = { batch: 120, tokens: programTokens(vocabulary) };
  const truth = await evaluateSamples({ engine: models.engine, generator: null }, samples, {
    ...options,
    programs: "truth",
  });
  const predicted = await evaluateSamples(predicting, samples, { ...options, programs: "predicted" });
  const { everything, namedShape } = await trivialOverlaps(refPlusFiles(set, "val"), samples.maskSize, samples.size);
  const columns = [truth.overlaps!, predicted.overlaps!, everything, namedShape].map((overlaps) =>
    new Map([...scoreByCategory(overlaps, samples.categories), ["all", scoreMasks(overlaps)]])
  );
  const exact = predicted.exact!.filter(Boolean).length, count = predicted.exact!.length;
  const results: Table = {
    title: "Cumulative IoU on held-out expressions",
    columns: ["cumulative IoU", "annotated programs", "predicted programs", "every pixel", "the named shape"],
    rows: [...columns[0].keys()].map((name) => [name, ...columns.map((column) => column.get(name)!.cumulativeIou)]),
  };
  table(results);
  line(`exact programs: ${exact} of ${count}`);
  const { refexps, scenes, images } = refPlusFiles(set, "val");
  const page = file("report.html");
  await saveDemoReport(page, {
    runs,
    engine: models.engine,
    checkpoint: models.checkpoint,
    files: { refexps, scenes, features: file("val_features.h5"), pictures: images },
    tables: [results, {
      title: "Programs",
      columns: ["held out", "exact"],
      rows: [[count, exact]],
      counts: ["held out", "exact"],
    }],
  });
  fact("report", page);
}
