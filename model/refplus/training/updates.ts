/** One update of either model or both (papers/iep-ref.md#training). */
import { END } from "../../../datasets/refplus/encoding/tokens.ts";
import { concat, reshape, type Tensor } from "../../../engine/mod.ts";
import type { StepLosses, UnreadLosses } from "../../run/logs/loss_log.ts";
import type { Accumulation } from "./accumulation.ts";
import type { Baseline } from "./config.ts";
import { overlapsOf, upToEnd } from "../evaluation/evaluation.ts";
import type { BatchOutcome, ExecutionEngine, NodeTargets } from "../engine/execution_engine.ts";
import type { DrawOptions, ProgramGenerator, Sequences } from "../generator/program_generator.ts";
import { isWhole, type ProgramTokens, type ProgramTree } from "../engine/program_tree.ts";
import { type Samples, treesOf } from "./samples.ts";

/** Intersection over union of each sample; 0 where both masks are empty. `overlaps` [N, 2]. */
export function rewardsOf(overlaps: ArrayLike<number>): number[] {
  return Array.from(
    { length: overlaps.length / 2 },
    (_, n) => overlaps[2 * n + 1] === 0 ? 0 : overlaps[2 * n] / overlaps[2 * n + 1],
  );
}

/** A part of a batch: its expressions, and the place of the first in the batch. */
export interface Part {
  readonly samples: readonly number[];
  readonly first: number;
  /** Number of the part. */
  readonly number: number;
}

/** A batch in `count` parts, one behind the other, whose sizes differ by one at most; fewer where it is smaller. */
export function partsOf(batch: readonly number[], count = 1): readonly Part[] {
  const parts = Math.min(count, batch.length), bound = (i: number): number => Math.round(i * batch.length / parts);
  return Array.from({ length: parts }, (_, number) => {
    const first = bound(number);
    return { samples: batch.slice(first, bound(number + 1)), first, number };
  });
}

/** Expressions of all parts. */
const sizeOf = (parts: readonly Part[]): number => parts.reduce((sum, { samples }) => sum + samples.length, 0);

/** Losses of the execution engine beside the answers' cross-entropy. */
export interface ExtraLosses {
  /** Weight of the soft Dice loss; default 0. */
  readonly dice?: number;
  /** Targets of inner nodes of these programs of a part; by default none are supervised. */
  readonly nodes?: (programs: readonly ProgramTree[], part: Part) => NodeTargets;
}

/** Adds the gradients of the masks' loss of a part; returns losses and overlaps, unread and the caller's to free. */
function addMasks(
  engine: ExecutionEngine,
  updates: Accumulation,
  samples: Samples,
  { part, of }: { readonly part: Part; readonly of: readonly Part[] },
  programs: readonly ProgramTree[],
  { dice = 0, nodes }: ExtraLosses,
): BatchOutcome {
  using scope = engine.device.scope();
  const features = samples.features(engine.device, part.samples);
  const options = { learn: true, dice, ...nodes ? { nodes: nodes(programs, part) } : {} };
  const { loss, nodeLoss, overlaps } = engine.evaluate(features, programs, samples.masks(part.samples), options);
  updates.add(part.samples.length, { more: of.length > 1 });
  return {
    loss: scope.keep(loss).unscoped(),
    nodeLoss: nodeLoss && scope.keep(nodeLoss).unscoped(),
    overlaps: scope.keep(overlaps).unscoped(),
  };
}

/** Figures recorded of an update of the engine; `node_loss` is added where inner nodes are supervised. */
const MASK_NAMES = ["loss", "intersection", "union"] as const;

/** An update of the execution engine, by the masks' loss of the given programs of each part. */
export function engineUpdate(
  engine: ExecutionEngine,
  updates: Accumulation,
  samples: Samples,
  parts: readonly Part[],
  programs: readonly (readonly ProgramTree[])[],
  extra: ExtraLosses = {},
): UnreadLosses {
  const { device } = engine, supervised = extra.nodes !== undefined, size = sizeOf(parts);
  using scope = device.scope();
  let values: Tensor | null = null;
  for (const [i, part] of parts.entries()) {
    const outcome = addMasks(engine, updates, samples, { part, of: parts }, programs[i], extra);
    const { loss, nodeLoss, overlaps } = outcome;
    // Losses are means, which count by the samples of their part; pixels are sums.
    const mean = (x: Tensor): Tensor => parts.length === 1 ? x : x.mul(part.samples.length / size);
    values = device.noGrad(() => {
      const below = supervised ? [mean(nodeLoss ?? device.zeros([1]))] : [];
      const own = concat([mean(reshape(loss, [1])), overlaps.sum(0), ...below].map(flat), 0);
      return values ? values.add(own) : own;
    });
    disposeOutcome(outcome);
  }
  updates.step(size);
  return { names: supervised ? [...MASK_NAMES, "node_loss"] : MASK_NAMES, values: scope.keep(values!).unscoped() };
}

function flat(x: Tensor): Tensor {
  return reshape(x, [x.size]);
}

function disposeOutcome({ loss, nodeLoss, overlaps }: BatchOutcome): void {
  loss.dispose();
  nodeLoss?.dispose();
  overlaps.dispose();
}

/** Programs drawn for each part of a batch, as the engine runs them. */
export async function drawnTrees(
  generator: ProgramGenerator,
  samples: Samples,
  parts: readonly Part[],
  choice: DrawOptions,
  tokens: ProgramTokens,
): Promise<ProgramTree[][]> {
  const drawn: ProgramTree[][] = [];
  for (const part of parts) {
    const { programs } = await generator.decode(samples.words(part.samples), choiceOf(choice, part, parts));
    drawn.push(treesOf(programs, tokens));
  }
  return drawn;
}

/** The draws of a part: those that its expressions have in the whole batch. */
function choiceOf(choice: DrawOptions, { first }: Part, parts: readonly Part[]): DrawOptions {
  return parts.length === 1 ? choice : { ...choice, rows: { first, of: sizeOf(parts) } };
}

/** Models and settings of a joint update. */
export interface Joint {
  readonly generator: ProgramGenerator;
  readonly engine: ExecutionEngine;
  readonly updates: { readonly generator: Accumulation; readonly engine: Accumulation };
  readonly tokens: ProgramTokens;
  /** Baseline of the rewards: their moving mean, or the rewards of the likeliest programs; default `moving`. */
  readonly against?: Baseline;
  /** Decay of the moving baseline. */
  readonly decay: number;
  readonly mask: "after_end" | "none";
  readonly losses?: ExtraLosses;
}

/** A part's programs and what came of them. */
interface PartOutcome {
  readonly part: Part;
  readonly words: Sequences;
  readonly programs: Sequences;
  readonly drawn: Sequences;
  readonly loss: number;
  /** Overlaps [samples, 2]. */
  readonly pixels: readonly number[];
  /** Rewards of the likeliest programs, where they are the baseline. */
  readonly likeliest: readonly number[] | null;
}

/**
 * An update of both models: the engine by the masks' loss of drawn programs, the generator by REINFORCE with each sample's
 * intersection over union as its reward. The moving baseline includes the mean of all parts before it is subtracted; the
 * likeliest programs are run before the engine's update.
 */
export async function jointUpdate(
  { generator, engine, updates, tokens, against = "moving", decay, mask, losses = {} }: Joint,
  samples: Samples,
  parts: readonly Part[],
  choice: DrawOptions,
  before: number,
): Promise<{ readonly losses: StepLosses; readonly baseline: number }> {
  const size = sizeOf(parts), made: PartOutcome[] = [];
  for (const part of parts) {
    const words = samples.words(part.samples);
    const { programs, drawn } = await generator.decode(words, choiceOf(choice, part, parts));
    const trees = treesOf(programs, tokens);
    const rewardsOfLikeliest = async (): Promise<number[]> => {
      const likeliest = treesOf((await generator.decode(words, "likeliest")).programs, tokens);
      return rewardsOf(await overlapsOf(engine, samples, part.samples, likeliest));
    };
    const likeliest = against === "likeliest" ? await rewardsOfLikeliest() : null;
    const outcome = addMasks(engine, updates.engine, samples, { part, of: parts }, trees, losses);
    // The last part's gradients are there: the update needs no reading.
    if (part === parts.at(-1)) updates.engine.step(size);
    const [[loss], pixels] = await Promise.all([outcome.loss.data(), outcome.overlaps.data()]);
    disposeOutcome(outcome);
    made.push({ part, words, programs, drawn, loss, pixels: [...pixels], likeliest });
  }
  const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const written = made.flatMap(({ part, programs }) => part.samples.map((_, n) => upToEnd(programs, n)));
  const share = (is: (program: readonly number[]) => boolean): number => written.filter(is).length / written.length;
  const rewards = made.map(({ pixels }) => rewardsOf(pixels)), mean = meanOf(rewards.flat());
  const baseline = decay * before + (1 - decay) * mean;
  for (const [i, { words, drawn, likeliest }] of made.entries()) {
    using _scope = generator.device.scope();
    const advantages = rewards[i].map((r, n) => r - (likeliest?.[n] ?? baseline));
    generator.reinforceLoss(words, drawn, advantages, mask, choice.temperature).backward();
    // The loss is a sum over expressions, not a mean.
    updates.generator.add(1, { more: parts.length > 1 });
  }
  updates.generator.step(1);
  const total = (column: number): number =>
    made.flatMap(({ pixels }) => pixels).reduce((sum, v, i) => i % 2 === column ? sum + v : sum, 0);
  const loss = made.reduce((sum, { part, loss }) => sum + loss * (part.samples.length / size), 0);
  const ofLikeliest = made.flatMap(({ likeliest }) => likeliest ?? []);
  return {
    losses: {
      names: [
        ...[...MASK_NAMES, "reward", "baseline", "ill_formed", "over_long"],
        ...against === "likeliest" ? ["likeliest_reward"] : [],
      ],
      values: [
        ...[loss, total(0), total(1), mean, baseline],
        ...[share((program) => !isWhole(program, tokens)), share((program) => !program.includes(END))],
        ...against === "likeliest" ? [meanOf(ofLikeliest)] : [],
      ],
    },
    baseline,
  };
}
