import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { blocksFor, SHARED_COLUMNS, sharedFor } from "../../../../engine/ops/lib/blocks.ts";

Deno.test("blocks cover a product, and leave no more lanes idle than its size makes them", () => {
  for (const rows of [1, 4, 5, 12, 16, 17, 100, 400, 9 * 64]) {
    for (const columns of [1, 4, 8, 12, 16, 24, 32, 36, 64, 100, 1000]) {
      const { constants: { ROWS, COLUMNS, ACROSS }, x, y } = blocksFor(rows, columns);
      const what = `${rows} × ${columns}: blocks of ${ROWS} × ${COLUMNS}, ${ACROSS} across, ${x} × ${y} groups`;
      ok([4, 8, 16].includes(ROWS) && [4, 8].includes(COLUMNS) && [1, 2, 4, 8].includes(ACROSS), what);
      const down = 8 / ACROSS * ROWS, across = ACROSS * COLUMNS;
      ok(x * across >= columns && (x - 1) * across < columns, what);
      ok(y * down >= rows && (y - 1) * down < rows, what);
      const blocks = Math.ceil(rows / ROWS) * Math.ceil(columns / COLUMNS);
      // Wider blocks are not bought with lanes that narrower ones would fill.
      if (COLUMNS === 8 && columns <= 32) ok(blocks >= 8 / 2, what);
    }
  }
});

Deno.test("lanes that share an operand cover a product, in the widest blocks without idle columns", () => {
  for (const rows of [32, 49, 100, 144, 9 * 64]) {
    for (const columns of [12, 16, 20, 24, 36, 48, 64, 68, 100, 1000]) {
      for (const width of [undefined, ...SHARED_COLUMNS]) {
        const { constants: { QUADS }, x, y } = sharedFor(rows, columns, { width })!;
        const across = 4 * QUADS, down = 8 * 8, what = `${rows} × ${columns}: ${across} across, ${x} × ${y} groups`;
        ok(SHARED_COLUMNS.includes(across) && (width === undefined || width === across), what);
        ok(x * across >= columns && (x - 1) * across < columns && y * down >= rows && (y - 1) * down < rows, what);
      }
    }
  }
  const across = (columns: number) => sharedFor(1000, columns)!.constants.QUADS * 4;
  deepStrictEqual([12, 16, 24, 32, 36, 48, 64].map(across), [12, 16, 24, 32, 12, 16, 32]);
  // Many columns get the widest, whatever stays idle at the end, and fewer rows share; not in filters' gradients.
  deepStrictEqual([252, 260, 512].map(across), [12, 32, 32]);
  strictEqual(sharedFor(24, 256)!.constants.QUADS, 8);
  strictEqual(sharedFor(1000, 264, { split: true })!.constants.QUADS, 6);
  deepStrictEqual([sharedFor(16, 256), sharedFor(24, 256, { split: true })], [null, null]);
  // The widest leave work for several cores: by rows, columns, a batch or the parts of a sum.
  const quads = (...given: Parameters<typeof sharedFor>) => sharedFor(...given)!.constants.QUADS;
  deepStrictEqual([quads(64, 64), quads(192, 32), quads(256, 32), quads(64, 128)], [4, 4, 8, 8]);
  deepStrictEqual([quads(64, 32, { batch: 36 }), quads(64, 32, { split: true })], [8, 8]);
  // Few columns or rows leave less to share than they leave idle.
  deepStrictEqual([sharedFor(1000, 8), sharedFor(24, 64)], [null, null]);
});
