/** The results of a run: the four metrics of the model beside what is known to be possible, saved and reported. */
import { type ContextDataset, contextPosteriors } from "../datasets/context/dataset.ts";
import type { RegionDataset } from "../datasets/types.ts";
import { type Metrics, regionMetrics } from "./metrics.ts";
import type { Scores } from "./evaluate.ts";
import { writeFileAtomic, writeJsonAtomic } from "./run/atomic.ts";
import { MetricsLog } from "./run/metrics_log.ts";
import { type Picture, renderReport, type Table } from "./run/report.ts";
import type { RunFolder } from "./run/run_folder.ts";

/** One row of the results table. */
export interface ResultRow {
  readonly name: string;
  readonly metrics: Metrics;
}

/** What an evaluation found. */
export interface Results {
  /** Data set and split. */
  readonly split: string;
  readonly images: number;
  /** The model's row first, then exact posteriors where the data set has them. */
  readonly rows: readonly ResultRow[];
}

/** Column heads of the four metrics, in the order of the reference's results file, and how to read them. */
export const METRIC_COLUMNS = ["per-instance AP", "per-instance AC", "per-class AP", "per-class AC"] as const;

/** The four metrics of a row, in that order. */
export function fourMetrics({ perInstance, perClass }: Metrics): [number, number, number, number] {
  return [perInstance.ap, perInstance.ac, perClass.ap, perClass.ac];
}

function isContext(dataset: RegionDataset): dataset is ContextDataset {
  return dataset.source.kind === "context";
}

/** Scores a split: the model's row, and for context scenes the three exact posteriors. */
export function resultsOf(name: string, scores: Scores, dataset: RegionDataset): Results {
  const classes = dataset.classes.length;
  const rows: ResultRow[] = [{ name, metrics: regionMetrics(scores.probabilities, scores.labels, classes) }];
  if (isContext(dataset)) {
    const exact = contextPosteriors(dataset);
    for (const kind of ["appearance", "pair", "scene"] as const) {
      rows.push({ name: `${kind} posterior (exact)`, metrics: regionMetrics(exact[kind], scores.labels, classes) });
    }
  }
  return { split: `${dataset.name} ${dataset.split}`, images: dataset.size, rows };
}

/** Writes `results.json`, the reference's four-number `results.txt` and `report.html` of a run. */
export async function saveResults(
  results: Results,
  dataset: RegionDataset,
  folder: RunFolder,
  pictures: readonly Picture[],
): Promise<void> {
  const { split, images, rows } = results;
  const [first] = rows;
  await writeJsonAtomic(folder.file("results.json"), {
    split,
    images,
    instances: first.metrics.instances,
    rows: rows.map(({ name, metrics: { perInstance, perClass } }) => ({ name, perInstance, perClass })),
    classes: first.metrics.classes.map(({ label, ...figures }) => ({ name: dataset.classes[label], ...figures })),
  });
  await writeFileAtomic(
    folder.file("results.txt"),
    new TextEncoder().encode(fourMetrics(first.metrics).map((v) => `${v.toFixed(6)}\n`).join("")),
  );
  const log = MetricsLog.read(folder.file("metrics.jsonl"));
  const curve = (name: string): [number, number][] => log.map((r) => [r.step, Number(r[name])]);
  const html = renderReport({
    title: `Itera: ${folder.path.split("/").at(-1)}`,
    summary: `${images} images of ${split}, ${first.metrics.instances} regions.`,
    tables: [resultsTable(results), perClassTable(results, dataset)],
    charts: [
      {
        title: "Loss",
        curves: [
          { name: "cross-entropy", points: curve("cross_entropy") },
          { name: "total", points: curve("total_loss") },
        ],
      },
      { title: "Learning rate", curves: [{ name: "rate", points: curve("rate") }] },
    ],
    pictures,
    config: folder.config,
  });
  await writeFileAtomic(folder.file("report.html"), new TextEncoder().encode(html));
}

/** The table of the four metrics. */
export function resultsTable({ split, rows }: Results): Table {
  return {
    title: `Results on ${split}`,
    columns: ["model", ...METRIC_COLUMNS],
    rows: rows.map(({ name, metrics }) => [name, ...fourMetrics(metrics)]),
  };
}

function perClassTable({ rows: [first] }: Results, dataset: RegionDataset): Table {
  const classes = [...first.metrics.classes].sort((a, b) => b.count - a.count);
  return {
    title: "Per class, most frequent first",
    columns: ["class", "instances", "AP", "AC"],
    rows: classes.map(({ label, count, ap, ac }) => [dataset.classes[label], count, ap, ac]),
    folded: true,
  };
}
