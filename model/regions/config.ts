/** The settings of a training run: defaults per data set, and what a resumed run may change. */
import { UserError } from "../../engine/base/user_error.ts";
import { picturesSchema } from "../../datasets/images/picture_options.ts";
import { referenceSchema } from "../../datasets/reference_options.ts";
import { DATASET_ROWS, type DatasetName, DEFAULT_DATASET, isDatasetName } from "../../datasets/registry.ts";
import { batchOf, scaledPreset, scaledSettings } from "./batch_schedule.ts";
import { KIND, type TrainConfig, trainConfigSchema } from "./config_schema.ts";
import { PUBLISHED_REASONING, SMALL_REASONING } from "./reasoning/options.ts";
import { resnetPresets } from "../backbones/resnet.ts";
import type { RunKind } from "../run/kind.ts";
import { differences, type Json, type Layer, lookup, merge, nest, settle } from "../run/layers.ts";
import { newConvolutions } from "../run/run_config.ts";
import { VERSION } from "../run/version.ts";

export { type TrainConfig, trainConfigSchema, VALIDATED } from "./config_schema.ts";

/** Settings a resumed run may change: they do not enter the numbers of the steps already done. */
const FREE =
  /^(steps|dataset\.(data|lists|cache|testSplit)|accumulate|image\.(prefetch|workers|budget|silence)|validation\.patience|checkpointEvery|checkpointKeep)$/;

/** Settings that say what a pass of a run that stacks holds, so that they enter its numbers. */
const PARTS = /^(accumulate|image\.budget)$/;

/** Network names that `model.resnet` takes in place of a description. */
export const resnetNames: readonly string[] = Object.keys(resnetPresets);

/**
 * The settings of a new run: defaults of the data set named in `layers`, scaled for its batch, then the layers. Throws
 * {@link UserError}.
 */
export function newConfig(layers: readonly Layer[]): TrainConfig {
  const named = layers.map((layer) => ({ ...layer, value: expandPreset(layer) }));
  const given = named.reduce<Json>((value, layer) => merge(value, layer.value), {});
  const asked = lookup(given, ["dataset", "dataset"]);
  const dataset = isDatasetName(asked) ? asked : DEFAULT_DATASET;
  const published = layers.some(({ value }) => PUBLISHED.includes(lookup(value, ["model", "resnet"]) as string));
  const base = published ? merge(defaults(dataset), publishedSchedule(dataset)) : defaults(dataset);
  const value = scaledPreset(base as Json, batchOf(merge(base as Json, given)));
  return settle(trainConfigSchema, [{ source: "defaults", value }, ...named]);
}

/** A layer of a preset, such as `--quick`, for the batch that the layers above it ask for. */
export function scaledForBatch({ source, value }: Layer, above: readonly Layer[]): Layer {
  const given = above.reduce<Json>((below, layer) => merge(below, layer.value), {});
  const kind = newConfig([{ source, value }, ...above]).optimiser.kind;
  return { source, value: scaledPreset(value, batchOf(merge({ baseBatch: 1, optimiser: { kind } }, given))) };
}

/** Rate and schedule that the batch of a new run has changed, in words; none where it is the one that they are stated for. */
export function scalingLines(layers: readonly Layer[]): string[] {
  const scaled = newConfig(layers), { batch, baseBatch } = scaled;
  if (batch === baseBatch) return [];
  const stated = newConfig([...layers, { source: "--no-scale", value: { scale: false } }]);
  const changed = scaledSettings(stated, scaled);
  if (changed.length === 0) return [`a step takes ${batch} images; rate and schedule are as given`];
  return [`a step takes ${batch} images: ${changed.join(", ")}; --no-scale leaves them as stated for ${baseBatch}`];
}

/** The settings of a run that goes on. Throws {@link UserError} for a change that would make it another run. */
export function resumedConfig(saved: Layer, layers: readonly Layer[]): TrainConfig {
  const value: Json = { ...defaults(DEFAULT_DATASET), convolutions: "direct", validateEvery: null };
  const before = settle(trainConfigSchema, [{ source: "defaults", value }, saved]);
  for (const layer of layers) {
    const value = expandPreset(layer);
    const after = settle(trainConfigSchema, [{ source: saved.source, value: before }, { ...layer, value }]);
    const changed = differences(before, after).find((path) => !FREE.test(path) || before.stack && PARTS.test(path));
    if (changed === undefined) continue;
    const [was, is] = [before, after].map((config) => JSON.stringify(lookup(config, changed.split("."))));
    throw new UserError(
      `${layer.source}: a resumed run keeps its settings, "${changed}" is ${was}, not ${is}; give a new run another --name`,
    );
  }
  return settle(trainConfigSchema, [
    { source: saved.source, value: before },
    ...layers.map((layer) => ({ ...layer, value: expandPreset(layer) })),
  ]);
}

/** Networks whose default schedule is the reference's. */
const PUBLISHED: readonly string[] = Object.keys(resnetPresets).filter((name) => name !== "small");

/** The reference's rate for every data set, and its schedule for each real one. */
function publishedSchedule(dataset: DatasetName): Json {
  const optimiser = { kind: "sgd", rate: 5e-4, warmupSteps: 0, weightDecay: 1e-4, decayFactor: 0.1 };
  const model = { reasoning: PUBLISHED_REASONING as unknown as Json };
  const { published } = DATASET_ROWS[dataset];
  if (!published) return { model, optimiser };
  const { steps, decaySteps } = published;
  return { model, steps, checkpointEvery: 10_000, optimiser: { ...optimiser, decaySteps: [...decaySteps] } };
}

/** Every setting for a data set. */
function defaults(dataset: DatasetName): TrainConfig {
  // Drawn pictures get a rate for a network that begins at random.
  const { drawn, flip, testSplit, imageSize: [shortSide, longSide] } = DATASET_ROWS[dataset];
  return {
    kind: KIND,
    version: VERSION,
    seed: 3,
    adapter: "auto",
    convolutions: newConvolutions(),
    precision: "f32",
    batch: 1,
    accumulate: 1,
    stack: false,
    baseBatch: 1,
    scale: true,
    steps: drawn ? 2400 : 4000,
    flip,
    dataset: {
      dataset,
      data: null,
      options: {},
      lists: null,
      cache: null,
      reference: referenceSchema.parse({}),
      knowledge: null,
      trainSplit: "train",
      testSplit,
      skipBroken: false,
    },
    pictures: picturesSchema.parse({}),
    image: { shortSide, longSide, normalise: "caffe", prefetch: 8, workers: 1, budget: 1024, silence: 60 },
    model: {
      name: "baseline",
      resnet: expand(resnetPresets.small),
      cropSize: 7,
      maxPool: false,
      calibrate: true,
      weights: null,
      reasoning: structuredClone(SMALL_REASONING) as TrainConfig["model"]["reasoning"],
      options: {},
    },
    optimiser: {
      kind: drawn ? "adam" : "sgd",
      rate: drawn ? 7e-4 : 0.005,
      warmupSteps: drawn ? 100 : 0,
      decaySteps: drawn ? [1300, 1800, 2150] : [3000],
      decayFactor: drawn ? 0.3 : 0.1,
      momentum: 0.9,
      weightDecay: drawn ? 0 : 1e-4,
      doubleBias: false,
      clipNorm: null,
      unused: "zero",
    },
    displayEvery: 20,
    validateEvery: drawn ? 200 : null,
    validation: { split: "test", share: null, metric: null, patience: null },
    checkpointEvery: 200,
    checkpointKeep: 2,
  };
}

/** A network's name becomes its description, so that `config.json` says what was built. */
function expandPreset({ source, value }: Layer): Json {
  const resnet = lookup(value, ["model", "resnet"]);
  if (typeof resnet !== "string") return value;
  if (!Object.hasOwn(resnetPresets, resnet)) {
    throw new UserError(`${source}: "model.resnet": "${resnet}" is none of ${resnetNames.join(", ")}`);
  }
  return merge(value, { model: { resnet: expand(resnetPresets[resnet as keyof typeof resnetPresets]) } });
}

function expand(preset: typeof resnetPresets[keyof typeof resnetPresets]): TrainConfig["model"]["resnet"] {
  return structuredClone({
    trainShift: false,
    strideOn: "last",
    ...preset,
  }) as unknown as TrainConfig["model"]["resnet"];
}

const CHOICES: RunKind["choices"] = [
  ...Object.keys(DATASET_ROWS).map((dataset) => ({ flags: `--dataset ${dataset}`, value: { dataset: { dataset } } })),
  { flags: "--resnet resnet50", value: { model: { resnet: "resnet50" } } },
  { flags: "--dataset ade --resnet resnet50", value: { dataset: { dataset: "ade" }, model: { resnet: "resnet50" } } },
];

/** Runs of region classifiers. Those of before runs had a kind have a model and a data set. */
export const REGION_RUNS: RunKind<TrainConfig> = {
  kind: KIND,
  begin: newConfig,
  resume: resumedConfig,
  owns: (saved) => lookup(saved, ["model"]) !== undefined,
  schema: trainConfigSchema,
  free: FREE,
  paths: ["dataset.data", "dataset.lists", "dataset.cache", "dataset.knowledge", "model.weights"],
  // Of a network's description alone nothing depends: only its name says that it is a published one.
  defaults: (choices) => {
    const named = [["dataset", "dataset"], ["model", "resnet"]].flatMap((path) => {
      const value = lookup(choices, path);
      return typeof value === "string" ? [{ source: path.join("."), value: nest(path, value) }] : [];
    });
    return newConfig(named);
  },
  choices: CHOICES,
};
