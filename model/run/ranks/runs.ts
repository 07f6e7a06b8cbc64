/** Runs that rank 0 begins or goes on with, announced to the others. */
import type { RunConfig } from "../run_config.ts";
import type { RunFolder } from "../run_folder.ts";
import { leads, ofFirst, type Ranks } from "./ranks.ts";

/** A run that all ranks work on. */
export interface AnnouncedRun<C extends RunConfig = RunConfig> {
  /** Path of its folder, for messages: only rank 0 opens it. */
  readonly path: string;
  readonly config: C;
}

/** Tells the other ranks of a run, which they begin then; nothing where this is no rank, or not the first. */
export async function announce(ranks: Ranks | null | undefined, { path, config }: RunFolder<RunConfig>): Promise<void> {
  if (ranks && leads(ranks)) await ofFirst<AnnouncedRun | null>(ranks, () => ({ path, config }));
}

/** Tells the other ranks that there are no more runs. */
export async function announceEnd(ranks: Ranks): Promise<void> {
  await ofFirst<AnnouncedRun | null>(ranks, () => null);
}

/** The next run that rank 0 announces to this one; null where there are no more. */
export async function nextRun<C extends RunConfig>(ranks: Ranks): Promise<AnnouncedRun<C> | null> {
  return await ofFirst<AnnouncedRun<C> | null>(ranks, () => null);
}
