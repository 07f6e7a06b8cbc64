/** A run opened where it stands: its learner, as the newest checkpoint left it, and the place in its updates. */
import type { DeviceOptions } from "../../engine/mod.ts";
import { BEGINNING, type LoopStart, parseRunCheckpoint, type RunCheckpoint, startOf } from "./checkpoint.ts";
import type { TrainHooks } from "./hooks.ts";
import type { RunKind } from "./kind.ts";
import type { Learner } from "./loop.ts";
import type { RunConfig } from "./run_config.ts";
import type { RunFolder } from "./run_folder.ts";
import { checkpointOfFirst } from "./ranks/exchange.ts";
import { sayArithmetic, sayNewRules } from "./version.ts";

/** The way a learner is opened. */
export interface OpenOptions {
  readonly hooks?: TrainHooks;
  /** Learn from the first so many updates' data alone, again and again: for measuring. Default: all data. */
  readonly repeat?: number;
  /** The kernel set that computes; default by the adapter. */
  readonly kernels?: DeviceOptions["kernels"] | undefined;
}

/** A kind of run with what trains it. `K` is its checkpoint, checked. */
export interface TrainingKind<C extends RunConfig = RunConfig, K = unknown, L extends Learner = Learner>
  extends RunKind<C> {
  /** A checkpoint's settings and facts, checked. Throws {@link UserError}. */
  check(read: RunCheckpoint): K;
  /** Models and data of a run's settings, as `checkpoint` left them. Throws {@link UserError}. */
  open(config: C, checkpoint: K | null, options?: OpenOptions): Promise<L>;
  /** A checkpoint's models and data, a line each. Throws {@link UserError}. */
  describe(read: RunCheckpoint): string[];
}

/** An opened run; its learner is the caller's to dispose of. */
export interface OpenedRun<L extends Learner> {
  readonly learner: L;
  readonly start: LoopStart;
  /** True where there is no checkpoint to go on from. */
  readonly begins: boolean;
}

/**
 * Opens a run from its newest whole checkpoint if it has one; says which were skipped, and where it goes on.
 *
 * @throws {UserError} for missing or mismatched files.
 */
export async function openRun<C extends RunConfig, K, L extends Learner>(
  folder: RunFolder<C>,
  kind: TrainingKind<C, K, L>,
  hooks: TrainHooks = {},
): Promise<OpenedRun<L>> {
  const say = hooks.onMessage ?? (() => {});
  const newest = await checkpointOfFirst(
    hooks.ranks,
    () => folder.newestCheckpoint((path, reason) => say(`skipped ${path}: ${reason}`)),
  );
  const read = newest && parseRunCheckpoint(newest, [kind]);
  const learner = await kind.open(folder.config, read && kind.check(read), { hooks });
  if (!read && !folder.began) say(`${folder.path}: there is no checkpoint yet, so the run begins`);
  if (!read) return { learner, start: BEGINNING, begins: true };
  say(`resuming after step ${read.step}`);
  sayNewRules(say, read.path, folder.config);
  sayArithmetic(say, read.path, folder.config);
  return { learner, start: startOf(read), begins: false };
}
