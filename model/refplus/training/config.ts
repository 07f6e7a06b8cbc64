/**
 * The settings of IEP-Ref's training runs: schema, the reference's values and a small preset
 * (papers/iep-ref.md#training).
 */
import { z } from "zod";
import { UserError } from "../../../engine/base/user_error.ts";
import { UNUSED } from "../../../engine/internal.ts";
import { differences, type Json, type Layer, lookup, merge, settle } from "../../run/layers.ts";
import type { RunKind } from "../../run/kind.ts";
import { VERSION } from "../../run/version.ts";
import { STEM_OUTPUTS } from "../engine/blocks.ts";
import { PASSES } from "../engine/execution_engine.ts";
import { STARTS } from "../engine/initial.ts";

/** What can be trained: the generator; the engine on annotated or on predicted programs; both by REINFORCE. */
export const STEPS = ["pg", "ee-gt", "ee-pred", "joint"] as const;

/** One of {@link STEPS}. */
export type Step = typeof STEPS[number];

/** What rewards are held against in joint training. */
export const BASELINES = ["moving", "likeliest"] as const;

/** One of {@link BASELINES}. */
export type Baseline = typeof BASELINES[number];

/** What these runs are called in `config.json` and in checkpoints. */
const KIND = "refplus";

const positive = z.int().min(1);
const count = z.int().min(0);

/** What `config.json` of such a run holds. */
export const refplusSchema = z.strictObject({
  kind: z.literal(KIND).default(KIND),
  /** Version that began the run. */
  version: z.string(),
  /** What is trained. */
  step: z.enum(STEPS),
  /** Starts every random sequence: weights, order, drawn programs. */
  seed: z.int().min(0).max(0xffffffff),
  /** Which adapter computes. */
  adapter: z.enum(["auto", "gpu", "cpu"]),
  /** Updates made. */
  steps: count,
  /** Expressions an update learns from. */
  batch: positive,
  data: z.strictObject({
    /** Files of `itera refplus preprocess` and `features`; the generator alone needs no features. */
    trainRefexps: z.string(),
    trainFeatures: z.string().nullable(),
    /** Held-out expressions; null does not validate. */
    valRefexps: z.string().nullable(),
    valFeatures: z.string().nullable(),
    vocabulary: z.string(),
    /** Scenes of the expressions learnt from; only what teaches inner steps needs them. */
    trainScenes: z.string().nullable(),
    /** The first so many expressions; null for all. */
    trainSamples: positive.nullable(),
    valSamples: positive.nullable(),
    /** Another order each epoch, from the seed; else that of the file, as the reference. */
    shuffle: z.boolean(),
    /** Put expressions of like length into a batch, which spares padding. */
    likeLengths: z.boolean(),
    /** Before update `until`, only programs of at most `longest` steps, `scene` included. */
    curriculum: z.array(z.strictObject({ until: positive, longest: positive })),
  }),
  generator: z.strictObject({
    wordDim: positive,
    hidden: positive,
    layers: positive,
    /** First bias of the LSTMs' forget gates; null starts them at random, as the reference. */
    forgetBias: z.number().nullable(),
    /** Share of each token's target that is spread over all tokens where programs are given; 0 in the reference. */
    labelSmoothing: z.number().min(0).lt(1),
  }),
  engine: z.strictObject({
    /** Channels between modules. */
    dim: positive,
    stemLayers: positive,
    /** What follows the stem's last convolution: `relu`, as in the reference, or `none`, with which no channel can die. */
    stemOutput: z.enum(STEM_OUTPUTS),
    /** Channels of the head between the maps' and its last four; null for a quarter of `dim`, as in the reference. */
    headWidth: positive.nullable(),
    /** Samples the head works on at once; null for as many as fit one binding. */
    headChunk: positive.nullable(),
    /** How weights start: `reference`, or `identity`, by which modules begin by handing on what they are given. */
    start: z.enum(STARTS),
    /** Dilations of the convolutions of modules with one input, one for each; 1 and 1 in the reference. */
    dilations: z.array(positive).min(2),
    /** What modules pass on: `maps`, as in the reference, or `masks`, with which they mark the picture's map. */
    passes: z.enum(PASSES),
  }),
  /** Checkpoints, or folders of runs, to begin from. */
  start: z.strictObject({ programGenerator: z.string().nullable(), executionEngine: z.string().nullable() }),
  /** Adam, first beta 0.9, epsilon 1e-8; AdamW where there is weight decay. */
  optimiser: z.strictObject({
    rate: z.number().positive(),
    /** Decay of the mean of squared gradients; 0.999 in the reference. */
    beta2: z.number().min(0).lt(1),
    /** Steps over which the rate rises in a straight line. */
    warmupSteps: count,
    /** Steps after which the rate is multiplied by `decayFactor`. */
    decaySteps: z.array(positive),
    decayFactor: z.number().positive(),
    /** Share of each weight, times the rate, taken off at every update; 0 in the reference. */
    weightDecay: z.number().min(0),
    /** Largest joint norm of a model's gradients; null does not clip. */
    clipNorm: z.number().positive().nullable(),
    /**
     * What becomes of a module that was used before and that no program of a batch has: `zero`, as in the reference, goes on
     * with a gradient of zero; `skip`, as PyTorch from 2.0 on, leaves it as it is.
     */
    unused: z.enum(UNUSED),
  }),
  /** Weight of the soft Dice loss beside the cross-entropy of masks; 0 in the reference. */
  dice: z.number().min(0),
  /** Teaches the engine what inner steps point at, beside the answers; the reference teaches answers alone. */
  stepLoss: z.strictObject({
    /** Weight of the inner steps' mean loss; 0 does without. */
    weight: z.number().min(0),
    /** Inner steps of each program, drawn anew each time; null for all. */
    most: positive.nullable(),
    /** A step is drawn by its token's number in the expressions learnt from, to minus this power; 0 draws all alike. */
    rarity: z.number().min(0),
    /** Functions that are drawn so many times as often, such as `{ "filter_ordinal": 4 }`. */
    favour: z.record(z.string(), z.number().positive()),
    /** What taught steps, and then answers too, are given: what the modules before them made (`own`), or the `true` masks. */
    inputs: z.enum(["own", "true"]),
    /**
     * Updates after which all are given their own inputs, however they began; null for none. What modules pass on is a
     * likelihood, not the 0 or 1 of a true mask, and a module that has only seen these must still get used to those.
     */
    ownAfter: count.nullable(),
  }),
  reinforce: z.strictObject({
    /**
     * What a reward is held against: the `moving` mean of rewards, as in the reference, or the reward of the program that is
     * `likeliest` now, by which it does not count how hard the expression is (Rennie et al., "Self-critical sequence training",
     * CVPR 2017).
     */
    baseline: z.enum(BASELINES),
    /** Share of the old moving baseline in the new one. */
    decay: z.number().min(0).lt(1),
    /** Leave out what is drawn after a program's end; `none` is the reference's. */
    mask: z.enum(["after_end", "none"]),
    temperature: z.number().positive(),
    /** The engine's rate in joint training as a share of the generator's; 1 in the reference. */
    engineRate: z.number().positive(),
  }),
  /** Losses are read from the device and recorded every so many steps. */
  displayEvery: positive,
  /** Held-out expressions are evaluated every so many steps. */
  validateEvery: positive,
  checkpointEvery: positive,
  checkpointKeep: positive,
});

/** Settings of a training run. */
export type RefplusConfig = z.infer<typeof refplusSchema>;

/** Presets by name: the reference's hyper-parameters, and small models for two CPU cores. */
export const REFPLUS_PRESETS = ["reference", "small"] as const;

const REFERENCE: Readonly<Record<Step, { rate: number; batch: number; steps: number; every: number }>> = {
  pg: { rate: 5e-4, batch: 64, steps: 32_000, every: 1000 },
  "ee-pred": { rate: 1e-4, batch: 48, steps: 450_000, every: 5000 },
  "ee-gt": { rate: 1e-4, batch: 48, steps: 450_000, every: 5000 },
  joint: { rate: 5e-5, batch: 48, steps: 200_000, every: 5000 },
};

/** Every setting of a step as the reference has it, but for shuffling. */
function reference(step: Step): Json {
  const { rate, batch, steps, every } = REFERENCE[step];
  return {
    kind: KIND,
    version: VERSION,
    step,
    seed: 1,
    adapter: "auto",
    steps,
    batch,
    data: {
      trainFeatures: null,
      valRefexps: null,
      valFeatures: null,
      trainScenes: null,
      trainSamples: step === "pg" ? 18_000 : null,
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
      passes: "maps",
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
    stepLoss: { weight: 0, most: null, rarity: 0, favour: {}, inputs: "own", ownAfter: null },
    reinforce: { baseline: "moving", decay: 0.9, mask: "after_end", temperature: 1, engineRate: 1 },
    displayEvery: 10,
    validateEvery: every,
    checkpointEvery: every,
    checkpointKeep: 2,
  };
}

/** What the small preset changes: sizes, rates and lengths for two CPU cores. */
function small(step: Step): Json {
  const generator = { wordDim: 64, hidden: 128, layers: 1, forgetBias: 1, labelSmoothing: 0.02 },
    engine = {
      dim: 16,
      // A quarter of so few channels would be 4, twice in a row before the scores, where rectified channels die.
      headWidth: 32,
      stemLayers: 1,
      stemOutput: "none",
      start: "identity",
      dilations: [1, 2, 4, 8],
      passes: "masks",
    };
  const common = { generator, engine, displayEvery: 20, validateEvery: 500, checkpointEvery: 100 };
  const data = { valSamples: 200, trainSamples: null };
  switch (step) {
    case "pg":
      return {
        ...common,
        validateEvery: 1000,
        steps: 9000,
        batch: 32,
        data: { ...data, likeLengths: true },
        // Without decay the model knows its expressions by heart long before it writes others exactly.
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
        // Of many programs a few steps each, so that rare ones come often; all weigh alike.
        stepLoss: {
          weight: 2,
          most: 2,
          rarity: 1,
          favour: { filter_ordinal: 3, same_color: 2, same_shape: 2 },
          // Predicted programs come when the modules are taught: then whole programs must go right.
          inputs: step === "ee-gt" ? "true" : "own",
          ownAfter: step === "ee-gt" ? 2750 : null,
        },
        optimiser: { rate: 3e-3, warmupSteps: 50, decaySteps: [1500, 1950, 2400, 2700], decayFactor: 0.4 },
      };
    case "joint":
      return {
        ...common,
        displayEvery: 10,
        steps: 100,
        batch: 24,
        // REINFORCE is slow: only what is drawn some fifty times is learnt in so few updates.
        data: { ...data, trainSamples: 48 },
        dice: 1,
        optimiser: { rate: 6e-4 },
        reinforce: { engineRate: 0.1 },
      };
  }
}

/** The settings of a new run; a layer may name a `preset` beside its settings. */
function begin(layers: readonly Layer[]): RefplusConfig {
  const given = layers.reduce<Json>((value, { value: above }) => merge(value, above), {});
  const step = STEPS.find((name) => name === lookup(given, ["step"]));
  if (!step) throw new UserError(`--step: choose one of ${STEPS.join(", ")}`);
  const preset = lookup(given, ["preset"]) ?? "reference";
  if (!(REFPLUS_PRESETS as readonly unknown[]).includes(preset)) {
    throw new UserError(`--preset ${preset}: is none of ${REFPLUS_PRESETS.join(", ")}`);
  }
  const defaults = preset === "small" ? merge(reference(step), small(step)) : reference(step);
  return checked(settle(refplusSchema, [{ source: "defaults", value: defaults }, ...layers.map(withoutPreset)]));
}

/** Settings a resumed run may change: they do not enter the numbers of the steps already done. */
const FREE =
  /^(steps|data\.(trainRefexps|trainFeatures|valRefexps|valFeatures|vocabulary|trainScenes)|checkpointEvery|checkpointKeep)$/;

/** What earlier versions did, where it is not what the reference does: the width of the head did not follow `dim`. */
const BEFORE: Json = { engine: { headWidth: 32 } };

/** Settings as an earlier version saved them, with what it did for those that it had not: mostly the reference's values. */
export function completed(saved: Json): Json {
  const step = STEPS.find((name) => name === lookup(saved, ["step"]));
  return step ? merge(merge(reference(step), BEFORE), saved) : saved;
}

function resume(saved: Layer, layers: readonly Layer[]): RefplusConfig {
  const before = settle(refplusSchema, [{ ...saved, value: completed(saved.value) }]);
  const own = layers.map(withoutPreset);
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

/** What a step cannot do without. */
function checked(config: RefplusConfig): RefplusConfig {
  const { step, data, start, stepLoss } = config;
  const needs = (flag: string, what: string): never => {
    throw new UserError(`--step ${step} needs ${flag}, ${what}`);
  };
  if (step !== "pg" && data.trainFeatures === null) {
    needs("--train_features_h5", "the file that itera refplus features writes");
  }
  if (step !== "pg" && data.valRefexps !== null && data.valFeatures === null) {
    needs("--val_features_h5", "or no --val_refexp_h5");
  }
  if (step !== "pg" && stepLoss.weight > 0 && data.trainScenes === null) {
    throw new UserError(
      "stepLoss.weight: teaching inner steps needs --train_scenes_json, the training pictures' scenes",
    );
  }
  if (step === "joint" && stepLoss.weight > 0 && stepLoss.inputs === "true") {
    throw new UserError("stepLoss.inputs: joint training rewards what the engine makes by itself; it must be own");
  }
  if ((step === "ee-pred" || step === "joint") && start.programGenerator === null) {
    needs("--program_generator_start_from", "the run or checkpoint of a trained program generator");
  }
  if (step === "joint" && start.executionEngine === null) {
    needs("--execution_engine_start_from", "the run or checkpoint of a trained execution engine");
  }
  return config;
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
  // Before runs had a kind, the module network's alone named the step that is trained.
  owns: (saved) => lookup(saved, ["step"]) !== undefined || lookup(saved, ["generator"]) !== undefined,
};
