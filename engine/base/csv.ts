/** Tables as comma-separated values (RFC 4180), for spreadsheets and programs. */
import { printable } from "./printable.ts";

/** A cell; null is an empty one. */
export type CsvCell = string | number | boolean | null;

/**
 * The text of a table: a line of column names, then one for each row, cells that need it in quotes. Control characters of names
 * are written as codes, and a text that a spreadsheet would run as a formula has an apostrophe before it; numbers stay numbers.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { csvText } from "./csv.ts";
 *
 * strictEqual(csvText(["name", "share"], [["a,b", 0.5], ["=1+1", -2]]), 'name,share\n"a,b",0.5\n\'=1+1,-2\n');
 * ```
 */
export function csvText(columns: readonly string[], rows: Iterable<readonly CsvCell[]>): string {
  const lines = [columns.map(cellText).join(",")];
  for (const row of rows) lines.push(row.map(cellText).join(","));
  return lines.join("\n") + "\n";
}

/** Characters with which a formula begins, in the wide forms of East Asian keyboards too, and blanks that are skipped before them. */
const FORMULA = /^[=+\-@\t\n\uff1d\uff0b\uff0d\uff20]/;

function cellText(cell: CsvCell): string {
  if (typeof cell !== "string") return cell === null ? "" : String(cell);
  const text = printable(cell), safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\n\r]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
