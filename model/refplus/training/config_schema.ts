/** The schema of the settings of IEP-Ref's training runs, each with its meaning (papers/iep-ref.md#training). */
import { z } from "../../../engine/base/packages/zod.ts";
import { convolutionsSchema } from "../../run/run_config.ts";
import { UNUSED } from "../../../engine/internal.ts";
import { STEM_OUTPUTS } from "../engine/blocks.ts";
import { MESSAGES } from "../engine/execution_engine.ts";
import { STARTS } from "../engine/initial.ts";

/** The training stages: the generator; the engine on annotated or on predicted programs; both by REINFORCE. */
export const STAGES = ["pg", "ee-gt", "ee-pred", "joint"] as const;

/** One of {@link STAGES}. */
export type Stage = typeof STAGES[number];

/** Baselines that are subtracted from rewards in joint training. */
export const BASELINES = ["moving", "likeliest", "others"] as const;

/** One of {@link BASELINES}. */
export type Baseline = typeof BASELINES[number];

/** Inputs of supervised nodes. */
export const NODE_INPUTS = ["predicted", "groundTruth"] as const;

/** One of {@link NODE_INPUTS}. */
export type NodeInputs = typeof NODE_INPUTS[number];

/** The kind of these runs, in `config.json` and in checkpoints. */
export const KIND = "refplus";

/** Measures by which a best checkpoint may be chosen. */
export const VALIDATED = ["val_exact_match", "val_iou"] as const;

const positive = z.int().min(1);
const count = z.int().min(0);

/** Schema of `config.json` of such a run. */
export const refplusSchema = z.strictObject({
  kind: z.literal(KIND).default(KIND).describe("Runs of the module network"),
  version: z.string().describe("Version that began the run"),
  stage: z.enum(STAGES).describe("The training stage"),
  seed: z.int().min(0).max(0xffffffff).describe("Seed of all random numbers: weights, order, drawn programs"),
  adapter: z.enum(["auto", "gpu", "cpu"]).describe("The adapter that computes"),
  convolutions: convolutionsSchema,
  steps: count.describe("Updates made"),
  batch: positive.describe("Expressions in an update"),
  accumulate: positive.describe(
    "Parts that a batch is worked on in, one after another, to save memory: an update is by the mean of their gradients, each whole",
  ),
  data: z.strictObject({
    trainRefexps: z.string().describe("Training expressions, as `itera refplus preprocess` writes them"),
    trainFeatures: z.string().nullable().describe(
      "Features of the training expressions' pictures, as `itera refplus features` writes them; the generator alone needs none",
    ),
    valRefexps: z.string().nullable().describe("Held-out expressions; null does not validate"),
    valFeatures: z.string().nullable().describe("Features of the held-out expressions' pictures"),
    vocabulary: z.string().describe("Vocabulary of the expressions"),
    trainScenes: z.string().nullable().describe(
      "Scenes of the training expressions; only the loss of inner nodes needs them",
    ),
    trainSamples: positive.nullable().describe("Expressions used, the first of the file; null for all"),
    valSamples: positive.nullable().describe("Held-out expressions used; null for all"),
    shuffle: z.boolean().describe(
      "A new order each epoch, from the seed; otherwise the order of the file, as in the reference",
    ),
    likeLengths: z.boolean().describe("Batches of expressions of similar length, which saves padding"),
    curriculum: z.array(z.strictObject({ until: positive, longest: positive })).describe(
      "Before update `until`, only programs of at most `longest` nodes, `scene` included",
    ),
  }),
  generator: z.strictObject({
    wordDim: positive.describe("Width of word vectors"),
    hidden: positive.describe("Units of an LSTM layer"),
    layers: positive.describe("LSTM layers of encoder and decoder"),
    forgetBias: z.number().nullable().describe(
      "First bias of the LSTMs' forget gates; null starts them at random, as the reference",
    ),
    labelSmoothing: z.number().min(0).lt(1).describe(
      "Label smoothing of the tokens under teacher forcing; 0 in the reference",
    ),
  }),
  engine: z.strictObject({
    dim: positive.describe("Channels of the modules' feature maps"),
    stemLayers: positive.describe("Convolutions of the stem"),
    stemOutput: z.enum(STEM_OUTPUTS).describe(
      "Activation after the stem's last convolution: `relu`, as in the reference, or `none`, with which no channel can die",
    ),
    headWidth: positive.nullable().describe(
      "Inner channels of the mask head, before its last four; null for a quarter of `dim`, as in the reference",
    ),
    headChunk: positive.nullable().describe(
      "Samples that the head processes at once; null for as many as fit one binding",
    ),
    start: z.enum(STARTS).describe(
      "Initial weights: `reference`, or `identity`, with which modules begin by passing on their input",
    ),
    dilations: z.array(positive).min(2).describe(
      "Dilations of the convolutions of unary modules, one for each; 1 and 1 in the reference",
    ),
    message: z.enum(MESSAGES).describe(
      "Message between modules: `features`, as in the reference, or `attention` over the picture's features",
    ),
  }),
  start: z.strictObject({
    programGenerator: z.string().nullable().describe("Checkpoint, or folder of a run, whose generator it begins with"),
    executionEngine: z.string().nullable().describe(
      "Checkpoint, or folder of a run, whose execution engine it begins with",
    ),
  }),
  /** Adam, first beta 0.9, epsilon 1e-8; AdamW where there is weight decay. */
  optimiser: z.strictObject({
    rate: z.number().positive().describe(
      "Learning rate of Adam (first beta 0.9, epsilon 1e-8), or of AdamW where there is weight decay",
    ),
    beta2: z.number().min(0).lt(1).describe("Decay of the mean of squared gradients; 0.999 in the reference"),
    warmupSteps: count.describe("Updates over which the rate rises linearly"),
    decaySteps: z.array(positive).describe("Updates after which the rate is multiplied by `decayFactor`"),
    decayFactor: z.number().positive().describe("Factor of the rate at each of `decaySteps`"),
    weightDecay: z.number().min(0).describe("Decoupled weight decay; 0 in the reference"),
    clipNorm: z.number().positive().nullable().describe(
      "Largest norm of all of a model's gradients together; null does not clip",
    ),
    unused: z.enum(UNUSED).describe(
      "Update of a module that was used before and that no program of a batch has: `zero`, as in the reference, updates it with a gradient of zero; `skip`, as PyTorch from 2.0 on, leaves it as it is",
    ),
  }),
  dice: z.number().min(0).describe(
    "Weight of the soft Dice loss beside the cross-entropy of masks; 0 in the reference",
  ),
  /** Supervision of the engine's inner nodes beside the answers; the reference supervises answers alone. */
  nodeLoss: z.strictObject({
    weight: z.number().min(0).describe("Weight of the inner nodes' mean loss; 0 for none"),
    perProgram: positive.nullable().describe("Inner nodes of each program, drawn anew each time; null for all"),
    rarity: z.number().min(0).describe(
      "A node's odds are its token's count in the training expressions to minus this power; 0 draws all alike",
    ),
    favour: z.record(z.string(), z.number().positive()).describe(
      'Factors of the odds by function, such as `{ "filter_ordinal": 4 }`',
    ),
    inputs: z.enum(NODE_INPUTS).describe(
      "Inputs of the supervised nodes: `predicted` by the modules before them, or `groundTruth` masks (teacher forcing), which the answers' nodes then get too",
    ),
    teacherForcingUntil: count.nullable().describe(
      "Updates with teacher forcing, after which inputs are `predicted`; null for all. A module that has only seen masks of 0 and 1 must still adapt to the probabilities that other modules predict",
    ),
  }),
  reinforce: z.strictObject({
    baseline: z.enum(BASELINES).describe(
      'Baseline of the rewards: their `moving` mean, as in the reference, or the reward of the `likeliest` program, so that an expression\'s difficulty cancels (Rennie et al., "Self-critical sequence training", CVPR 2017), or the mean reward of the `others` drawn for the same expression (Kool et al., "Buy 4 REINFORCE samples, get a baseline for free!", 2019)',
    ),
    draws: positive.default(1).describe(
      "Programs drawn of each expression in an update; the engine runs and learns each distinct one once; 1 in the reference",
    ),
    entropy: z.number().min(0).default(0).describe(
      "Weight of the entropy of the programs' tokens, which keeps draws apart; 0 in the reference",
    ),
    decay: z.number().min(0).lt(1).describe("Decay of the moving baseline: the share of the old one in the new"),
    mask: z.enum(["after_end", "none"]).describe(
      "Tokens left out of the loss: those drawn after a program's end, or `none`, as in the reference",
    ),
    temperature: z.number().positive().describe("Temperature at which programs are drawn"),
    engineRate: z.number().positive().describe(
      "The engine's rate in joint training as a share of the generator's; 1 in the reference",
    ),
  }),
  displayEvery: positive.describe("Updates between readings of the losses, which are then recorded"),
  validateEvery: positive.describe("Updates between evaluations of the held-out expressions"),
  validation: z.strictObject({
    metric: z.enum(VALIDATED).nullable().default(null).describe(
      "Measure of the held-out expressions by which the best checkpoint is kept and taken for results: the share of exact programs, or the masks' cumulative IoU; null keeps none",
    ),
    patience: positive.nullable().default(null).describe(
      "Validations in a row without a better one after which the run ends; null never ends it",
    ),
  }).prefault({}).describe("Validation while training"),
  checkpointEvery: positive.describe("Updates between checkpoints"),
  checkpointKeep: positive.describe("Newest checkpoints kept"),
});

/** Settings of a training run. */
export type RefplusConfig = z.infer<typeof refplusSchema>;
