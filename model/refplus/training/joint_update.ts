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
  /**
   * Baseline of the rewards: their moving mean, the reward of the expression's likeliest program, or the mean reward of its other
   * draws; default `moving`.
   */
  readonly against?: Baseline;
  /** Programs drawn of each expression; default 1. */
  readonly draws?: number;
  /** Weight of the entropy of the programs' tokens; default 0. */
  readonly entropy?: number;
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
  /** Programs that the engine learnt by. */
  readonly learnt: number;
  /** Overlaps [programs, 2]. */
  readonly pixels: readonly number[];
  /** Rewards of the likeliest programs, where they are the baseline. */
  readonly likeliest: readonly number[] | null;
  /** True for each program that is not exactly one tree, and for each that has no end. */
  readonly illFormed: readonly boolean[];
  readonly overLong: readonly boolean[];
}

/**
 * An update of both models: the engine by the masks' loss of drawn programs, the generator by REINFORCE with each program's
 * intersection over union as its reward. Of several draws of an expression the engine runs, and learns by, each distinct one once.
 * The moving baseline includes the mean of all parts before it is subtracted; the likeliest programs are run before the engine's
 * update.
 */
export async function jointUpdate(
  joint: Joint,
  samples: Samples,
  parts: readonly Part[],
  choice: DrawOptions,
  before: number,
): Promise<{ readonly losses: StepLosses; readonly baseline: number }> {
  const { generator, engine, updates, tokens, against = "moving", draws = 1, entropy = 0, decay, mask, losses = {} } =
    joint;
  const shares = sharesOf(parts, joint.ranks), { own, ranks } = shares, made: PartOutcome[] = [];
  let learnt = 0;
  for (const part of own) {
    const rows = part.samples.flatMap((sample) => Array<number>(draws).fill(sample)), words = samples.words(rows);
    const { programs, drawn } = await generator.decode(words, choiceOf(choice, part, parts, draws));
    const trees = treesOf(programs, tokens), { first, place } = distinct(programs, draws);
    const rewardsOfLikeliest = async (): Promise<number[]> => {
      const likeliest = treesOf((await generator.decode(samples.words(part.samples), "likeliest")).programs, tokens);
      return rewardsOf(await overlapsOf(engine, samples, part.samples, likeliest));
    };
    const likeliest = against === "likeliest" ? await rewardsOfLikeliest() : null;
    const run = { ...part, samples: first.map((row) => rows[row]) };
    const masks = addMasks(engine, updates.engine, samples, run, shares, first.map((row) => trees[row]), losses);
    learnt += first.length;
    // The last part's gradients are there: the update needs no reading.
    if (!ranks && part === parts.at(-1)) updates.engine.step(learnt);
    const [[loss], pixels] = await Promise.all([masks.loss.data(), masks.overlaps.data()]);
    disposeOutcome(masks);
    const written = rows.map((_, row) => upToEnd(programs, row));
    const outcome = {
      ...{ loss, learnt: first.length, pixels: place.flatMap((at) => [pixels[2 * at], pixels[2 * at + 1]]), likeliest },
      illFormed: written.map((program) => !isWhole(program, tokens)),
      overLong: written.map((program) => !program.includes(END)),
    };
    made.push({ words, drawn, outcome });
  }
  const outcomes = await outcomesOf(shares, made.map(({ outcome }) => outcome));
  const all = outcomes.reduce((sum, { learnt }) => sum + learnt, 0);
  if (ranks) await updates.engine.stepWith(ranks, parts.length > 1 ? all : 1);
  const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const share = (flags: readonly boolean[]): number => flags.filter(Boolean).length / flags.length;
  const mean = meanOf(outcomes.flatMap(({ pixels }) => rewardsOf(pixels)));
  const baseline = decay * before + (1 - decay) * mean;
  const advantages = ({ pixels, likeliest }: Outcome): number[] => {
    const rewards = rewardsOf(pixels);
    if (against === "others") return aboveOthers(rewards, draws);
    return rewards.map((r, n) => r - (likeliest?.[Math.floor(n / draws)] ?? baseline));
  };
  for (const { words, drawn, outcome } of made) {
    using _scope = generator.device.scope();
    // A mean over an expression's draws.
    const weights = advantages(outcome).map((advantage) => advantage / draws);
    generator.reinforceLoss(words, drawn, weights, mask, choice.temperature, entropy / draws).backward();
    // The loss is a sum over expressions, not a mean.
    updates.generator.add(1, { more: parts.length > 1 || ranks !== null });
  }
  if (ranks) await updates.generator.stepWith(ranks, 1);
  else updates.generator.step(1);
  const total = (column: number): number =>
    outcomes.flatMap(({ pixels }) => pixels).reduce((sum, v, i) => i % 2 === column ? sum + v : sum, 0);
  const loss = outcomes.reduce((sum, { loss, learnt }) => sum + loss * (learnt / all), 0);
  const ofLikeliest = outcomes.flatMap(({ likeliest }) => likeliest ?? []);
  return {
    losses: {
      names: [
        ...[...MASK_NAMES, "reward", "baseline", "ill_formed", "over_long"],
        ...against === "likeliest" ? ["likeliest_reward"] : [],
        ...draws > 1 ? ["distinct", "advantage"] : [],
      ],
      values: [
        ...[loss, total(0), total(1), mean, baseline],
        ...[share(outcomes.flatMap(({ illFormed }) => illFormed)), share(outcomes.flatMap(({ overLong }) => overLong))],
        ...against === "likeliest" ? [meanOf(ofLikeliest)] : [],
        ...draws > 1 ? [all / sizeOf(parts), Math.sqrt(meanOf(outcomes.flatMap(advantages).map((a) => a * a)))] : [],
      ],
    },
    baseline,
  };
}

/** Of `draws` programs of each expression, the rows of those unlike all before them, and for each row the place of its like there. */
function distinct({ data, count, length }: Sequences, draws: number): {
  readonly first: readonly number[];
  readonly place: readonly number[];
} {
  const first: number[] = [], places = new Map<string, number>(), place: number[] = [];
  for (let row = 0; row < count; row++) {
    const key = `${Math.floor(row / draws)}: ${data.subarray(row * length, (row + 1) * length).join(" ")}`;
    if (!places.has(key)) places.set(key, first.push(row) - 1);
    place.push(places.get(key)!);
  }
  return { first, place };
}

/** Rewards less the mean of the others of each `draws` neighbours: exactly 0 where all are equal, which Adam would not forgive. */
export function aboveOthers(rewards: readonly number[], draws: number): number[] {
  return rewards.map((own, n) => {
    const begin = n - n % draws;
    return rewards.slice(begin, begin + draws).reduce((sum, other) => sum + (own - other), 0) / (draws - 1);
  });
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
