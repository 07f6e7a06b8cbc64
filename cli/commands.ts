/**
 * Every command of `itera`, in the order help lists them. A new command is a file beside this one and a row here. The
 * script `./itera` looks for names in this file, to know which commands need a driver: one row a line, name first.
 */
import type { Command } from "@commander-js/extra-typings";
import { addAblate } from "./ablate.ts";
import { addCompare } from "./compare.ts";
import { addCompletion } from "./completion/mod.ts";
import { addConfig } from "./config/mod.ts";
import { addData } from "./data/mod.ts";
import { addDoctor } from "./doctor/mod.ts";
import { addEnsemble, addEvaluate, addReEvaluate } from "./evaluate.ts";
import { addGraph } from "./graph.ts";
import { addHops } from "./hops.ts";
import { addInspect } from "./inspect.ts";
import { addPredict } from "./predict.ts";
import { addProfile } from "./profile.ts";
import { addBench, addRun } from "./programs.ts";
import { addRefPlus } from "./refplus/mod.ts";
import { addTest } from "./test/mod.ts";
import { addTime } from "./time/mod.ts";
import { addTrain } from "./train.ts";
import { addTune } from "./tune.ts";
import { addView } from "./view/mod.ts";
import { addWeights } from "./weights.ts";

/** Functions that add a command to the program, by the command's name. */
export const COMMANDS: Readonly<Record<string, (program: Command) => void>> = {
  train: addTrain,
  evaluate: addEvaluate,
  "re-evaluate": addReEvaluate,
  ensemble: addEnsemble,
  compare: addCompare,
  ablate: addAblate,
  hops: addHops,
  predict: addPredict,
  view: addView,
  inspect: addInspect,
  graph: addGraph,
  weights: addWeights,
  data: addData,
  refplus: addRefPlus,
  config: addConfig,
  doctor: addDoctor,
  profile: addProfile,
  tune: addTune,
  run: addRun,
  test: addTest,
  time: addTime,
  bench: addBench,
  completion: addCompletion,
};
