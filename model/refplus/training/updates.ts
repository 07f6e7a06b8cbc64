/** Updates of the execution engine, and parts of batches (papers/iep-ref.md#training). */
import { concat, reshape, type Tensor } from "../../../engine/mod.ts";
import type { UnreadLosses } from "../../run/logs/loss_log.ts";
import { type Ranks, shareOf } from "../../run/ranks/ranks.ts";
import type { Accumulation } from "./accumulation.ts";
import type { BatchOutcome, ExecutionEngine, NodeTargets } from "../engine/execution_engine.ts";
import type { DrawOptions, ProgramGenerator } from "../generator/program_generator.ts";
import type { ProgramTokens, ProgramTree } from "../engine/program_tree.ts";
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
export const sizeOf = (parts: readonly Part[]): number => parts.reduce((sum, { samples }) => sum + samples.length, 0);

/** Losses of the execution engine beside the answers' cross-entropy. */
export interface ExtraLosses {
  /** Weight of the soft Dice loss; default 0. */
  readonly dice?: number;
  /** Targets of inner nodes of these programs of a part; by default none are supervised. */
  readonly nodes?: (programs: readonly ProgramTree[], part: Part) => NodeTargets;
}

/** The parts of a batch, those of them that this process works on, and the ranks that have the others, if any. */
export interface Shares {
  readonly parts: readonly Part[];
  readonly own: readonly Part[];
  readonly ranks: Ranks | null;
}

/** The parts of a batch that this process works on: all, or as one of `ranks` every so many. */
export function sharesOf(parts: readonly Part[], ranks: Ranks | null | undefined): Shares {
  return { parts, own: shareOf(ranks, parts), ranks: ranks ?? null };
}

/** Adds the gradients of the masks' loss of a part; returns losses and overlaps, unread and the caller's to free. */
export function addMasks(
  engine: ExecutionEngine,
  updates: Accumulation,
  samples: Samples,
  part: Part,
  { parts, ranks }: Shares,
  programs: readonly ProgramTree[],
  { dice = 0, nodes }: ExtraLosses,
): BatchOutcome {
  using scope = engine.device.scope();
  const features = samples.features(engine.device, part.samples);
  const options = { learn: true, dice, ...nodes ? { nodes: nodes(programs, part) } : {} };
  const { loss, nodeLoss, overlaps } = engine.evaluate(features, programs, samples.masks(part.samples), options);
  // The gradient of a part that is the whole batch is taken as it is.
  updates.add(parts.length > 1 ? part.samples.length : 1, { more: parts.length > 1 || ranks !== null });
  return {
    loss: scope.keep(loss).unscoped(),
    nodeLoss: nodeLoss && scope.keep(nodeLoss).unscoped(),
    overlaps: scope.keep(overlaps).unscoped(),
  };
}

/** Figures recorded of an update of the engine; `node_loss` is added where inner nodes are supervised. */
export const MASK_NAMES = ["loss", "intersection", "union"] as const;

/** Divisor of the sum of all parts' weighted gradients. */
export const divisorOf = (parts: readonly Part[]): number => parts.length > 1 ? sizeOf(parts) : 1;

/** An update of the execution engine, by the masks' loss of the given programs of each part. */
export function engineUpdate(
  engine: ExecutionEngine,
  updates: Accumulation,
  samples: Samples,
  parts: readonly Part[],
  programs: readonly (readonly ProgramTree[])[],
  extra: ExtraLosses = {},
): UnreadLosses {
  const losses = engineLosses(engine, updates, samples, sharesOf(parts, null), programs, extra);
  updates.step(sizeOf(parts));
  return losses;
}

/** The same with other `ranks`, each of which has every so many of the parts; `programs` are those of this one's. */
export async function engineUpdateWith(
  ranks: Ranks,
  engine: ExecutionEngine,
  updates: Accumulation,
  samples: Samples,
  parts: readonly Part[],
  programs: readonly (readonly ProgramTree[])[],
  extra: ExtraLosses = {},
): Promise<UnreadLosses> {
  const losses = engineLosses(engine, updates, samples, sharesOf(parts, ranks), programs, extra);
  await updates.stepWith(ranks, divisorOf(parts), losses.values);
  return losses;
}

/** Adds the gradients of this process's parts; returns their share of the losses. */
function engineLosses(
  engine: ExecutionEngine,
  updates: Accumulation,
  samples: Samples,
  shares: Shares,
  programs: readonly (readonly ProgramTree[])[],
  extra: ExtraLosses,
): UnreadLosses {
  const { parts, own } = shares;
  const { device } = engine, supervised = extra.nodes !== undefined, size = sizeOf(parts);
  const names = supervised ? [...MASK_NAMES, "node_loss"] : MASK_NAMES;
  using scope = device.scope();
  let values: Tensor | null = null;
  for (const [i, part] of own.entries()) {
    const outcome = addMasks(engine, updates, samples, part, shares, programs[i], extra);
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
  return { names, values: scope.keep(values ?? device.zeros([names.length])).unscoped() };
}

function flat(x: Tensor): Tensor {
  return reshape(x, [x.size]);
}

export function disposeOutcome({ loss, nodeLoss, overlaps }: BatchOutcome): void {
  loss.dispose();
  nodeLoss?.dispose();
  overlaps.dispose();
}

/** Programs drawn for each part of a batch, or for those of `own`, as the engine runs them. */
export async function drawnTrees(
  generator: ProgramGenerator,
  samples: Samples,
  parts: readonly Part[],
  choice: DrawOptions,
  tokens: ProgramTokens,
  own: readonly Part[] = parts,
): Promise<ProgramTree[][]> {
  const drawn: ProgramTree[][] = [];
  for (const part of own) {
    const { programs } = await generator.decode(samples.words(part.samples), choiceOf(choice, part, parts));
    drawn.push(treesOf(programs, tokens));
  }
  return drawn;
}

/** The draws of a part, `each` for each expression: those that its expressions have in the whole batch. */
export function choiceOf(choice: DrawOptions, { first }: Part, parts: readonly Part[], each = 1): DrawOptions {
  return parts.length === 1 ? choice : { ...choice, rows: { first: each * first, of: each * sizeOf(parts) } };
}
