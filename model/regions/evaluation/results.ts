/** The results of a run: the four metrics of the model, beside known upper bounds. */
import { z } from "../../../engine/base/packages/zod.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import type { ExactAnswers, RegionDataset } from "../../../datasets/types.ts";
import { type DistanceRow, distanceRows } from "./context_distance.ts";
import type { Output, Scores } from "./score.ts";
import { type ClassMetrics, type MetricTriple, regionMetrics } from "./metrics.ts";
import { writeFileAtomic, writeJsonAtomic } from "../../../engine/base/atomic.ts";
import { readJsonFile } from "../../run/layers.ts";
import type { Table } from "../../run/report/page.ts";

/** One row of the results table. */
export interface ResultRow {
  readonly name: string;
  /** The model's answer, one of the predictions it is made of, or an exact posterior. */
  readonly kind: "answer" | "prediction" | "exact";
  readonly perInstance: MetricTriple;
  readonly perClass: MetricTriple;
}

/** Results of an evaluation. */
export interface Results {
  /** Data set and split. */
  readonly split: string;
  readonly images: number;
  readonly instances: number;
  /** The model's answer first, then its predictions, then exact posteriors where the data set has them. */
  readonly rows: readonly ResultRow[];
  /** Figures of each class that has instances, for the answer. */
  readonly classes: readonly ({ readonly name: string } & Omit<ClassMetrics, "label">)[];
  /** Accuracy by distance of the deciding object, aligned with the rows; empty where it is not known. */
  readonly contextDistances: readonly DistanceRow[];
  /** The validation by which the checkpoint was chosen; absent where it is not a run's best. */
  readonly best?: { readonly step: number; readonly metric: string; readonly value: number };
}

/** The scored set: enough to compute results from saved scores alone. */
export interface ScoredSet {
  /** Data set and split. */
  readonly split: string;
  /** Number of images. */
  readonly images: number;
  /** Class names, background first. */
  readonly classes: readonly string[];
  /** Exact answers where the set's generator knows them. */
  readonly answers: ExactAnswers | null;
  /** Options that a drawn set is drawn anew by; null for a set on disk. */
  readonly options: Readonly<Record<string, unknown>> | null;
}

/** Column heads of the four metrics, in the order of the reference's results file. */
export const METRIC_COLUMNS = ["per-instance AP", "per-instance AC", "per-class AP", "per-class AC"] as const;

/** The four metrics of a row, in that order. */
export function fourMetrics(
  { perInstance, perClass }: Pick<ResultRow, "perInstance" | "perClass">,
): [number, number, number, number] {
  return [perInstance.ap, perInstance.ac, perClass.ap, perClass.ac];
}

/** The facts of a split that results need. */
export function scoredSet(dataset: RegionDataset): ScoredSet {
  const { name, split, size: images, classes, source } = dataset;
  const options = dataset.answers && source.kind === "drawn" ? source.options as Record<string, unknown> : null;
  return { split: `${name} ${split}`, images, classes, answers: dataset.answers?.() ?? null, options };
}

/** Scores a split: the model's answer, each of its predictions, and the exact posteriors of a set that has them. */
export function resultsOf(name: string, scores: Scores, { split, images, classes, answers }: ScoredSet): Results {
  const { labels } = scores;
  const [answer, ...predictions] = [...scores.outputs.slice(-1), ...scores.outputs.slice(0, -1)];
  const scored: { name: string; kind: ResultRow["kind"]; probabilities: Output["probabilities"] }[] = [
    { name, kind: "answer", probabilities: answer.probabilities },
    ...predictions.map((output) => ({ ...output, name: `${name}: ${output.name}`, kind: "prediction" as const })),
  ];
  for (const { name, probabilities } of answers?.posteriors ?? []) {
    scored.push({ name: `${name} posterior (exact)`, kind: "exact", probabilities });
  }
  const metrics = scored.map(({ probabilities }) => regionMetrics(probabilities, labels, classes.length));
  return {
    split,
    images,
    instances: labels.length,
    rows: scored.map(({ name, kind }, i) => {
      const { perInstance, perClass } = metrics[i];
      return { name, kind, perInstance, perClass };
    }),
    classes: metrics[0].classes.map(({ label, ...figures }) => ({ name: classes[label], ...figures })),
    contextDistances: answers ? distanceRows(scored.map((s) => s.probabilities), labels, classes.length, answers) : [],
  };
}

/** Writes the reference's four-number `results.txt`, then `results.json`, which marks the end of a run. */
export async function saveResults(results: Results, folder: { file(name: string): string }): Promise<void> {
  const four = fourMetrics(results.rows[0]).map((v) => `${v.toFixed(6)}\n`).join("");
  await writeFileAtomic(folder.file("results.txt"), new TextEncoder().encode(four));
  await writeJsonAtomic(folder.file("results.json"), results);
}

const figure = z.number().nullable();
const triple = z.object({ ap: figure, ac: figure, sc: figure });

/** The parts that tables and reports are made of; figures of nothing are null in JSON. */
const resultsSchema = z.object({
  split: z.string(),
  images: z.number(),
  rows: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["answer", "prediction", "exact"]),
      perInstance: triple,
      perClass: triple,
    }),
  ).min(1),
  contextDistances: z.array(z.object({ name: z.string(), instances: z.number(), accuracy: z.array(figure) })),
  best: z.object({ step: z.int(), metric: z.string(), value: z.number() }).optional(),
});

/** The results in a run's folder. Throws {@link UserError} when there are none yet. */
export function readResults(path: string): Results {
  // Files written before 0.2.0 call the distances `clues`.
  const { clues, ...saved } = (readJsonFile(path) ?? {}) as unknown as Results & {
    clues?: Results["contextDistances"];
  };
  const results: Results = { ...saved, contextDistances: saved.contextDistances ?? clues };
  if (!resultsSchema.safeParse(results).success) {
    throw new UserError(`${path}: is not a results file of this version; \`itera re-evaluate\` writes it anew`);
  }
  return results;
}

/** The table of the four metrics. */
export function resultsTable({ split, rows, best }: Pick<Results, "split" | "rows" | "best">): Table {
  const of = best ? `, by the best checkpoint: step ${best.step}, ${best.metric} ${best.value.toFixed(4)}` : "";
  return {
    title: `Results on ${split}${of}`,
    columns: ["model", ...METRIC_COLUMNS],
    rows: rows.map((row) => [row.name, ...fourMetrics(row)]),
  };
}

/** Accuracy by distance of the deciding object; null where it is not known. */
export function distanceTable({ rows, contextDistances }: Pick<Results, "rows" | "contextDistances">): Table | null {
  if (contextDistances.length === 0) return null;
  return {
    title: "Per-instance accuracy by distance of the deciding object",
    columns: ["model", ...contextDistances.map(({ name, instances }) => `${name} (${instances})`)],
    rows: rows.map(({ name }, i) => [name, ...contextDistances.map(({ accuracy }) => accuracy[i])]),
  };
}
