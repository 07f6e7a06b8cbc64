/** The settings of a training run: schema, defaults per data set, and what a resumed run may change. */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { picturesSchema } from "../../datasets/images/picture_options.ts";
import { referenceSchema } from "../../datasets/reference_options.ts";
import { DATASET_ROWS, type DatasetName, DATASETS, DEFAULT_DATASET, isDatasetName } from "../../datasets/registry.ts";
import { UNUSED } from "../../engine/internal.ts";
import { MODEL_NAMES } from "./models.ts";
import { PUBLISHED_REASONING, REGION_RELATIONS, SMALL_REASONING } from "./reasoning/options.ts";
import { resnetPresets } from "../backbones/resnet.ts";
import type { RunKind } from "../run/kind.ts";
import { differences, type Json, type Layer, lookup, merge, settle } from "../run/layers.ts";
import { VERSION } from "../run/version.ts";

const count = z.int().min(0);
const positive = z.int().min(1);
const nonNegative = z.number().min(0);

const resnetSchema = z.strictObject({
  stem: z.strictObject({ kernel: positive, width: positive, pool: z.boolean() }),
  blocks: z.array(z.strictObject({ units: positive, width: positive, stride: positive })).min(2),
  bottleneck: z.boolean(),
  /** The unit of a block that has its stride: the last, as TF-slim, or the first, as torchvision. */
  strideOn: z.enum(["last", "first"]).default("last"),
  fixedBlocks: z.int().min(-1),
  trainShift: z.boolean(),
});

/** A switch for each module; one for both, as earlier versions wrote it, is read too. */
const eachModule = z.preprocess(
  (value) => typeof value === "boolean" ? { memory: value, graph: value } : value,
  z.strictObject({ memory: z.boolean(), graph: z.boolean() }),
);

const odd = positive.refine((n) => n % 2 === 1, "must be odd");

const reasoningSchema = z.strictObject({
  iterations: z.int().min(2),
  memory: z.strictObject({
    depth: positive,
    initSize: z.tuple([positive, positive]),
    cropSize: positive,
    kernel: odd,
    contextLayers: odd,
    contextKernel: odd,
    contextFirstKernel: odd,
    inputLayers: positive,
    inputKernel: odd,
    std: nonNegative,
    updateStd: nonNegative,
  }),
  graph: z.strictObject({
    width: positive,
    layers: count,
    regionEdges: z.array(z.enum(REGION_RELATIONS)),
    bandwidth: z.number().positive(),
    distance: z.enum(["gap", "centre"]),
    reach: nonNegative.nullable().default(null),
    classEdges: z.array(z.string()).nullable(),
    assignNorm: z.enum(["row", "none"]),
    gates: z.enum(["region", "channel"]),
    carryClasses: z.boolean(),
    carryRegions: z.boolean().default(false),
    candidate: z.enum(["relu", "tanh"]).default("relu"),
    std: nonNegative,
    updateStd: nonNegative,
  }),
  head: z.strictObject({ width: positive, layers: z.int().min(0).max(2), std: nonNegative }),
  loss: z.strictObject({
    local: nonNegative,
    global: nonNegative,
    final: nonNegative,
    reweight: z.boolean(),
    beta: z.number().min(0).max(1),
  }),
  stop: z.strictObject({ features: eachModule, feedback: eachModule, attended: z.boolean() }),
  crossFeed: z.boolean(),
  attention: z.boolean(),
});

/** Name of these runs in `config.json` and in checkpoints. */
const KIND = "regions";

/** Schema of `config.json`. */
export const trainConfigSchema = z.strictObject({
  /** Runs of region classifiers. */
  kind: z.literal(KIND).default(KIND),
  /** Version that began the run. */
  version: z.string(),
  /** Starts every random sequence: drawn data, weights, order of images. */
  seed: z.int().min(0).max(0xffffffff),
  /** Adapter that computes. */
  adapter: z.enum(["auto", "gpu", "cpu"]),
  /** f32 throughout; or mixed: what the backward pass reads is kept in f16, sums and weights stay f32. */
  precision: z.enum(["f32", "mixed"]).default("f32"),
  /** Images shown, one a step. */
  steps: count,
  /** Show each image mirrored too. */
  flip: z.boolean(),
  dataset: z.strictObject({
    dataset: z.enum(DATASETS),
    /** Folder of a data set on disk; null for the drawn one. */
    data: z.string().nullable(),
    /** Options of a set that is drawn from a seed, such as `seed`. */
    options: z.record(z.string(), z.json()).default({}),
    /** Folder of ADE20K's lists (train.txt, …, objectnames.txt); null where they lie in `data`. */
    lists: z.string().nullable().default(null),
    /** Folder of the cache of parsed splits; null for one beside the data, or the user's cache where that may not be written. */
    cache: z.string().nullable().default(null),
    /** Switches for what the reference does and one may want otherwise. */
    reference: referenceSchema.prefault({}),
    /** Knowledge graph of the classes, a JSON-lines file; null for the data set's own, if it has one. */
    knowledge: z.string().nullable(),
    trainSplit: z.enum(["train", "val", "test"]),
    /** Split of the final table. */
    testSplit: z.enum(["train", "val", "test"]),
    /** Name and leave out images that cannot be read, instead of stopping. */
    skipBroken: z.boolean(),
  }),
  /** Ways to read picture files: by default as the reference's reader. */
  pictures: picturesSchema.prefault({}),
  image: z.strictObject({
    /** Shorter side in pixels after scaling. */
    shortSide: z.number().min(1),
    /** Longest a longer side may become. */
    longSide: z.number().min(1),
    /**
     * Normalisation of pixels: BGR minus the reference's means, or as torchvision's weights or the PyTorch port's
     * want them.
     */
    normalise: z.enum(["caffe", "torchvision", "port"]).default("caffe"),
    /** Images prepared ahead. */
    prefetch: positive,
    /** Threads that prepare them. */
    workers: positive,
    /** MiB of images prepared ahead. */
    budget: positive.default(1024),
    /** Seconds after which a thread that answers nothing is replaced, its image taken for one that cannot be read. */
    silence: z.number().positive().default(60),
  }),
  model: z.strictObject({
    name: z.enum(MODEL_NAMES),
    resnet: resnetSchema,
    cropSize: positive,
    /** Crop twice the size and take 2×2 maxima: the baseline alone, as the reference's memory never does. */
    maxPool: z.boolean(),
    /** Take the frozen normalisation's statistics from the first image: for training from random weights. */
    calibrate: z.boolean(),
    /** File of weights to begin from; null for random ones. */
    weights: z.string().nullable().default(null),
    /** Memory, graph and their roll-out; the baseline has none of it. */
    reasoning: reasoningSchema,
    /** Settings of the named model alone, where it has any. */
    options: z.record(z.string(), z.json()).default({}),
  }),
  optimiser: z.strictObject({
    /** SGD with momentum, as the reference; or Adam, with `momentum` as its β₁ and β₂ = 0.999. */
    kind: z.enum(["sgd", "adam"]),
    rate: z.number().positive(),
    /** Steps over which the rate rises to `rate` in a straight line. */
    warmupSteps: count,
    /** Steps after which the rate is multiplied by `decayFactor`. */
    decaySteps: z.array(positive),
    decayFactor: z.number().positive(),
    momentum: nonNegative.lt(1),
    weightDecay: nonNegative,
    /** Move biases at twice the rate. */
    doubleBias: z.boolean(),
    /** Largest joint norm of the gradients; null does not clip. */
    clipNorm: z.number().positive().nullable(),
    /**
     * Treatment of a weight that has no gradient at a step and had one before: a gradient of zero, or left as it is.
     */
    unused: z.enum(UNUSED).default("zero"),
  }),
  /** Losses are read from the device and recorded every so many steps. */
  displayEvery: positive,
  /** A checkpoint is saved every so many steps. */
  checkpointEvery: positive,
  /** Newest checkpoints kept. */
  checkpointKeep: positive,
});

/** Settings of a training run. */
export type TrainConfig = z.infer<typeof trainConfigSchema>;

/** Settings a resumed run may change: they do not enter the numbers of the steps already done. */
const FREE =
  /^(steps|dataset\.(data|lists|cache|testSplit)|image\.(prefetch|workers|budget|silence)|checkpointEvery|checkpointKeep)$/;

/** Network names that `model.resnet` takes in place of a description. */
export const resnetNames: readonly string[] = Object.keys(resnetPresets);

/** The settings of a new run: defaults of the data set named in `layers`, then the layers. Throws {@link UserError}. */
export function newConfig(layers: readonly Layer[]): TrainConfig {
  const named = layers.map((layer) => ({ ...layer, value: expandPreset(layer) }));
  const given = named.reduce<Json>((value, layer) => merge(value, layer.value), {});
  const asked = lookup(given, ["dataset", "dataset"]);
  const dataset = isDatasetName(asked) ? asked : DEFAULT_DATASET;
  const published = layers.some(({ value }) => PUBLISHED.includes(lookup(value, ["model", "resnet"]) as string));
  const base = published ? merge(defaults(dataset), publishedSchedule(dataset)) : defaults(dataset);
  return settle(trainConfigSchema, [{ source: "defaults", value: base }, ...named]);
}

/** The settings of a run that goes on. Throws {@link UserError} for a change that would make it another run. */
export function resumedConfig(saved: Layer, layers: readonly Layer[]): TrainConfig {
  const before = settle(trainConfigSchema, [{ source: "defaults", value: defaults(DEFAULT_DATASET) }, saved]);
  for (const layer of layers) {
    const value = expandPreset(layer);
    const after = settle(trainConfigSchema, [{ source: saved.source, value: before }, { ...layer, value }]);
    const changed = differences(before, after).find((path) => !FREE.test(path));
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
    precision: "f32",
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

/** Runs of region classifiers. Those of before runs had a kind have a model and a data set. */
export const REGION_RUNS: RunKind<TrainConfig> = {
  kind: KIND,
  begin: newConfig,
  resume: resumedConfig,
  owns: (saved) => lookup(saved, ["model"]) !== undefined,
};
