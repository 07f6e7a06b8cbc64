/** One update of either model or both (papers/iep-ref.md#training). */
import { END } from "../../../datasets/refplus/encoding/tokens.ts";
import { concat, type Optimiser, reshape, type Tensor } from "../../../engine/mod.ts";
import type { StepLosses, UnreadLosses } from "../../run/loss_log.ts";
import type { Baseline } from "./config.ts";
import { overlapsOf, upToEnd } from "../evaluation/evaluation.ts";
import type { BatchOutcome, ExecutionEngine, NodeTargets } from "../engine/execution_engine.ts";
import type { Choice, ProgramGenerator } from "../generator/program_generator.ts";
import { isWhole, type ProgramTokens, type ProgramTree } from "../engine/program_tree.ts";
import { type Samples, treesOf } from "./samples.ts";

/** Intersection over union of each sample; 0 where both masks are empty. `overlaps` [N, 2]. */
export function rewardsOf(overlaps: ArrayLike<number>): number[] {
  return Array.from(
    { length: overlaps.length / 2 },
    (_, n) => overlaps[2 * n + 1] === 0 ? 0 : overlaps[2 * n] / overlaps[2 * n + 1],
  );
}

/** Losses of the execution engine beside the answers' cross-entropy. */
export interface ExtraLosses {
  /** Weight of the soft Dice loss; default 0. */
  readonly dice?: number;
  /** Targets of inner nodes of these programs; by default none are supervised. */
  readonly nodes?: (programs: readonly ProgramTree[]) => NodeTargets;
}

/** Updates the execution engine by the masks' loss; returns losses and overlaps, unread and the caller's to free. */
function learnMasks(
  engine: ExecutionEngine,
  optimiser: Optimiser,
  samples: Samples,
  batch: readonly number[],
  programs: readonly ProgramTree[],
  { dice = 0, nodes }: ExtraLosses,
): BatchOutcome {
  using scope = engine.device.scope();
  const features = samples.features(engine.device, batch);
  const options = { learn: true, dice, ...nodes ? { nodes: nodes(programs) } : {} };
  const { loss, nodeLoss, overlaps } = engine.evaluate(features, programs, samples.masks(batch), options);
  optimiser.step();
  engine.zeroGrad();
  return {
    loss: scope.keep(loss).unscoped(),
    nodeLoss: nodeLoss && scope.keep(nodeLoss).unscoped(),
    overlaps: scope.keep(overlaps).unscoped(),
  };
}

/** Figures recorded of an update of the engine; `node_loss` is added where inner nodes are supervised. */
const MASK_NAMES = ["loss", "intersection", "union"] as const;

/** An update of the execution engine, by the masks' loss of the given programs. */
export function engineUpdate(
  engine: ExecutionEngine,
  optimiser: Optimiser,
  samples: Samples,
  batch: readonly number[],
  programs: readonly ProgramTree[],
  extra: ExtraLosses = {},
): UnreadLosses {
  const { device } = engine;
  using scope = device.scope();
  const outcome = learnMasks(engine, optimiser, samples, batch, programs, extra);
  const { loss, nodeLoss, overlaps } = outcome, supervised = extra.nodes !== undefined;
  const values = device.noGrad(() =>
    concat([reshape(loss, [1]), overlaps.sum(0), ...supervised ? [nodeLoss ?? device.zeros([1])] : []].map(flat), 0)
  );
  disposeOutcome(outcome);
  return { names: supervised ? [...MASK_NAMES, "node_loss"] : MASK_NAMES, values: scope.keep(values).unscoped() };
}

function flat(x: Tensor): Tensor {
  return reshape(x, [x.size]);
}

function disposeOutcome({ loss, nodeLoss, overlaps }: BatchOutcome): void {
  loss.dispose();
  nodeLoss?.dispose();
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

/** Models and settings of a joint update. */
export interface Joint {
  readonly generator: ProgramGenerator;
  readonly engine: ExecutionEngine;
  readonly optimisers: { readonly generator: Optimiser; readonly engine: Optimiser };
  readonly tokens: ProgramTokens;
  /** Baseline of the rewards: their moving mean, or the rewards of the likeliest programs; default `moving`. */
  readonly against?: Baseline;
  /** Decay of the moving baseline. */
  readonly decay: number;
  readonly mask: "after_end" | "none";
  readonly losses?: ExtraLosses;
}

/**
 * An update of both models: the engine by the masks' loss of drawn programs, the generator by REINFORCE with each sample's
 * intersection over union as its reward. The moving baseline includes the batch's mean before it is subtracted; the likeliest
 * programs are run before the engine's update.
 */
export async function jointUpdate(
  { generator, engine, optimisers, tokens, against = "moving", decay, mask, losses = {} }: Joint,
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
  const outcome = learnMasks(engine, optimisers.engine, samples, batch, trees, losses);
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
