/** Commands that train by several ranks: the first does what the command says, the others follow. */
import { Option } from "@commander-js/extra-typings";
import { UserError } from "../../engine/base/user_error.ts";
import { REFPLUS_RUNS, type RefplusConfig } from "../../model/refplus/training/config.ts";
import { trainRefplus } from "../../model/refplus/training/trainer.ts";
import { REGION_RUNS, type TrainConfig } from "../../model/regions/config.ts";
import { trainModel } from "../../model/regions/trainer.ts";
import { Interrupted } from "../../model/run/hooks.ts";
import { launched } from "../../model/run/ranks/launched.ts";
import { MpiRanks } from "../../model/run/ranks/mpi_ranks.ts";
import type { Ranks } from "../../model/run/ranks/ranks.ts";
import { announceEnd, nextRun } from "../../model/run/ranks/runs.ts";
import { RunFolder } from "../../model/run/run_folder.ts";
import { Stopped } from "../terminal/failure.ts";
import { toPositive, toSize } from "../terminal/flags.ts";
import { notice } from "../terminal/output.ts";
import { training } from "../terminal/training.ts";
import { setRanks } from "./current.ts";
import { launch } from "./launch.ts";
import { takeOwnDevice } from "./own_device.ts";

/** Flags of such a command. */
export interface RankFlags {
  readonly ranks?: number | undefined;
  readonly rankTimeout: number;
}

/** The flags, for a command's help. */
export const RANK_FLAGS = {
  ranks: new Option("--ranks <n>", "train by n processes, a GPU each: starts them by mpirun").argParser(toSize),
  timeout: new Option("--rank-timeout <seconds>", "end all where one has given no sign of life for so long")
    .argParser(toPositive).default(60),
} as const;

/**
 * Does the work of a command that trains. Started by a launcher as one of several, the first rank does it, and the others
 * train what it trains; asked for ranks, starts a launcher with the same words.
 *
 * @throws {ProgramFailed} where ranks that it started failed.
 */
export async function amongRanks({ ranks: asked, rankTimeout }: RankFlags, work: () => Promise<void>): Promise<void> {
  const found = launched();
  if (!found) return asked === undefined || asked === 1 ? await work() : await launch(asked);
  if (asked !== undefined && asked !== found.size) {
    throw new UserError(`--ranks ${asked}: ${found.size} were started; leave the flag out`);
  }
  const ranks = MpiRanks.open(found, { timeout: rankTimeout });
  setRanks(ranks);
  await takeOwnDevice(ranks);
  if (ranks.rank > 0) await follow(ranks);
  else {
    notice(`${ranks.size} ranks by ${ranks.version}`);
    await work().catch(async (error: unknown) => {
      // All have stopped after the same step: they end in order. Any other error ends them at once, after it was printed.
      if (stoppedByAll(error)) await close(ranks);
      throw error;
    });
    await announceEnd(ranks);
  }
  await close(ranks);
}

async function close(ranks: MpiRanks): Promise<void> {
  await ranks[Symbol.asyncDispose]();
  setRanks(null);
}

/** True where ranks have stopped together, and saved. */
function stoppedByAll(error: unknown): boolean {
  return error instanceof Stopped && error.cause instanceof Interrupted;
}

/** Trains what rank 0 trains, until there is no more. */
async function follow(ranks: Ranks): Promise<void> {
  for (let run = await nextRun(ranks); run; run = await nextRun(ranks)) {
    const { path, config } = run;
    try {
      if (config.kind === REFPLUS_RUNS.kind) {
        const folder = RunFolder.following(path, config as RefplusConfig);
        await training((hooks) => trainRefplus(folder, hooks));
      } else if (config.kind === REGION_RUNS.kind) {
        const folder = RunFolder.following(path, config as TrainConfig);
        await training((hooks) => trainModel(folder, hooks));
      } else throw new UserError(`${path}: a run of kind ${config.kind} is trained by one process`);
    } catch (error) {
      if (stoppedByAll(error)) return;
      throw error;
    }
  }
}
