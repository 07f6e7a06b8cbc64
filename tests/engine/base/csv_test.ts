import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { csvText } from "../../../engine/base/csv.ts";
import { printable } from "../../../engine/base/printable.ts";
import { parseCsv } from "../../support/files/csv.ts";
import { withRandom } from "../../support/random.ts";

Deno.test("cells of any text are read back, but for what a spreadsheet or a terminal would act on", async () => {
  await withRandom("csv", (random) => {
    const letters = [...'ab ,,""\n\t;\'=+-@\r\0\u001b\u202eé漢'];
    for (let n = 0; n < 200; n++) {
      const text = () =>
        Array.from({ length: random.integer(0, 6) }, () => letters[random.integer(0, letters.length - 1)]);
      const cells = Array.from({ length: random.integer(1, 4) }, () => text().join(""));
      const [columns, row] = parseCsv(csvText(cells.map((_, i) => `c${i}`), [cells]));
      strictEqual(columns.length, cells.length);
      cells.forEach((cell, i) => {
        const shown = printable(cell);
        strictEqual(row[i], /^[=+\-@\t\n]/.test(shown) ? `'${shown}` : shown, JSON.stringify(cell));
      });
    }
  });
});

Deno.test("no text begins as a formula, and numbers are not touched", () => {
  const formulas = ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"];
  for (const [cell] of parseCsv(csvText(["name"], formulas.map((text) => [text]))).slice(1)) {
    ok(cell.startsWith("'") || cell.startsWith("\\x0d"), JSON.stringify(cell));
  }
  deepStrictEqual(csvText(["a", "b", "c", "d"], [[-1.5, 1e-7, null, true]]), "a,b,c,d\n-1.5,1e-7,,true\n");
});
