/**
 * The settings of IEP-Ref's training runs: the reference's values and a small preset
 * (papers/iep-ref.md#training).
 */
import { UserError } from "../../../engine/base/user_error.ts";
import { differences, type Json, type Layer, lookup, merge, settle } from "../../run/layers.ts";
import type { RunKind } from "../../run/kind.ts";
import { type Renamed, renamed } from "../../run/renamed.ts";
import { newConvolutions } from "../../run/run_config.ts";
import { VERSION } from "../../run/version.ts";
import { KIND, type RefplusConfig, refplusSchema, type Stage, STAGES, VALIDATED } from "./config_schema.ts";

export {
  type Baseline,
  BASELINES,
  NODE_INPUTS,
  type NodeInputs,
  type RefplusConfig,
  refplusSchema,
  type Stage,
  STAGES,
  VALIDATED,
} from "./config_schema.ts";

/** Names and values of settings in earlier versions. */
const RENAMED: readonly Renamed[] = [
  { old: "step", now: "stage" },
  { old: "engine.passes", now: "engine.message", values: { maps: "features", masks: "attention" } },
  { old: "stepLoss", now: "nodeLoss" },
  { old: "nodeLoss.most", now: "nodeLoss.perProgram" },
  { old: "nodeLoss.inputs", now: "nodeLoss.inputs", values: { own: "predicted", true: "groundTruth" } },
  { old: "nodeLoss.ownAfter", now: "nodeLoss.teacherForcingUntil" },
];

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
    convolutions: newConvolutions(),
    steps,
    batch,
    accumulate: 1,
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
    reinforce: {
      baseline: "moving",
      draws: 1,
      entropy: 0,
      decay: 0.9,
      mask: "after_end",
      temperature: 1,
      engineRate: 1,
    },
    displayEvery: 10,
    validateEvery: every,
    validation: { metric: null, patience: null },
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
  const defaults = defaultsOf(stage, given);
  return checked(settle(refplusSchema, [{ source: "defaults", value: defaults }, ...layers.map(withoutPreset)]));
}

/** The settings of a stage by the preset that `given` names. */
function defaultsOf(stage: Stage, given: Json): Json {
  const preset = lookup(given, ["preset"]) ?? "reference";
  if (!(REFPLUS_PRESETS as readonly unknown[]).includes(preset)) {
    throw new UserError(`--preset ${preset}: is none of ${REFPLUS_PRESETS.join(", ")}`);
  }
  return preset === "small" ? merge(reference(stage), small(stage)) : reference(stage);
}

/** Settings that a resumed run may change: the updates already made do not depend on them. */
const FREE =
  /^(steps|data\.(trainRefexps|trainFeatures|valRefexps|valFeatures|vocabulary|trainScenes)|validation\.patience|checkpointEvery|checkpointKeep)$/;

/** Settings of earlier versions that are others now: the width of the head did not depend on `dim`. */
const BEFORE: Json = { convolutions: "direct", engine: { headWidth: 32 } };

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
  const { stage, data, start, nodeLoss, batch, accumulate, reinforce } = config;
  if (reinforce.baseline === "others" && reinforce.draws === 1) {
    throw new UserError("reinforce.baseline: others needs several programs of each expression; set reinforce.draws");
  }
  if (accumulate > batch) throw new UserError(`accumulate: ${batch} expressions make at most ${batch} parts`);
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
  checkValidation(config);
  if ((stage === "ee-pred" || stage === "joint") && start.programGenerator === null) {
    needs("--program_generator_start_from", "the run or checkpoint of a trained program generator");
  }
  if (stage === "joint" && start.executionEngine === null) {
    needs("--execution_engine_start_from", "the run or checkpoint of a trained execution engine");
  }
  return config;
}

/** Throws {@link UserError} where the best checkpoint is asked for by what is not measured. */
function checkValidation({ stage, data, validation: { metric, patience } }: RefplusConfig): void {
  if (metric === null) {
    if (patience === null) return;
    throw new UserError("validation.patience: there is no measure to wait for; give --best too");
  }
  if (data.valRefexps === null) {
    throw new UserError(`validation.metric: ${metric} is measured on held-out expressions; give --val_refexp_h5`);
  }
  const measured: readonly string[] = stage === "joint"
    ? VALIDATED
    : stage === "pg"
    ? ["val_exact_match"]
    : ["val_iou"];
  if (measured.includes(metric)) return;
  throw new UserError(`validation.metric: ${stage} does not measure ${metric}; give --best ${measured.join(" or ")}`);
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
  schema: refplusSchema,
  free: FREE,
  paths: [
    ...["Refexps", "Features"].flatMap((what) => [`data.train${what}`, `data.val${what}`]),
    ...["data.vocabulary", "data.trainScenes", "start.programGenerator", "start.executionEngine"],
  ],
  defaults: (choices) => defaultsOf(STAGES.find((name) => name === lookup(choices, ["stage"])) ?? "pg", choices),
  choices: REFPLUS_PRESETS.flatMap((preset) =>
    STAGES.map((stage) => ({ flags: `--preset ${preset} --stage ${stage}`, value: { preset, stage } }))
  ),
};
