/** Where an evaluation writes its results. */
import type { TrainConfig } from "../config.ts";

/** Where an evaluation writes: a run's folder, or any other with the settings of a checkpoint. */
export interface EvaluationFolder {
  readonly path: string;
  readonly config: TrainConfig;
  /** A path inside the folder. */
  file(name: string): string;
}
