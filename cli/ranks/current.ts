/** The ranks that this process is one of, while a command trains. */
import type { MpiRanks } from "../../model/run/ranks/mpi_ranks.ts";

let current: MpiRanks | null = null;

/** They; null where it works alone. */
export function currentRanks(): MpiRanks | null {
  return current;
}

/** From now on this process is one of them. */
export function setRanks(ranks: MpiRanks | null): void {
  current = ranks;
}
