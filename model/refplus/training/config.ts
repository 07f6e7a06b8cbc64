/**
 * The settings of IEP-Ref's training runs: schema, the reference's values and a small preset
 * (papers/iep-ref.md#training).
 */
import { z } from "../../../engine/base/packages/zod.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { UNUSED } from "../../../engine/internal.ts";
import { differences, type Json, type Layer, lookup, merge, settle } from "../../run/layers.ts";
import type { RunKind } from "../../run/kind.ts";
import { type Renamed, renamed } from "../../run/renamed.ts";
import { VERSION } from "../../run/version.ts";
import { STEM_OUTPUTS } from "../engine/blocks.ts";
import { MESSAGES } from "../engine/execution_engine.ts";
import { STARTS } from "../engine/initial.ts";

/** The training stages: the generator; the engine on annotated or on predicted programs; both by REINFORCE. */
export const STAGES = ["pg", "ee-gt", "ee-pred", "joint"] as const;

/** One of {@link STAGES}. */
export type Stage = typeof STAGES[number];

/** Baselines that are subtracted from rewards in joint training. */
export const BASELINES = ["moving", "likeliest"] as const;

/** One of {@link BASELINES}. */
export type Baseline = typeof BASELINES[number];

/** Inputs of supervised nodes. */
export const NODE_INPUTS = ["predicted", "groundTruth"] as const;

/** One of {@link NODE_INPUTS}. */
export type NodeInputs = typeof NODE_INPUTS[number];

/** The kind of these runs, in `config.json` and in checkpoints. */
const KIND = "refplus";

const positive = z.int().min(1);
const count = z.int().min(0);

/** Schema of `config.json` of such a run. */
export const refplusSchema = z.strictObject({
  kind: z.literal(KIND).default(KIND),
  /** Version that began the run. */
  version: z.string(),
  /** The training stage. */
  stage: z.enum(STAGES),
  /** Seed of all random numbers: weights, order, drawn programs. */
  seed: z.int().min(0).max(0xffffffff),
  /** The adapter that computes. */
  adapter: z.enum(["auto", "gpu", "cpu"]),
  /** Updates made. */
  steps: count,
  /** Expressions in an update. */
  batch: positive,
  data: z.strictObject({
    /** Files of `itera refplus preprocess` and `features`; the generator alone needs no features. */
    trainRefexps: z.string(),
    trainFeatures: z.string().nullable(),
    /** Held-out expressions; null does not validate. */
    valRefexps: z.string().nullable(),
    valFeatures: z.string().nullable(),
    vocabulary: z.string(),
    /** Scenes of the training expressions; only the loss of inner nodes needs them. */
    trainScenes: z.string().nullable(),
    /** Expressions used, the first of the file; null for all. */
    trainSamples: positive.nullable(),
    valSamples: positive.nullable(),
    /** A new order each epoch, from the seed; otherwise the order of the file, as in the reference. */
    shuffle: z.boolean(),
    /** Batches of expressions of similar length, which saves padding. */
    likeLengths: z.boolean(),
    /** Before update `until`, only programs of at most `longest` nodes, `scene` included. */
    curriculum: z.array(z.strictObject({ until: positive, longest: positive })),
  }),
  generator: z.strictObject({
    wordDim: positive,
    hidden: positive,
    layers: positive,
    /** First bias of the LSTMs' forget gates; null starts them at random, as the reference. */
    forgetBias: z.number().nullable(),
    /** Label smoothing of the tokens under teacher forcing; 0 in the reference. */
    labelSmoothing: z.number().min(0).lt(1),
  }),
  engine: z.strictObject({
    /** Channels of the modules' feature maps. */
    dim: positive,
    stemLayers: positive,
    /** Activation after the stem's last convolution: `relu`, as in the reference, or `none`, with which no channel can die. */
    stemOutput: z.enum(STEM_OUTPUTS),
    /** Inner channels of the mask head, before its last four; null for a quarter of `dim`, as in the reference. */
    headWidth: positive.nullable(),
    /** Samples that the head processes at once; null for as many as fit one binding. */
    headChunk: positive.nullable(),
    /** Initial weights: `reference`, or `identity`, with which modules begin by passing on their input. */
    start: z.enum(STARTS),
    /** Dilations of the convolutions of unary modules, one for each; 1 and 1 in the reference. */
    dilations: z.array(positive).min(2),
    /** Message between modules: `features`, as in the reference, or `attention` over the picture's features. */
    message: z.enum(MESSAGES),
  }),
  /** Checkpoints, or folders of runs, to begin from. */
  start: z.strictObject({ programGenerator: z.string().nullable(), executionEngine: z.string().nullable() }),
  /** Adam, first beta 0.9, epsilon 1e-8; AdamW where there is weight decay. */
  optimiser: z.strictObject({
    rate: z.number().positive(),
    /** Decay of the mean of squared gradients; 0.999 in the reference. */
    beta2: z.number().min(0).lt(1),
    /** Updates over which the rate rises linearly. */
    warmupSteps: count,
    /** Updates after which the rate is multiplied by `decayFactor`. */
    decaySteps: z.array(positive),
    decayFactor: z.number().positive(),
    /** Decoupled weight decay; 0 in the reference. */
    weightDecay: z.number().min(0),
    /** Largest norm of all of a model's gradients together; null does not clip. */
    clipNorm: z.number().positive().nullable(),
    /**
     * Update of a module that was used before and that no program of a batch has: `zero`, as in the reference, updates it with
     * a gradient of zero; `skip`, as PyTorch from 2.0 on, leaves it as it is.
     */
    unused: z.enum(UNUSED),
  }),
  /** Weight of the soft Dice loss beside the cross-entropy of masks; 0 in the reference. */
  dice: z.number().min(0),
  /** Supervision of the engine's inner nodes beside the answers; the reference supervises answers alone. */
  nodeLoss: z.strictObject({
    /** Weight of the inner nodes' mean loss; 0 for none. */
    weight: z.number().min(0),
    /** Inner nodes of each program, drawn anew each time; null for all. */
    perProgram: positive.nullable(),
    /** A node's odds are its token's count in the training expressions to minus this power; 0 draws all alike. */
    rarity: z.number().min(0),
    /** Factors of the odds by function, such as `{ "filter_ordinal": 4 }`. */
    favour: z.record(z.string(), z.number().positive()),
    /**
     * Inputs of the supervised nodes: `predicted` by the modules before them, or `groundTruth` masks (teacher forcing), which
     * the answers' nodes then get too.
     */
    inputs: z.enum(NODE_INPUTS),
    /**
     * Updates with teacher forcing, after which inputs are `predicted`; null for all. A module that has only seen masks of 0
     * and 1 must still adapt to the probabilities that other modules predict.
     */
    teacherForcingUntil: count.nullable(),
  }),
  reinforce: z.strictObject({
    /**
     * Baseline of the rewards: their `moving` mean, as in the reference, or the reward of the `likeliest` program, so that an
     * expression's difficulty cancels (Rennie et al., "Self-critical sequence training", CVPR 2017).
     */
    baseline: z.enum(BASELINES),
    /** Decay of the moving baseline: the share of the old one in the new. */
    decay: z.number().min(0).lt(1),
    /** Tokens left out of the loss: those drawn after a program's end, or `none`, as in the reference. */
    mask: z.enum(["after_end", "none"]),
    temperature: z.number().positive(),
    /** The engine's rate in joint training as a share of the generator's; 1 in the reference. */
    engineRate: z.number().positive(),
  }),
  /** Updates between readings of the losses, which are then recorded. */
  displayEvery: positive,
  /** Updates between evaluations of the held-out expressions. */
  validateEvery: positive,
  checkpointEvery: positive,
  checkpointKeep: positive,
});

/** Names and values of settings in earlier versions. */
const RENAMED: readonly Renamed[] = [
  { old: "step", now: "stage" },
  { old: "engine.passes", now: "engine.message", values: { maps: "features", masks: "attention" } },
  { old: "stepLoss", now: "nodeLoss" },
  { old: "nodeLoss.most", now: "nodeLoss.perProgram" },
  { old: "nodeLoss.inputs", now: "nodeLoss.inputs", values: { own: "predicted", true: "groundTruth" } },
  { old: "nodeLoss.ownAfter", now: "nodeLoss.teacherForcingUntil" },
];

/** Settings of a training run. */
export type RefplusConfig = z.infer<typeof refplusSchema>;

/** Presets by name: the reference's hyper-parameters, and small models for two CPU cores. */
export const REFPLUS_PRESETS = ["reference", "small"] as const;

const REFERENCE: Readonly<Record<Stage, { rate: number; batch: number; steps: number; every: number }>> = {
  pg: { rate: 5e-4, batch: 64, steps: 32_000, every: 1000 },
  "ee-pred": { rate: 1e-4, batch: 48, steps: 450_000, every: 5000 },
  "ee-gt": { rate: 1e-4, batch: 48, steps: 450_000, every: 5000 },
  joint: { rate: 5e-5, batch: 48, steps: 200_000, every: 5000 },
};

/** The reference's settings for a stage, except shuffling. */
function reference(stage: Stage): Json {
  const { rate, batch, steps, every } = REFERENCE[stage];
  return {
    kind: KIND,
    version: VERSION,
    stage,
    seed: 1,
    adapter: "auto",
    steps,
    batch,
    data: {
      trainFeatures: null,
      valRefexps: null,
      valFeatures: null,
      trainScenes: null,
      trainSamples: stage === "pg" ? 18_000 : null,
      valSamples: 10_000,
      shuffle: true,
      likeLengths: false,
      curriculum: [],
    },
    generator: { wordDim: 300, hidden: 256, layers: 2, forgetBias: null, labelSmoothing: 0 },
    engine: {
      dim: 128,
      stemLayers: 2,
      stemOutput: "relu",
      headWidth: null,
      headChunk: null,
      start: "reference",
      dilations: [1, 1],
      message: "features",
    },
    start: { programGenerator: null, executionEngine: null },
    optimiser: {
      rate,
      beta2: 0.999,
      warmupSteps: 0,
      decaySteps: [],
      decayFactor: 0.1,
      weightDecay: 0,
      clipNorm: null,
      unused: "zero",
    },
    dice: 0,
    nodeLoss: { weight: 0, perProgram: null, rarity: 0, favour: {}, inputs: "predicted", teacherForcingUntil: null },
    reinforce: { baseline: "moving", decay: 0.9, mask: "after_end", temperature: 1, engineRate: 1 },
    displayEvery: 10,
    validateEvery: every,
    checkpointEvery: every,
    checkpointKeep: 2,
  };
}

/** The changes that the small preset makes: sizes, rates and lengths for two CPU cores. */
function small(stage: Stage): Json {
  const generator = { wordDim: 64, hidden: 128, layers: 1, forgetBias: 1, labelSmoothing: 0.02 },
    engine = {
      dim: 16,
      // A quarter of so few channels would be 4, in two layers before the scores, where ReLU channels die.
      headWidth: 32,
      stemLayers: 1,
      stemOutput: "none",
      start: "identity",
      dilations: [1, 2, 4, 8],
      message: "attention",
    };
  const common = { generator, engine, displayEvery: 20, validateEvery: 500, checkpointEvery: 100 };
  const data = { valSamples: 200, trainSamples: null };
  switch (stage) {
    case "pg":
      return {
        ...common,
        validateEvery: 1000,
        steps: 9000,
        batch: 32,
        data: { ...data, likeLengths: true },
        // Without weight decay the model overfits long before it writes held-out programs exactly.
        optimiser: {
          rate: 4e-3,
          beta2: 0.95,
          warmupSteps: 50,
          decaySteps: [5400, 6600, 7600, 8400],
          decayFactor: 0.35,
          weightDecay: 0.15,
          clipNorm: 1,
        },
      };
    case "ee-gt":
    case "ee-pred":
      return {
        ...common,
        steps: 3000,
        batch: 40,
        data,
        dice: 1,
        // A few nodes each of many programs, so that rare ones come often; all have equal weight.
        nodeLoss: {
          weight: 2,
          perProgram: 2,
          rarity: 1,
          favour: { filter_ordinal: 3, same_color: 2, same_shape: 2 },
          // Predicted programs follow a training with teacher forcing: then whole programs must work.
          inputs: stage === "ee-gt" ? "groundTruth" : "predicted",
          teacherForcingUntil: stage === "ee-gt" ? 2750 : null,
        },
        optimiser: { rate: 3e-3, warmupSteps: 50, decaySteps: [1500, 1950, 2400, 2700], decayFactor: 0.4 },
      };
    case "joint":
      return {
        ...common,
        displayEvery: 10,
        steps: 100,
        batch: 24,
        // REINFORCE is slow: so few updates only learn expressions that are drawn about fifty times.
        data: { ...data, trainSamples: 48 },
        dice: 1,
        optimiser: { rate: 6e-4 },
        reinforce: { engineRate: 0.1 },
      };
  }
}

/** The settings of a new run; a layer may name a `preset` beside its settings. */
function begin(old: readonly Layer[]): RefplusConfig {
  const layers = old.map(withNewNames);
  const given = layers.reduce<Json>((value, { value: above }) => merge(value, above), {});
  const stage = STAGES.find((name) => name === lookup(given, ["stage"]));
  if (!stage) throw new UserError(`--stage: choose one of ${STAGES.join(", ")}`);
  const preset = lookup(given, ["preset"]) ?? "reference";
  if (!(REFPLUS_PRESETS as readonly unknown[]).includes(preset)) {
    throw new UserError(`--preset ${preset}: is none of ${REFPLUS_PRESETS.join(", ")}`);
  }
  const defaults = preset === "small" ? merge(reference(stage), small(stage)) : reference(stage);
  return checked(settle(refplusSchema, [{ source: "defaults", value: defaults }, ...layers.map(withoutPreset)]));
}

/** Settings that a resumed run may change: the updates already made do not depend on them. */
const FREE =
  /^(steps|data\.(trainRefexps|trainFeatures|valRefexps|valFeatures|vocabulary|trainScenes)|checkpointEvery|checkpointKeep)$/;

/** Settings of earlier versions where these did not follow the reference: the width of the head did not depend on `dim`. */
const BEFORE: Json = { engine: { headWidth: 32 } };

/**
 * Settings that any version saved, complete and with today's names: the ones it lacked have the values by which it worked,
 * mostly the reference's.
 */
export function completed(saved: Json): Json {
  const own = renamed(saved, RENAMED), stage = STAGES.find((name) => name === lookup(own, ["stage"]));
  return stage ? merge(merge(reference(stage), BEFORE), own) : own;
}

function resume(saved: Layer, layers: readonly Layer[]): RefplusConfig {
  const before = settle(refplusSchema, [{ ...saved, value: completed(saved.value) }]);
  const own = layers.map(withNewNames).map(withoutPreset);
  for (const layer of own) {
    const changed = differences(before, merge(before, layer.value)).find((path) => !FREE.test(path));
    if (changed !== undefined) {
      throw new UserError(
        `${layer.source}: a resumed run keeps its settings, "${changed}" is another; give a new run another --name`,
      );
    }
  }
  return checked(settle(refplusSchema, [{ source: saved.source, value: before }, ...own]));
}

/** Settings that have everything their stage needs. */
function checked(config: RefplusConfig): RefplusConfig {
  const { stage, data, start, nodeLoss } = config;
  const needs = (flag: string, what: string): never => {
    throw new UserError(`--stage ${stage} needs ${flag}, ${what}`);
  };
  if (stage !== "pg" && data.trainFeatures === null) {
    needs("--train_features_h5", "the file that itera refplus features writes");
  }
  if (stage !== "pg" && data.valRefexps !== null && data.valFeatures === null) {
    needs("--val_features_h5", "or no --val_refexp_h5");
  }
  if (stage !== "pg" && nodeLoss.weight > 0 && data.trainScenes === null) {
    throw new UserError(
      "nodeLoss.weight: the loss of inner nodes needs --train_scenes_json, the training pictures' scenes",
    );
  }
  if (stage === "joint" && nodeLoss.weight > 0 && nodeLoss.inputs === "groundTruth") {
    throw new UserError(
      "nodeLoss.inputs: joint training rewards whole programs, without teacher forcing; set predicted",
    );
  }
  if ((stage === "ee-pred" || stage === "joint") && start.programGenerator === null) {
    needs("--program_generator_start_from", "the run or checkpoint of a trained program generator");
  }
  if (stage === "joint" && start.executionEngine === null) {
    needs("--execution_engine_start_from", "the run or checkpoint of a trained execution engine");
  }
  return config;
}

function withNewNames({ source, value }: Layer): Layer {
  return { source, value: renamed(value, RENAMED) };
}

function withoutPreset({ source, value }: Layer): Layer {
  const { preset: _, ...rest } = value as Record<string, Json>;
  return { source, value: rest };
}

/** Runs of this kind, for run folders. */
export const REFPLUS_RUNS: RunKind<RefplusConfig> = {
  kind: KIND,
  begin,
  resume,
  // Before runs had a kind, only those of the module network had a stage or a generator.
  owns: (saved) => ["stage", "step", "generator"].some((key) => lookup(saved, [key]) !== undefined),
};
