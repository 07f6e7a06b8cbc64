/** The launcher of this process, where it is one of several ranks, as the environment tells. */

/** Families of MPI: their processes find each other in ways of their own. */
export type Family = "mpich" | "openmpi" | "unknown";

/** A process that a launcher started as one of several. */
export interface Launched {
  readonly rank: number;
  /** Ranks in all. */
  readonly size: number;
  readonly family: Family;
}

/** Variables that launchers set: rank, number of ranks, and the family that reads them. */
const LAUNCHERS: readonly (readonly [rank: string, size: string, family: Family])[] = [
  ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "openmpi"],
  ["PMI_RANK", "PMI_SIZE", "mpich"],
  ["PMIX_RANK", "SLURM_STEP_NUM_TASKS", "openmpi"],
  // A script of Slurm's has a rank too, but is no step.
  ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "unknown"],
];

/** This process among those of its launcher; null where it is the only one. */
export function launched(env: Readonly<Record<string, string | undefined>> = Deno.env.toObject()): Launched | null {
  for (const [rankName, sizeName, family] of LAUNCHERS) {
    const [rank, size] = [rankName, sizeName].map((name) => /^\d+$/.test(env[name] ?? "") ? Number(env[name]) : null);
    if (rank !== null && size !== null) return size > 1 ? { rank, size, family } : null;
  }
  return null;
}
