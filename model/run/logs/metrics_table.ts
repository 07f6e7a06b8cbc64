/** `metrics.csv`: the records of a run as a table, for whatever reads neither JSON lines nor TensorBoard's files. */
import { csvText } from "../../../engine/base/csv.ts";
import type { MetricsRecord } from "./metrics_log.ts";

/** A row for each record, its step first, then every name that any has, in the order of their first appearance. */
export function metricsTable(records: readonly MetricsRecord[]): string {
  const names = new Set(["step"]);
  for (const record of records) for (const name in record) names.add(name);
  const columns = [...names];
  return csvText(
    columns,
    records.map((record) => columns.map((name) => Object.hasOwn(record, name) ? record[name] : null)),
  );
}
