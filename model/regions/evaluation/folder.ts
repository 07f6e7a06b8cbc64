/** Folder for the results of an evaluation. */
import type { TrainConfig } from "../config.ts";

/** A folder for results: a run's, or any other with the settings of a checkpoint. */
export interface EvaluationFolder {
  readonly path: string;
  readonly config: TrainConfig;
  /** A path inside the folder. */
  file(name: string): string;
}
