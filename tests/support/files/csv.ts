/** A reader of comma-separated values, written from RFC 4180 and from nothing of ours. */
import { strictEqual } from "node:assert/strict";

/** Rows of cells. Throws where the text is none. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let at = 0;
  while (at < text.length) {
    const row: string[] = [];
    for (;;) {
      let cell = "";
      if (text[at] === '"') {
        for (at++;; at++) {
          if (at >= text.length) throw new Error("a quote is not closed");
          if (text[at] !== '"') cell += text[at];
          else if (text[at + 1] === '"') cell += text[at++];
          else break;
        }
        at++;
      } else while (at < text.length && text[at] !== "," && text[at] !== "\n") cell += text[at++];
      row.push(cell);
      if (text[at] !== ",") break;
      at++;
    }
    strictEqual(text[at++], "\n", `row ${rows.length} does not end`);
    rows.push(row);
  }
  return rows;
}
