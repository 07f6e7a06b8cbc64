/** Tables drawn as text, no wider than a terminal. */
import Table from "cli-table3";
import width from "string-width";
import wrap from "wrap-ansi";
import { printableLine } from "../../engine/base/printable.ts";
import type { Table as ReportTable } from "../../model/run/report/page.ts";

/** A table to print; its title is a line above it. */
export interface PrintedTable extends Omit<ReportTable, "title" | "folded"> {
  readonly title?: string;
}

/** Fewest columns of the terminal that words are squeezed into. */
const NARROWEST = 8;

/**
 * The table as lines of at most `most` columns of a terminal, without an end where that is null. Where words do not fit,
 * they go on in the next line; where numbers do not, each row is a list. Numbers have three decimals, counts none.
 */
export function drawTable(table: PrintedTable, most: number | null): string {
  const { columns } = table;
  const numeric = columns.map((_, i) => table.rows.some((row) => typeof row[i] === "number"));
  const rows = table.rows.map((row) => row.map((value, i) => cellText(table, value, i)));
  const head = columns.map(printableLine);
  const widest = (i: number, cells: readonly string[][]): number => Math.max(0, ...cells.map((row) => width(row[i])));
  const natural = columns.map((_, i) => widest(i, [head, ...rows]));
  // A number is never broken, and words in short pieces are no words.
  const least = columns.map((_, i) => numeric[i] ? Math.max(1, widest(i, rows)) : Math.min(natural[i], NARROWEST));
  const fitted = most === null ? natural : squeeze(natural, least, most - 3 * columns.length - 1);
  if (fitted === null) return asList(head, rows, most!);
  const drawn = new Table({
    head: head.map((text, i) => broken(text, fitted[i])),
    colAligns: numeric.map((is) => is ? "right" : "left"),
    // No rules between rows.
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) drawn.push(row.map((text, i) => broken(text, fitted[i])));
  return drawn.toString();
}

/** A cell as text on one line. */
function cellText({ columns, counts = [] }: PrintedTable, value: string | number | null, i: number): string {
  if (value === null) return "–";
  if (typeof value === "string") return printableLine(value);
  return counts.includes(columns[i]) ? String(value) : value.toFixed(3);
}

/** Widths of columns that sum to at most `space`: the widest give way first; null where they cannot. */
function squeeze(natural: readonly number[], least: readonly number[], space: number): number[] | null {
  const widths = [...natural];
  for (let over = widths.reduce((sum, w) => sum + w, 0) - space; over > 0; over--) {
    const able = widths.flatMap((w, i) => w > least[i] ? [i] : []);
    if (able.length === 0) return null;
    widths[able.reduce((a, b) => widths[b] > widths[a] ? b : a)]--;
  }
  return widths;
}

function broken(text: string, columns: number): string {
  return wrap(text, columns, { hard: true });
}

/** Each row as a list: its first cell, then the others by the names of their columns. */
function asList(head: readonly string[], rows: readonly (readonly string[])[], most: number): string {
  return rows.flatMap(([first, ...others]) => [
    broken(first, most),
    ...others.map((text, i) => broken(`  ${head[i + 1]} ${text}`, most)),
  ]).join("\n");
}
