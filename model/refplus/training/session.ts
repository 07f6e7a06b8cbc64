/** What a training run works with: models, what updates them, what measures them. */
import { UserError } from "../../../engine/base/user_error.ts";
import type { Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { RandomStream } from "../../../engine/base/random.ts";
import { Adam, type Device, type Module, type Optimiser } from "../../../engine/mod.ts";
import type { StepLosses } from "../../run/loss_log.ts";
import type { TrainHooks } from "../../run/hooks.ts";
import type { RefplusConfig } from "./config.ts";
import { evaluateSamples } from "../evaluation/evaluation.ts";
import { type Frame, sameFrame } from "../data_spec.ts";
import type { ExecutionEngine, TaughtSteps } from "../engine/execution_engine.ts";
import {
  buildEngine,
  buildGenerator,
  engineOf,
  generatorFor,
  generatorOf,
  type Models,
  programTokens,
  readRefplusCheckpoint,
  type RefplusCheckpoint,
  samePrograms,
} from "../checkpoint.ts";
import { GeneratorSteps } from "../generator/generator_steps.ts";
import type { ProgramGenerator } from "../generator/program_generator.ts";
import type { ProgramTree } from "../engine/program_tree.ts";
import type { Samples } from "./samples.ts";
import { scoreMasks } from "../evaluation/scoring.ts";
import { oddsOf, StepTargets } from "./node_targets.ts";
import { drawnTrees, engineUpdate, jointUpdate } from "./updates.ts";

/** The newest measures of held-out expressions. */
export interface Validation {
  readonly step: number;
  /** Share of programs written exactly; absent where the generator is not trained. */
  readonly exactMatch?: number;
  /** Shares of programs that are not exactly one tree, and that have no end; absent where none are written. */
  readonly illFormed?: number;
  readonly overLong?: number;
  /** Cumulative intersection over union; absent where no engine is trained. */
  readonly iou?: number;
}

/** Samples evaluated at once. */
const EVALUATED = 40;

/** What a run works with. */
export interface Session {
  readonly config: RefplusConfig;
  readonly models: Models;
  readonly optimisers: { readonly generator: Optimiser | null; readonly engine: Optimiser | null };
  /** Where the generator alone learns. */
  readonly generatorSteps: GeneratorSteps | null;
  readonly vocabulary: Vocabulary;
  readonly frame: Frame | null;
  readonly train: Samples;
  readonly held: Samples | null;
  /** What inner steps are taught; null where only answers are. */
  readonly inner: InnerSteps | null;
}

/** What inner steps are taught, and the odds of each token's to be drawn. */
export interface InnerSteps {
  readonly targets: StepTargets;
  readonly odds: Float64Array;
}

/** What inner steps of `train` are taught by a run's settings; null where only answers are. */
export async function innerSteps(
  { step, stepLoss, data }: RefplusConfig,
  train: Samples,
  vocabulary: Vocabulary,
): Promise<InnerSteps | null> {
  if (step === "pg" || stepLoss.weight === 0) return null;
  const { names } = programTokens(vocabulary);
  return {
    targets: await StepTargets.open(data.trainScenes!, train.maskSize),
    odds: oddsOf(names, train.tokenCounts(names.length), stepLoss),
  };
}

/** Sizes of both models. */
export type Sizes = Pick<RefplusConfig, "generator" | "engine">;

/** Both models as the run begins or goes on, with their own sizes; a frozen generator takes no gradient. */
export async function startingModels(
  device: Device,
  config: RefplusConfig,
  vocabulary: Vocabulary,
  frame: Frame | null,
  checkpoint: RefplusCheckpoint | null,
  say: (text: string) => void,
): Promise<Models & Disposable & { readonly sizes: Sizes }> {
  const { step, start } = config;
  // A model to begin from has its own sizes, whatever the settings say of new ones.
  const sizes = { generator: (checkpoint?.config ?? config).generator, engine: (checkpoint?.config ?? config).engine };
  const startGenerator = async (): Promise<ProgramGenerator> => {
    if (checkpoint) return generatorOf(device, checkpoint);
    if (start.programGenerator === null) return buildGenerator(device, config, vocabulary);
    const found = await startFrom(start.programGenerator, config, say);
    sizes.generator = found.config.generator;
    return generatorFor(device, found, vocabulary, config.seed);
  };
  const startEngine = async (): Promise<ExecutionEngine> => {
    if (checkpoint) return engineOf(device, checkpoint);
    if (start.executionEngine === null) return buildEngine(device, config, vocabulary, frame!);
    const found = await startFrom(start.executionEngine, config, say);
    if (!samePrograms(found.vocabulary, vocabulary)) {
      throw new UserError(
        `${found.path}: was trained with other program tokens than those of ${config.data.vocabulary}`,
      );
    }
    sameFrame(frame, found);
    sizes.engine = found.config.engine;
    return engineOf(device, found);
  };
  const generator = step === "ee-gt" ? null : await startGenerator();
  if (step === "ee-pred") generator?.freeze();
  try {
    const engine = step === "pg" ? null : await startEngine();
    if (engine?.passes === "maps" && config.stepLoss.weight > 0 && config.stepLoss.inputs === "true") {
      throw new UserError("stepLoss.inputs: true inputs are masks, and this engine's modules pass on maps; set own");
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

/** A checkpoint to begin from, with what is no size of its models by this run's settings. */
async function startFrom(
  path: string,
  { generator, engine }: RefplusConfig,
  say: (text: string) => void,
): Promise<RefplusCheckpoint> {
  const found = await readRefplusCheckpoint(path, (broken, reason) => say(`passed over ${broken}: ${reason}`));
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

/** Sequence that draws which inner steps are taught. */
const TAUGHT = 0x0bde6;

/** What trains the models of a run's step: an optimiser for each that learns. */
export function learnersOf(
  config: RefplusConfig,
  { generator, engine }: Models,
): Pick<Session, "optimisers" | "generatorSteps"> & Disposable {
  const alone = config.step === "pg";
  const optimisers = {
    generator: optimiserOf(config, alone || config.step === "joint" ? generator : null),
    engine: optimiserOf(config, engine),
  };
  const generatorSteps = alone ? new GeneratorSteps(generator!, optimisers.generator!) : null;
  return {
    optimisers,
    generatorSteps,
    [Symbol.dispose]: () => {
      for (const part of [generatorSteps, optimisers.generator, optimisers.engine]) part?.[Symbol.dispose]();
    },
  };
}

/** One update; the baseline of `progress` moves. */
export async function update(
  session: Session,
  batch: readonly number[],
  progress: { readonly step: number; baseline: number },
): Promise<StepLosses> {
  const { models: { generator, engine }, optimisers, train, vocabulary, inner } = session;
  const { step, seed, dice, stepLoss, reinforce: { baseline: against, decay, mask, temperature } } = session.config;
  const choice = { seed, step: progress.step, temperature };
  const tokens = programTokens(vocabulary);
  const taught = (programs: readonly ProgramTree[]): TaughtSteps => {
    const random = new RandomStream(seed, TAUGHT, progress.step), { targets, odds } = inner!;
    const inputs = progress.step < (stepLoss.ownAfter ?? Infinity) ? stepLoss.inputs : "own";
    return targets.taught(train.pictures(batch), programs, tokens, { ...stepLoss, inputs, odds, random });
  };
  const teaching = { dice, ...inner ? { taught } : {} };
  switch (step) {
    case "pg":
      return session.generatorSteps!.run(train.words(batch), train.programs(batch));
    case "ee-gt": {
      const programs = train.trees(batch, tokens);
      return engineUpdate(engine!, optimisers.engine!, train, batch, programs, teaching);
    }
    case "ee-pred": {
      const programs = await drawnTrees(generator!, train, batch, choice, tokens);
      return engineUpdate(engine!, optimisers.engine!, train, batch, programs, teaching);
    }
    case "joint": {
      const joint = {
        generator: generator!,
        engine: engine!,
        optimisers: { generator: optimisers.generator!, engine: optimisers.engine! },
        tokens,
        against,
        decay,
        mask,
        teaching,
      };
      const { losses, baseline } = await jointUpdate(joint, train, batch, choice, progress.baseline);
      progress.baseline = baseline;
      return losses;
    }
  }
}

/** Evaluates the held-out expressions as training goes on: exact programs, masks by the programs trained on. */
export async function validated(session: Session, step: number, hooks: TrainHooks): Promise<Validation | null> {
  const { models, held, vocabulary, config } = session;
  if (!held) return null;
  const { overlaps, exact, illFormed, overLong } = await evaluateSamples(models, held, {
    programs: config.step === "ee-gt" ? "truth" : "predicted",
    batch: EVALUATED,
    tokens: programTokens(vocabulary),
    onProgress: (done, of) => {
      // Told to stop, a run finishes what it measures, so that its records are those of one never stopped.
      if (!hooks.signal?.aborted) hooks.onEvaluate?.(done, of);
    },
  });
  return {
    step,
    ...exact && config.step !== "ee-pred" ? { exactMatch: exact.filter(Boolean).length / exact.length } : {},
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
