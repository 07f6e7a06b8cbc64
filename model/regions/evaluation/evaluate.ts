/** Evaluating a model on a split: scores, results and report written into a folder. */
import { type LoadedImage, Loader } from "../../../datasets/images/loader.ts";
import { evaluationOrder } from "../../../datasets/images/schedule.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { type Scores, scoreSplit } from "./score.ts";
import type { ScoredSplit } from "./scored_regions.ts";
import { gallery } from "../report/gallery.ts";
import type { RegionModel } from "../contract.ts";
import { type Results, resultsOf, saveResults, scoredSet } from "./results.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { TrainConfig } from "../config.ts";
import { saveReport } from "../report/run_report.ts";
import type { EvaluationFolder } from "./folder.ts";
import { saveScores } from "./scores_file.ts";
import { loaderOptions } from "../build.ts";
import { ofFirst, type Ranks, shareOf } from "../../run/ranks/ranks.ts";
import { scoresOnFirst } from "./shared_scores.ts";

/** Callbacks of an evaluation. */
export interface EvaluationHooks {
  /** A message, such as of a skipped image. */
  readonly onMessage?: (text: string) => void;
  /** Images done, of how many. */
  readonly onEvaluate?: (done: number, of: number) => void;
  /** The scores, before the results are saved, which say that all is done. */
  readonly onScores?: (scored: ScoredSplit) => Promise<void>;
  /** Processes that share the images out; the first of them writes. */
  readonly ranks?: Ranks | null;
}

/** Images in a report. */
const SHOWN = 12;

/**
 * Scores `test` with the model, saves scores, results and report in the folder, and returns the results, which name the
 * `checkpoint` that the weights are of where it is a run's best.
 */
export async function evaluateModel(
  model: RegionModel,
  test: RegionDataset,
  folder: EvaluationFolder,
  hooks: EvaluationHooks = {},
  checkpoint?: Pick<Checkpoint, "step" | "best" | "config">,
): Promise<Results> {
  if (hooks.ranks) return await evaluateTogether(model, test, folder, hooks, hooks.ranks, checkpoint);
  const shown: LoadedImage[] = [], images: number[] = [];
  const scores = await score(model, test, folder.config, hooks, (image) => {
    if (image.labels.length > 0) images.push(image.index);
    if (shown.length < SHOWN && image.labels.length > 0) shown.push(image);
    return image;
  });
  return await saved(model, test, folder, hooks, { scores, shown, images }, checkpoint);
}

/** The same by several ranks. */
async function evaluateTogether(
  model: RegionModel,
  test: RegionDataset,
  folder: EvaluationFolder,
  hooks: EvaluationHooks,
  ranks: Ranks,
  checkpoint?: Pick<Checkpoint, "step" | "best" | "config">,
): Promise<Results> {
  const order = [...evaluationOrder(test)];
  const own = await score(model, test, folder.config, hooks, (image) => image);
  const scores = await scoresOnFirst(ranks, own, order, test);
  // The others wait until all is saved.
  return await ofFirst(ranks, async () => {
    const images = order.map(({ index }) => index).filter((index) => test.record(index).labels.length > 0);
    const loader = new Loader(test, loaderOptions(folder.config)), shown: LoadedImage[] = [];
    try {
      const first = order.filter(({ index }) => test.record(index).labels.length > 0).slice(0, SHOWN);
      for await (const image of loader.run(first)) shown.push(image);
    } finally {
      loader.close();
    }
    return await saved(model, test, folder, hooks, { scores: scores!, shown, images }, checkpoint);
  });
}

/** Writes what an evaluation found, and returns its results. */
async function saved(
  model: RegionModel,
  test: RegionDataset,
  folder: EvaluationFolder,
  hooks: EvaluationHooks,
  { scores, shown, images }: {
    readonly scores: Scores;
    /** The first images with regions. */
    readonly shown: readonly LoadedImage[];
    /** Indices of all that have any. */
    readonly images: readonly number[];
  },
  checkpoint?: Pick<Checkpoint, "step" | "best" | "config">,
): Promise<Results> {
  const { name } = folder.config.model;
  const set = scoredSet(test);
  const results = { ...resultsOf(name, scores, set), ...bestOf(checkpoint) };
  await saveScores(folder.file("scores.safetensors"), name, scores, set);
  await saveReport(results, folder, await gallery(shown, scores, test, model));
  await hooks.onScores?.({ set: test, scores, images });
  // Last, for they say that the run is done.
  await saveResults(results, folder);
  return results;
}

/** The validation of a checkpoint that is its run's best, as results name it; nothing of others. */
function bestOf(checkpoint: Pick<Checkpoint, "step" | "best" | "config"> | undefined): Pick<Results, "best"> {
  const { step, best, config } = checkpoint ?? {};
  if (!best || best.step !== step) return {};
  return { best: { step, metric: config!.validation.metric!, value: best.value } };
}

/** Every prediction of the model for every region of `test`, each image changed by `prepare` first; of ranks, for this one's share. */
export async function score(
  model: RegionModel,
  test: RegionDataset,
  config: TrainConfig,
  hooks: EvaluationHooks,
  prepare: (image: LoadedImage) => LoadedImage,
): Promise<Scores> {
  const onBroken = (path: string, reason: string): void => hooks.onMessage?.(`skipped ${path}: ${reason}`);
  const loader = new Loader(test, { ...loaderOptions(config), onBroken });
  async function* prepared(): AsyncGenerator<LoadedImage> {
    const order = hooks.ranks ? shareOf(hooks.ranks, [...evaluationOrder(test)]) : evaluationOrder(test);
    for await (const image of loader.run(order)) yield prepare(image);
  }
  try {
    return await scoreSplit(
      model,
      prepared(),
      test.classes.length,
      (done) => hooks.onEvaluate?.(Math.min(done * (hooks.ranks?.size ?? 1), test.size), test.size),
    );
  } finally {
    loader.close();
  }
}
