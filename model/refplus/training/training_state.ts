/** State of a training run: models, optimisers, data and validation. */
import { UserError } from "../../../engine/base/user_error.ts";
import type { Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { RandomStream } from "../../../engine/base/random.ts";
import { Adam, type Device, type Module, type Optimiser } from "../../../engine/mod.ts";
import type { StepLosses } from "../../run/logs/loss_log.ts";
import type { TrainHooks } from "../../run/hooks.ts";
import type { RefplusConfig } from "./config.ts";
import { evaluateSamples } from "../evaluation/evaluation.ts";
import { assertSameSpec, type DataSpec } from "../data_spec.ts";
import type { ExecutionEngine, NodeTargets } from "../engine/execution_engine.ts";
import {
  engineOf,
  generatorFor,
  generatorOf,
  type Models,
  readRefplusCheckpoint,
  type RefplusCheckpoint,
  samePrograms,
} from "../checkpoint.ts";
import { buildEngine, buildGenerator, programTokens } from "../build.ts";
import { GeneratorUpdates } from "../generator/generator_updates.ts";
import type { ProgramGenerator } from "../generator/program_generator.ts";
import type { ProgramTree } from "../engine/program_tree.ts";
import type { Samples } from "./samples.ts";
import { scoreMasks } from "../evaluation/scoring.ts";
import { Accumulation } from "./accumulation.ts";
import { GroundTruth, oddsOf } from "./node_targets.ts";
import type { UnreadLosses } from "../../run/logs/loss_log.ts";
import { jointUpdate } from "./joint_update.ts";
import { drawnTrees, engineUpdate, engineUpdateWith, type Part, partsOf } from "./updates.ts";
import { type Ranks, shareOf } from "../../run/ranks/ranks.ts";

/** The newest measures of held-out expressions. */
export interface Validation {
  readonly step: number;
  /** Share of exact programs; absent where the generator is not trained. */
  readonly exactMatch?: number;
  /** Shares of programs that are not exactly one tree, and that have no end; absent where none are written. */
  readonly illFormed?: number;
  readonly overLong?: number;
  /** Cumulative intersection over union; absent where no engine is trained. */
  readonly iou?: number;
}

/** Samples evaluated at once. */
const EVALUATED = 40;

/** State of a run. */
export interface TrainingState {
  readonly config: RefplusConfig;
  readonly models: Models;
  readonly optimisers: { readonly generator: Optimiser | null; readonly engine: Optimiser | null };
  /** Updates of the generator in stage `pg`; null in others. */
  readonly generatorUpdates: GeneratorUpdates | null;
  /** Updates by the gradients of parts, in the stages that train the engine. */
  readonly updates: { readonly generator: Accumulation | null; readonly engine: Accumulation | null };
  readonly vocabulary: Vocabulary;
  readonly spec: DataSpec | null;
  readonly train: Samples;
  readonly val: Samples | null;
  /** Ground truth of inner nodes; null where only answers are supervised. */
  readonly supervision: NodeSupervision | null;
  /** Processes that train together; null or absent where this one is alone. */
  readonly ranks?: Ranks | null | undefined;
}

/** Ground truth of inner nodes, and the odds of a node with each token to be drawn. */
export interface NodeSupervision {
  readonly truth: GroundTruth;
  readonly odds: Float64Array;
}

/** Supervision of inner nodes of `train` by a run's settings; null where only answers are supervised. */
export async function nodeSupervision(
  { stage, nodeLoss, data }: RefplusConfig,
  train: Samples,
  vocabulary: Vocabulary,
): Promise<NodeSupervision | null> {
  if (stage === "pg" || nodeLoss.weight === 0) return null;
  const { names } = programTokens(vocabulary);
  const truth = await GroundTruth.open(data.trainScenes!, train.maskSize);
  truth.require(train.pictures(Array.from({ length: train.size }, (_, i) => i)));
  return {
    truth,
    odds: oddsOf(names, train.tokenCounts(names.length), nodeLoss),
  };
}

/** Sizes of both models. */
export type Sizes = Pick<RefplusConfig, "generator" | "engine">;

/** Both models at the start of the run or from its checkpoint, with their own sizes; a frozen generator gets no gradient. */
export async function startingModels(
  device: Device,
  config: RefplusConfig,
  vocabulary: Vocabulary,
  spec: DataSpec | null,
  checkpoint: RefplusCheckpoint | null,
  report: (text: string) => void,
): Promise<Models & Disposable & { readonly sizes: Sizes }> {
  const { stage, start } = config;
  // A model to begin from keeps its sizes; the settings describe new ones.
  const sizes = { generator: (checkpoint?.config ?? config).generator, engine: (checkpoint?.config ?? config).engine };
  const startGenerator = async (): Promise<ProgramGenerator> => {
    if (checkpoint) return generatorOf(device, checkpoint);
    if (start.programGenerator === null) return buildGenerator(device, config, vocabulary);
    const found = await startFrom(start.programGenerator, config, report);
    sizes.generator = found.config.generator;
    return generatorFor(device, found, vocabulary, config.seed);
  };
  const startEngine = async (): Promise<ExecutionEngine> => {
    if (checkpoint) return engineOf(device, checkpoint);
    if (start.executionEngine === null) return buildEngine(device, config, vocabulary, spec!);
    const found = await startFrom(start.executionEngine, config, report);
    if (!samePrograms(found.vocabulary, vocabulary)) {
      throw new UserError(
        `${found.path}: was trained with other program tokens than those of ${config.data.vocabulary}`,
      );
    }
    assertSameSpec(spec, found);
    sizes.engine = found.config.engine;
    return engineOf(device, found);
  };
  const generator = stage === "ee-gt" ? null : await startGenerator();
  if (stage === "ee-pred") generator?.freeze();
  try {
    const engine = stage === "pg" ? null : await startEngine();
    if (engine?.message === "features" && config.nodeLoss.weight > 0 && config.nodeLoss.inputs === "groundTruth") {
      throw new UserError(
        "nodeLoss.inputs: ground-truth inputs are masks, and this engine's modules pass features; set predicted",
      );
    }
    return {
      generator,
      engine,
      sizes,
      [Symbol.dispose]: () => {
        generator?.[Symbol.dispose]();
        engine?.[Symbol.dispose]();
      },
    };
  } catch (error) {
    generator?.[Symbol.dispose]();
    throw error;
  }
}

/** A checkpoint to begin from; this run's settings hold for everything but the sizes of its models. */
async function startFrom(
  path: string,
  { generator, engine }: RefplusConfig,
  report: (text: string) => void,
): Promise<RefplusCheckpoint> {
  const found = await readRefplusCheckpoint(path, (broken, reason) => report(`passed over ${broken}: ${reason}`));
  const { config } = found;
  return {
    ...found,
    config: {
      ...config,
      generator: { ...config.generator, labelSmoothing: generator.labelSmoothing },
      engine: { ...config.engine, headChunk: engine.headChunk },
    },
  };
}

/** An optimiser of a model's parameters; null where there is none to train. */
function optimiserOf(
  { optimiser: { rate, beta2, weightDecay, clipNorm, unused } }: RefplusConfig,
  model: Module | null,
): Optimiser & Disposable | null {
  if (!model) return null;
  return new Adam(model.device, model.trainable(), {
    rate,
    betas: [0.9, beta2],
    weightDecay,
    decoupledDecay: true,
    unused,
    ...clipNorm === null ? {} : { clipNorm },
  });
}

/** Stream of random numbers that draws the supervised inner nodes. */
const NODES = 0x0bde6;

/** Optimisers of the models that a run's stage trains, and their updates. */
export function learnersOf(
  config: RefplusConfig,
  { generator, engine }: Models,
): Pick<TrainingState, "optimisers" | "generatorUpdates" | "updates"> & Disposable {
  const alone = config.stage === "pg";
  const optimisers = {
    generator: optimiserOf(config, alone || config.stage === "joint" ? generator : null),
    engine: optimiserOf(config, engine),
  };
  const generatorUpdates = alone ? new GeneratorUpdates(generator!, optimisers.generator!) : null;
  const accumulation = (model: Module | null, optimiser: Optimiser | null): Accumulation | null =>
    model && optimiser && new Accumulation(model, optimiser);
  const updates = {
    generator: accumulation(generator, optimisers.generator),
    engine: accumulation(engine, optimisers.engine),
  };
  const owned = [generatorUpdates, updates.generator, updates.engine, optimisers.generator, optimisers.engine];
  return {
    optimisers,
    generatorUpdates,
    updates,
    [Symbol.dispose]: () => {
      for (const part of owned) part?.[Symbol.dispose]();
    },
  };
}

/** One update, which replaces the baseline of `progress`. */
export async function update(
  state: TrainingState,
  batch: readonly number[],
  progress: { readonly step: number; baseline: number },
): Promise<StepLosses> {
  const { models: { generator, engine }, updates, train, vocabulary, supervision } = state;
  const { stage, seed, dice, nodeLoss, accumulate, reinforce } = state.config;
  const { baseline: against, draws, entropy, decay, mask, temperature } = reinforce;
  const choice = { seed, step: progress.step, temperature }, parts = partsOf(batch, accumulate);
  const { ranks } = state, own = shareOf(ranks, parts);
  const tokens = programTokens(vocabulary);
  const nodes = (programs: readonly ProgramTree[], { samples, number }: Part): NodeTargets => {
    // Parts draw by streams of their own, so that none depends on how many the others drew.
    const path = parts.length === 1 ? [progress.step] : [progress.step, number];
    const random = new RandomStream(seed, NODES, ...path), { truth, odds } = supervision!;
    const inputs = progress.step < (nodeLoss.teacherForcingUntil ?? Infinity) ? nodeLoss.inputs : "predicted";
    return truth.targets(train.pictures(samples), programs, tokens, { ...nodeLoss, inputs, odds, random });
  };
  const losses = { dice, ...supervision ? { nodes } : {} };
  const byPrograms = (programs: readonly (readonly ProgramTree[])[]): UnreadLosses | Promise<UnreadLosses> =>
    ranks
      ? engineUpdateWith(ranks, engine!, updates.engine!, train, parts, programs, losses)
      : engineUpdate(engine!, updates.engine!, train, parts, programs, losses);
  switch (stage) {
    case "pg": {
      const given = own.map(({ samples }) => [train.words(samples), train.programs(samples)] as const);
      const generatorUpdates = state.generatorUpdates!;
      if (!ranks) return generatorUpdates.runParts(given);
      return await generatorUpdates.runPartsWith(ranks, given, { size: batch.length, count: parts.length });
    }
    case "ee-gt":
      return await byPrograms(own.map(({ samples }) => train.trees(samples, tokens)));
    case "ee-pred":
      return await byPrograms(await drawnTrees(generator!, train, parts, choice, tokens, own));
    case "joint": {
      const joint = {
        generator: generator!,
        engine: engine!,
        updates: { generator: updates.generator!, engine: updates.engine! },
        tokens,
        against,
        draws,
        entropy,
        decay,
        mask,
        losses,
        ...ranks ? { ranks } : {},
      };
      const made = await jointUpdate(joint, train, parts, choice, progress.baseline);
      progress.baseline = made.baseline;
      return made.losses;
    }
  }
}

/** Evaluates the held-out expressions during training: exact programs, and masks by the kind of programs trained on. */
export async function validated(state: TrainingState, step: number, hooks: TrainHooks): Promise<Validation | null> {
  const { models, val, vocabulary, config } = state;
  if (!val) return null;
  const { overlaps, exact, illFormed, overLong } = await evaluateSamples(models, val, {
    programs: config.stage === "ee-gt" ? "truth" : "predicted",
    batch: EVALUATED,
    tokens: programTokens(vocabulary),
    ranks: state.ranks,
    onProgress: (done, of) => {
      // A run that is to stop finishes its validation first, so that its records equal those of an uninterrupted run.
      if (!hooks.signal?.aborted) hooks.onEvaluate?.(done, of);
    },
  });
  return {
    step,
    ...exact && config.stage !== "ee-pred" ? { exactMatch: exact.filter(Boolean).length / exact.length } : {},
    ...exact ? { illFormed: illFormed / exact.length, overLong: overLong / exact.length } : {},
    ...overlaps ? { iou: scoreMasks(overlaps).cumulativeIou ?? 0 } : {},
  };
}

/** A validation's measures by their names in the log. */
export function measuresOf({ exactMatch, illFormed, overLong, iou }: Validation): Record<string, number> {
  return {
    ...exactMatch === undefined ? {} : { val_exact_match: exactMatch },
    ...illFormed === undefined ? {} : { val_ill_formed: illFormed },
    ...overLong === undefined ? {} : { val_over_long: overLong },
    ...iou === undefined ? {} : { val_iou: iou },
  };
}
