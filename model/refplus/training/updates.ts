/** One update of either model or both (papers/iep-ref.md#training). */
import { END } from "../../../datasets/refplus/encoding/tokens.ts";
import { concat, type Optimiser, reshape, type Tensor } from "../../../engine/mod.ts";
import type { StepLosses, UnreadLosses } from "../../run/loss_log.ts";
import type { Baseline } from "./config.ts";
import { isWhole, overlapsOf, upToEnd } from "../evaluation/evaluation.ts";
import type { BatchOutcome, ExecutionEngine, TaughtSteps } from "../engine/execution_engine.ts";
import type { Choice, ProgramGenerator } from "../generator/program_generator.ts";
import type { ProgramTokens, ProgramTree } from "../engine/program_tree.ts";
import { type Samples, treesOf } from "./samples.ts";

/** Intersection over union of each sample; 0 where both masks are empty. `overlaps` [N, 2]. */
export function rewardsOf(overlaps: ArrayLike<number>): number[] {
  return Array.from(
    { length: overlaps.length / 2 },
    (_, n) => overlaps[2 * n + 1] === 0 ? 0 : overlaps[2 * n] / overlaps[2 * n + 1],
  );
}

/** What the execution engine learns from beside the answers' cross-entropy. */
export interface Teaching {
  /** Weight of the soft Dice loss; default 0. */
  readonly dice?: number;
  /** Inner steps of these programs that are taught what to point at. */
  readonly taught?: (programs: readonly ProgramTree[]) => TaughtSteps;
}

/** The execution engine learns masks; returns what the update saw, unread and the caller's to free. */
function learnMasks(
  engine: ExecutionEngine,
  optimiser: Optimiser,
  samples: Samples,
  batch: readonly number[],
  programs: readonly ProgramTree[],
  { dice = 0, taught }: Teaching,
): BatchOutcome {
  using scope = engine.device.scope();
  const features = samples.features(engine.device, batch);
  const options = { learn: true, dice, ...taught ? { taught: taught(programs) } : {} };
  const { loss, stepLoss, overlaps } = engine.evaluate(features, programs, samples.masks(batch), options);
  optimiser.step();
  engine.zeroGrad();
  return {
    loss: scope.keep(loss).unscoped(),
    stepLoss: stepLoss && scope.keep(stepLoss).unscoped(),
    overlaps: scope.keep(overlaps).unscoped(),
  };
}

/** What an update of the engine records; beside these `step_loss` where inner steps are taught. */
const MASK_NAMES = ["loss", "intersection", "union"] as const;

/** The execution engine learns masks with the given programs. */
export function engineUpdate(
  engine: ExecutionEngine,
  optimiser: Optimiser,
  samples: Samples,
  batch: readonly number[],
  programs: readonly ProgramTree[],
  teaching: Teaching = {},
): UnreadLosses {
  const { device } = engine;
  using scope = device.scope();
  const outcome = learnMasks(engine, optimiser, samples, batch, programs, teaching);
  const { loss, stepLoss, overlaps } = outcome, { taught } = teaching;
  const values = device.noGrad(() =>
    concat([reshape(loss, [1]), overlaps.sum(0), ...taught ? [stepLoss ?? device.zeros([1])] : []].map(flat), 0)
  );
  disposeOutcome(outcome);
  return { names: taught ? [...MASK_NAMES, "step_loss"] : MASK_NAMES, values: scope.keep(values).unscoped() };
}

function flat(x: Tensor): Tensor {
  return reshape(x, [x.size]);
}

function disposeOutcome({ loss, stepLoss, overlaps }: BatchOutcome): void {
  loss.dispose();
  stepLoss?.dispose();
  overlaps.dispose();
}

/** Programs drawn for a batch, as the engine runs them. */
export async function drawnTrees(
  generator: ProgramGenerator,
  samples: Samples,
  batch: readonly number[],
  choice: Choice,
  tokens: ProgramTokens,
): Promise<ProgramTree[]> {
  return treesOf((await generator.decode(samples.words(batch), choice)).programs, tokens);
}

/** What a joint update works with. */
export interface Joint {
  readonly generator: ProgramGenerator;
  readonly engine: ExecutionEngine;
  readonly optimisers: { readonly generator: Optimiser; readonly engine: Optimiser };
  readonly tokens: ProgramTokens;
  /** What rewards are held against: their moving mean, or the rewards of the likeliest programs; default `moving`. */
  readonly against?: Baseline;
  /** Share of the old moving baseline in the new one. */
  readonly decay: number;
  readonly mask: "after_end" | "none";
  readonly teaching?: Teaching;
}

/**
 * Both learn: the engine masks by drawn programs, the generator by the score function with each sample's intersection over
 * union as its reward. The moving baseline takes the batch's mean in before it is subtracted; the likeliest programs are run
 * before the engine learns.
 */
export async function jointUpdate(
  { generator, engine, optimisers, tokens, against = "moving", decay, mask, teaching = {} }: Joint,
  samples: Samples,
  batch: readonly number[],
  choice: Exclude<Choice, "likeliest">,
  before: number,
): Promise<{ readonly losses: StepLosses; readonly baseline: number }> {
  const words = samples.words(batch);
  const { programs, drawn } = await generator.decode(words, choice);
  const trees = treesOf(programs, tokens);
  const likeliest = against === "likeliest"
    ? rewardsOf(
      await overlapsOf(engine, samples, batch, treesOf((await generator.decode(words, "likeliest")).programs, tokens)),
    )
    : null;
  const outcome = learnMasks(engine, optimisers.engine, samples, batch, trees, teaching);
  const [[value], pixels] = await Promise.all([outcome.loss.data(), outcome.overlaps.data()]);
  disposeOutcome(outcome);
  const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const written = batch.map((_, n) => upToEnd(programs, n));
  const share = (is: (program: readonly number[]) => boolean): number => written.filter(is).length / written.length;
  const rewards = rewardsOf(pixels), mean = meanOf(rewards);
  const baseline = decay * before + (1 - decay) * mean;
  {
    using _scope = generator.device.scope();
    const advantages = rewards.map((r, n) => r - (likeliest?.[n] ?? baseline));
    generator.reinforceLoss(words, drawn, advantages, mask, choice.temperature).backward();
    optimisers.generator.step();
    generator.zeroGrad();
  }
  const total = (column: number): number => pixels.reduce((sum, v, i) => i % 2 === column ? sum + v : sum, 0);
  return {
    losses: {
      names: [
        ...[...MASK_NAMES, "reward", "baseline", "ill_formed", "over_long"],
        ...likeliest ? ["likeliest_reward"] : [],
      ],
      values: [
        ...[value, total(0), total(1), mean, baseline],
        ...[share((program) => !isWhole(program, tokens)), share((program) => !program.includes(END))],
        ...likeliest ? [meanOf(likeliest)] : [],
      ],
    },
    baseline,
  };
}
