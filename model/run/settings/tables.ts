/** Tables of settings for reports: those that differ from the defaults, and those in which runs differ. */
import { join } from "node:path";
import type { RunKind } from "../kind.ts";
import { type Json, lookup, readJsonFile } from "../layers.ts";
import type { Table } from "../report/page.ts";
import { changedSettings, listSettings } from "./list.ts";

/** Settings of a run that differ from the defaults. */
export function changedTable(kind: RunKind, config: Json): Table {
  const changed = changedSettings(kind, config);
  return {
    title: "Settings that differ from the defaults",
    note: changed.length === 0 ? "There are none." : "All settings stand at the end of the page.",
    columns: ["setting", "value", "default"],
    rows: changed.map(({ name, value, default: usual }) => [name, text(value), text(usual)]),
  };
}

/** Settings in which runs of a kind differ, a column each. */
export function differingSettings(
  kind: RunKind,
  runs: readonly { readonly folder: string; readonly path: string }[],
): Table {
  const configs = runs.map(({ path }) => readJsonFile(join(path, "config.json")));
  const rows = listSettings(kind, configs[0]).flatMap(({ name }) => {
    const values = configs.map((config) => text(lookup(config, name.split("."))));
    return values.every((value) => value === values[0]) ? [] : [[name, ...values]];
  });
  return {
    title: "Settings in which the runs differ",
    note: rows.length === 0 ? "There are none." : "A dash stands where a run has none.",
    columns: ["setting", ...runs.map(({ folder }) => folder)],
    rows,
  };
}

function text(value: Json | undefined): string {
  return value === undefined ? "–" : JSON.stringify(value);
}
