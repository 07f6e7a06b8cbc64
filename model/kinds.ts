/** Every kind of training run there is. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CELL_TRAINING } from "./refplus/extractor/cell_trainer.ts";
import { REFPLUS_TRAINING } from "./refplus/training/trainer.ts";
import { REGION_TRAINING } from "./regions/trainer.ts";
import { kindOf } from "./run/kind.ts";
import { fileLayer } from "./run/layers.ts";
import type { TrainingKind } from "./run/open_run.ts";

/** Kinds of runs: region classifiers, the module network's models, the extractor of features for it. */
export const RUN_KINDS: readonly TrainingKind[] = [REGION_TRAINING, REFPLUS_TRAINING, CELL_TRAINING];

/** The kind of a run's folder; undefined where its settings are of none, or there are none. */
export function kindOfRun(path: string): string | undefined {
  const file = join(path, "config.json");
  return existsSync(file) ? kindOf(fileLayer(file).value, RUN_KINDS)?.kind : undefined;
}
