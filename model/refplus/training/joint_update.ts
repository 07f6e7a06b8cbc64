/** The update of generator and engine together, by REINFORCE (papers/iep-ref.md#training). */
import { END } from "../../../datasets/refplus/encoding/tokens.ts";
import type { StepLosses } from "../../run/logs/loss_log.ts";
import { allOf, type Ranks } from "../../run/ranks/ranks.ts";
import { overlapsOf, upToEnd } from "../evaluation/evaluation.ts";
import type { ExecutionEngine } from "../engine/execution_engine.ts";
import { isWhole, type ProgramTokens } from "../engine/program_tree.ts";
import type { DrawOptions, ProgramGenerator, Sequences } from "../generator/program_generator.ts";
import type { Accumulation } from "./accumulation.ts";
import type { Baseline } from "./config.ts";
import { type Samples, treesOf } from "./samples.ts";
import {
  addMasks,
  choiceOf,
  disposeOutcome,
  divisorOf,
  type ExtraLosses,
  MASK_NAMES,
  type Part,
  rewardsOf,
  type Shares,
  sharesOf,
  sizeOf,
} from "./updates.ts";

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
  /** Processes that have some of the parts each; null or absent where this one has all. */
  readonly ranks?: Ranks | null;
}

/** A part's programs, and what came of them. */
interface PartOutcome {
  readonly words: Sequences;
  readonly drawn: Sequences;
  readonly outcome: Outcome;
}

/** Results of a part's programs, for the figures and the baseline of all parts. */
interface Outcome {
  readonly loss: number;
  /** Overlaps [samples, 2]. */
  readonly pixels: readonly number[];
  /** Rewards of the likeliest programs, where they are the baseline. */
  readonly likeliest: readonly number[] | null;
  /** True for each program that is not exactly one tree, and for each that has no end. */
  readonly illFormed: readonly boolean[];
  readonly overLong: readonly boolean[];
}

/**
 * An update of both models: the engine by the masks' loss of drawn programs, the generator by REINFORCE with each sample's
 * intersection over union as its reward. The moving baseline includes the mean of all parts before it is subtracted; the
 * likeliest programs are run before the engine's update.
 */
export async function jointUpdate(
  joint: Joint,
  samples: Samples,
  parts: readonly Part[],
  choice: DrawOptions,
  before: number,
): Promise<{ readonly losses: StepLosses; readonly baseline: number }> {
  const { generator, engine, updates, tokens, against = "moving", decay, mask, losses = {} } = joint;
  const shares = sharesOf(parts, joint.ranks), { own, ranks } = shares;
  const size = sizeOf(parts), made: PartOutcome[] = [];
  for (const part of own) {
    const words = samples.words(part.samples);
    const { programs, drawn } = await generator.decode(words, choiceOf(choice, part, parts));
    const trees = treesOf(programs, tokens);
    const rewardsOfLikeliest = async (): Promise<number[]> => {
      const likeliest = treesOf((await generator.decode(words, "likeliest")).programs, tokens);
      return rewardsOf(await overlapsOf(engine, samples, part.samples, likeliest));
    };
    const likeliest = against === "likeliest" ? await rewardsOfLikeliest() : null;
    const masks = addMasks(engine, updates.engine, samples, part, shares, trees, losses);
    // The last part's gradients are there: the update needs no reading.
    if (!ranks && part === parts.at(-1)) updates.engine.step(size);
    const [[loss], pixels] = await Promise.all([masks.loss.data(), masks.overlaps.data()]);
    disposeOutcome(masks);
    const written = part.samples.map((_, n) => upToEnd(programs, n));
    const outcome = {
      ...{ loss, pixels: [...pixels], likeliest },
      illFormed: written.map((program) => !isWhole(program, tokens)),
      overLong: written.map((program) => !program.includes(END)),
    };
    made.push({ words, drawn, outcome });
  }
  if (ranks) await updates.engine.stepWith(ranks, divisorOf(parts));
  const outcomes = await outcomesOf(shares, made.map(({ outcome }) => outcome));
  const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const share = (flags: readonly boolean[]): number => flags.filter(Boolean).length / flags.length;
  const mean = meanOf(outcomes.flatMap(({ pixels }) => rewardsOf(pixels)));
  const baseline = decay * before + (1 - decay) * mean;
  for (const { words, drawn, outcome: { pixels, likeliest } } of made) {
    using _scope = generator.device.scope();
    const advantages = rewardsOf(pixels).map((r, n) => r - (likeliest?.[n] ?? baseline));
    generator.reinforceLoss(words, drawn, advantages, mask, choice.temperature).backward();
    // The loss is a sum over expressions, not a mean.
    updates.generator.add(1, { more: parts.length > 1 || ranks !== null });
  }
  if (ranks) await updates.generator.stepWith(ranks, 1);
  else updates.generator.step(1);
  const total = (column: number): number =>
    outcomes.flatMap(({ pixels }) => pixels).reduce((sum, v, i) => i % 2 === column ? sum + v : sum, 0);
  const loss = outcomes.reduce((sum, { loss }, i) => sum + loss * (parts[i].samples.length / size), 0);
  const ofLikeliest = outcomes.flatMap(({ likeliest }) => likeliest ?? []);
  return {
    losses: {
      names: [
        ...[...MASK_NAMES, "reward", "baseline", "ill_formed", "over_long"],
        ...against === "likeliest" ? ["likeliest_reward"] : [],
      ],
      values: [
        ...[loss, total(0), total(1), mean, baseline],
        ...[share(outcomes.flatMap(({ illFormed }) => illFormed)), share(outcomes.flatMap(({ overLong }) => overLong))],
        ...against === "likeliest" ? [meanOf(ofLikeliest)] : [],
      ],
    },
    baseline,
  };
}

/** The outcomes of all parts, in their order, from those of this process's. */
async function outcomesOf({ parts, ranks }: Shares, own: readonly Outcome[]): Promise<readonly Outcome[]> {
  if (!ranks) return own;
  // JSON has no number that is not finite, which a loss may be.
  const all = await allOf(ranks, own.map((outcome) => ({ ...outcome, loss: String(outcome.loss) })));
  return parts.map((_, i) => {
    const outcome = all[i % ranks.size][Math.floor(i / ranks.size)];
    return { ...outcome, loss: Number(outcome.loss) };
  });
}
