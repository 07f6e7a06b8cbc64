/** Every kind of training run there is. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CELL_RUNS } from "./refplus/extractor/cell_config.ts";
import { REFPLUS_RUNS } from "./refplus/training/config.ts";
import { REGION_RUNS } from "./regions/config.ts";
import { kindOf, type RunKind } from "./run/kind.ts";
import { fileLayer } from "./run/layers.ts";

/** Kinds of runs: region classifiers, the module network's models, the extractor of features for it. */
export const RUN_KINDS: readonly Pick<RunKind, "kind" | "owns">[] = [REGION_RUNS, REFPLUS_RUNS, CELL_RUNS];

/** The kind of a run's folder; undefined where its settings are of none, or there are none. */
export function kindOfRun(path: string): string | undefined {
  const file = join(path, "config.json");
  return existsSync(file) ? kindOf(fileLayer(file).value, RUN_KINDS)?.kind : undefined;
}
