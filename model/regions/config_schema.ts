/** The schema of a training run's settings, each with its meaning. */
import { z } from "../../engine/base/packages/zod.ts";
import { convolutionsSchema } from "../run/run_config.ts";
import { picturesSchema } from "../../datasets/images/picture_options.ts";
import { referenceSchema } from "../../datasets/reference_options.ts";
import { DATASETS } from "../../datasets/registry.ts";
import { UNUSED } from "../../engine/internal.ts";
import { MODEL_NAMES } from "./models.ts";
import { REGION_RELATIONS } from "./reasoning/options.ts";

const count = z.int().min(0);
const positive = z.int().min(1);
const nonNegative = z.number().min(0);

const resnetSchema = z.strictObject({
  stem: z.strictObject({
    kernel: positive.describe("Window of the first convolution"),
    width: positive.describe("Channels of the first convolution"),
    pool: z.boolean().describe("Max-pooling after the first convolution"),
  }),
  blocks: z.array(z.strictObject({ units: positive, width: positive, stride: positive })).min(2).describe(
    "Stages: residual units, their channels (a quarter of the output's with bottlenecks), stride",
  ),
  bottleneck: z.boolean().describe("Units of three convolutions, 1×1, 3×3, 1×1, instead of two"),
  strideOn: z.enum(["last", "first"]).default("last").describe(
    "The unit of a block that has its stride: the last, as TF-slim, or the first, as torchvision",
  ),
  fixedBlocks: z.int().min(-1).describe(
    "The stem and so many first stages stay as they begin, as with pretrained weights; −1 trains the stem too",
  ),
  trainShift: z.boolean().describe("Train the shifts of the frozen normalisation"),
});

/** A switch for each module; one for both, as earlier versions wrote it, is read too. */
const eachModule = (what: string) =>
  z.preprocess(
    (value) => typeof value === "boolean" ? { memory: value, graph: value } : value,
    z.strictObject({
      memory: z.boolean().describe(`Stop gradients at ${what} on their way into the memory`),
      graph: z.boolean().describe(`Stop gradients at ${what} on their way into the graph`),
    }),
  );

const odd = positive.refine((n) => n % 2 === 1, "must be odd").meta({ odd: true });

const reasoningSchema = z.strictObject({
  iterations: z.int().min(2).describe("Predictions counting the plain ConvNet's, T; T − 1 updates"),
  memory: z.strictObject({
    depth: positive.describe("Channels of the memory, D"),
    initSize: z.tuple([positive, positive]).describe(
      "Stored size of the initial memory, [height, width]; resized to each image's map",
    ),
    cropSize: positive.describe("Cells of a region's crop on each side"),
    kernel: odd.describe("Window of the convolutional GRU"),
    contextLayers: odd.describe("Context layers before a prediction: one, then pairs with a residual"),
    contextKernel: odd.describe("Window of the context layers after the first"),
    contextFirstKernel: odd.describe("Window of the first context layer"),
    inputLayers: positive.describe("Layers that make the GRU's input: the 1×1 compression, then convolutions"),
    inputKernel: odd.describe("Window of the convolutions that make the GRU's input"),
    std: nonNegative.describe("Standard deviation of the first weights that make the GRU's input"),
    updateStd: nonNegative.describe("Standard deviation of the GRU's first weights"),
  }),
  graph: z.strictObject({
    width: positive.describe("Width of a node, D"),
    layers: count.describe("Stacked propagation layers, with residuals"),
    regionEdges: z.array(z.enum(REGION_RELATIONS)).describe("Relations among regions, in the order of their weights"),
    bandwidth: z.number().positive().describe(
      "Δ of the edge weight exp(−distance / Δ), in pixels of the network's input",
    ),
    distance: z.enum(["gap", "centre"]).describe(
      "Distance between boxes: the gap between them, or between their centres",
    ),
    reach: nonNegative.nullable().default(null).describe(
      "Regions further apart than this, in pixels of the network's input, are not linked; null links all",
    ),
    classEdges: z.array(z.string()).nullable().describe(
      "Class–class edge types to use; null uses all that the knowledge graph has",
    ),
    assignNorm: z.enum(["row", "none"]).describe(
      "A class's evidence: the weighted mean over regions (`row`), or the sum (`none`)",
    ),
    gates: z.enum(["region", "channel"]).describe("One gate value a region, or one a channel"),
    carryClasses: z.boolean().describe("Carry the class nodes from iteration to iteration"),
    carryRegions: z.boolean().default(false).describe("Carry the region nodes on as the last propagation left them"),
    candidate: z.enum(["relu", "tanh"]).default("relu").describe("Activation of the GRU's candidate"),
    std: nonNegative.describe("As the memory's `std`"),
    updateStd: nonNegative.describe("As the memory's `updateStd`"),
  }),
  head: z.strictObject({
    width: positive.describe("Units of a fully connected layer"),
    layers: z.int().min(0).max(2).describe("Fully connected layers"),
    std: nonNegative.describe("Standard deviation of the first weights of the scores"),
  }),
  loss: z.strictObject({
    local: nonNegative.describe("Factor of the local predictions' mean loss"),
    global: nonNegative.describe("Factor of the global predictions' mean loss"),
    final: nonNegative.describe("Factor of the attended prediction's loss"),
    reweight: z.boolean().describe("Give regions that the previous prediction had wrong more weight"),
    beta: z.number().min(0).max(1).describe("Least weight of a region before normalisation, β"),
  }),
  stop: z.strictObject({
    features: eachModule("the ConvNet's features"),
    feedback: eachModule("predictions that are fed back"),
    attended: z.boolean().describe("Let the attention alone learn from the final loss"),
  }),
  crossFeed: z.boolean().describe("Feed both modules' predictions to each (`final` only)"),
  attention: z.boolean().describe(
    "Weigh predictions by learnt confidence; without it the answer is the mean of the last iteration's",
  ),
});

/** Measures by which a best checkpoint may be chosen. */
export const VALIDATED = ["val_accuracy", "val_ap", "val_class_accuracy", "val_class_ap"] as const;

/** Name of these runs in `config.json` and in checkpoints. */
export const KIND = "regions";

/** Schema of `config.json`. */
export const trainConfigSchema = z.strictObject({
  kind: z.literal(KIND).default(KIND).describe("Runs of region classifiers"),
  version: z.string().describe("Version that began the run"),
  seed: z.int().min(0).max(0xffffffff).describe("Starts every random sequence: drawn data, weights, order of images"),
  adapter: z.enum(["auto", "gpu", "cpu"]).describe("Adapter that computes"),
  convolutions: convolutionsSchema,
  precision: z.enum(["f32", "mixed"]).default("f32").describe(
    "f32 throughout; or mixed: what the backward pass reads is kept in f16, sums and weights stay f32",
  ),
  batch: positive.default(1).describe("Images of a step, of whatever sizes; the update is by their mean"),
  accumulate: positive.default(1).describe(
    "Parts that a step's images are held in, one after another: more take less memory and give the same bits",
  ),
  stack: z.boolean().default(false).describe(
    "Take images of equal size in one pass: fewer dispatches for an image, other last bits, and memory for all of them",
  ),
  baseBatch: positive.default(1).describe("Images of a step that the default rate and schedule are stated for"),
  scale: z.boolean().default(true).describe(
    "Scale the default rate (in proportion to the batch for SGD, to its square root for Adam), steps, drops and warm-up; settings that are given stay as they are",
  ),
  steps: count.describe("Updates made, each by `batch` images"),
  flip: z.boolean().describe("Show each image mirrored too"),
  dataset: z.strictObject({
    dataset: z.enum(DATASETS).describe("The data set"),
    data: z.string().nullable().describe("Folder of a data set on disk; null for the drawn one"),
    options: z.record(z.string(), z.json()).default({}).describe(
      "Options of a set that is drawn from a seed, such as `seed`",
    ),
    lists: z.string().nullable().default(null).describe(
      "Folder of ADE20K's lists (train.txt, …, objectnames.txt); null where they lie in `data`",
    ),
    cache: z.string().nullable().default(null).describe(
      "Folder of the cache of parsed splits; null for one beside the data, or the user's cache where that may not be written",
    ),
    reference: referenceSchema.prefault({}).describe("Switches for what the reference does and one may want otherwise"),
    knowledge: z.string().nullable().describe(
      "Knowledge graph of the classes, a JSON-lines file; null for the data set's own, if it has one",
    ),
    trainSplit: z.enum(["train", "val", "test"]).describe("Split that is learnt from"),
    testSplit: z.enum(["train", "val", "test"]).describe("Split of the final table"),
    skipBroken: z.boolean().describe("Name and leave out images that cannot be read, instead of stopping"),
  }),
  pictures: picturesSchema.prefault({}).describe("Ways to read picture files: by default as the reference's reader"),
  image: z.strictObject({
    shortSide: z.number().min(1).describe("Shorter side in pixels after scaling"),
    longSide: z.number().min(1).describe("Longest a longer side may become"),
    normalise: z.enum(["caffe", "torchvision", "port"]).default("caffe").describe(
      "Normalisation of pixels: BGR minus the reference's means, or as torchvision's weights or the PyTorch port's want them",
    ),
    prefetch: positive.describe("Images prepared ahead"),
    workers: positive.describe("Threads that prepare images"),
    budget: positive.default(1024).describe("MiB of images prepared ahead"),
    silence: z.number().positive().default(60).describe(
      "Seconds after which a thread that answers nothing is replaced, its image taken for one that cannot be read",
    ),
  }),
  model: z.strictObject({
    name: z.enum(MODEL_NAMES).describe("The model"),
    resnet: resnetSchema,
    cropSize: positive.describe("Cells of a region's crop on each side"),
    maxPool: z.boolean().describe(
      "Crop twice the size and take 2×2 maxima: the baseline alone, as the reference's memory never does",
    ),
    calibrate: z.boolean().describe(
      "Take the frozen normalisation's statistics from the first image: for training from random weights",
    ),
    weights: z.string().nullable().default(null).describe("File of weights to begin from; null for random ones"),
    reasoning: reasoningSchema.describe("Memory, graph and their roll-out; the baseline has none of it"),
    options: z.record(z.string(), z.json()).default({}).describe("Settings of the named model alone, where it has any"),
  }),
  optimiser: z.strictObject({
    kind: z.enum(["sgd", "adam"]).describe(
      "SGD with momentum, as the reference; or Adam, with `momentum` as its β₁ and β₂ = 0.999",
    ),
    rate: z.number().positive().describe("First learning rate"),
    warmupSteps: count.describe("Steps over which the rate rises to `rate` in a straight line"),
    decaySteps: z.array(positive).describe("Steps after which the rate is multiplied by `decayFactor`"),
    decayFactor: z.number().positive().describe("Factor of the rate at each of `decaySteps`"),
    momentum: nonNegative.lt(1).describe("Momentum of SGD, β₁ of Adam"),
    weightDecay: nonNegative.describe("Weight of half the sum of squared weights in the loss"),
    doubleBias: z.boolean().describe("Move biases at twice the rate"),
    clipNorm: z.number().positive().nullable().describe("Largest joint norm of the gradients; null does not clip"),
    unused: z.enum(UNUSED).default("zero").describe(
      "Treatment of a weight that has no gradient at a step and had one before: a gradient of zero, or left as it is",
    ),
  }),
  displayEvery: positive.describe("Losses are read from the device and recorded every so many steps"),
  validateEvery: positive.nullable().default(null).describe(
    "Images of `validation.split` are scored every so many steps, for the curve of accuracy and the best checkpoint; null never does",
  ),
  validation: z.strictObject({
    split: z.enum(["train", "val", "test"]).default("test").describe("Split that is scored while training"),
    share: z.number().positive().max(1).nullable().default(null).describe(
      "Share of its images, spread evenly over them; null for the first 24",
    ),
    metric: z.enum(VALIDATED).nullable().default(null).describe(
      "Measure by which the best checkpoint is kept and taken for results: accuracy or average precision over instances, or their means over classes; null keeps none",
    ),
    patience: positive.nullable().default(null).describe(
      "Validations in a row without a better one after which the run ends; null never ends it",
    ),
  }).prefault({}).describe("Validation while training"),
  checkpointEvery: positive.describe("A checkpoint is saved every so many steps"),
  checkpointKeep: positive.describe("Newest checkpoints kept"),
}).refine(({ batch, accumulate }) => accumulate <= batch, {
  path: ["accumulate"],
  message: "a step has no more parts than images: give at most `batch`",
}).refine(({ validation: { metric }, validateEvery }) => metric === null || validateEvery !== null, {
  path: ["validation", "metric"],
  message: "nothing is measured while training: give `validateEvery` too",
}).refine(({ validation: { metric, patience } }) => patience === null || metric !== null, {
  path: ["validation", "patience"],
  message: "there is no measure to wait for: give `validation.metric` too",
});

/** Settings of a training run. */
export type TrainConfig = z.infer<typeof trainConfigSchema>;
