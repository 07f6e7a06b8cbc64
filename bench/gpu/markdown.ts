/** Tables that read well on a terminal and in a Markdown file. */

/** A cell: numbers are right-aligned, null is a dash. */
export type Cell = string | number | null;

/** A Markdown table with aligned columns. */
export function markdownTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const text = rows.map((row) => row.map((cell) => cell === null ? "–" : shown(cell)));
  const right = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] !== "string"));
  const widths = head.map((name, i) => Math.max(3, name.length, ...text.map((row) => row[i].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => right[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join(" | ")} |`;
  const rule = `| ${
    widths.map((width, i) => right[i] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)).join(" | ")
  } |`;
  return [line(head), rule, ...text.map(line)].join("\n");
}

/** Three or four digits that matter, never an exponent. */
export function shown(cell: string | number): string {
  if (typeof cell === "string") return cell;
  if (Number.isInteger(cell)) return String(cell);
  const size = Math.abs(cell);
  return size >= 100 ? cell.toFixed(0) : size >= 10 ? cell.toFixed(1) : size >= 1 ? cell.toFixed(2) : cell.toFixed(4);
}

/** A share as per cent. */
export function percent(share: number | null): string | null {
  return share === null || Number.isNaN(share) ? null : `${(100 * share).toFixed(0)} %`;
}
