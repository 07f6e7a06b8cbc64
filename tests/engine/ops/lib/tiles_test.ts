import "../../../../engine/mod.ts";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { skinnyFor, tileCandidates, tilesFor } from "../../../../engine/ops/lib/tiles.ts";
import { blocksOf, MAX_SPLIT_K, type ProductShape } from "../../../../engine/tuning/table.ts";

const SHAPES: readonly ProductShape[] = [1, 12, 64, 300, 2394, 37500].flatMap((m) =>
  [1, 41, 64, 192, 1536].flatMap((n) =>
    [1, 27, 512, 9375].flatMap((k) => [1, 4, 32].map((batch): ProductShape => [m, n, k, batch]))
  )
);

Deno.test("the rules fill a large GPU wherever the product is large enough, with what the kernels know", () => {
  for (const shape of SHAPES) {
    const [m, n, k, batch] = shape;
    for (const [tiling, shortest] of [[tilesFor(...shape), 128], [skinnyFor(...shape), 256]] as const) {
      const { rows, columns, splitK } = tiling, what = `${shape}: ${rows} × ${columns} / ${splitK}`;
      ok(blocksOf("gpu", "matmul nn").some((known) => known.rows === rows && known.columns === columns), what);
      ok(Number.isInteger(splitK) && splitK >= 1 && splitK <= MAX_SPLIT_K, what);
      const groups = batch * Math.ceil(m / rows) * Math.ceil(n / columns) * splitK;
      const split = splitK === MAX_SPLIT_K || splitK === (k < 512 ? 1 : Math.floor(k / shortest));
      ok(groups >= 256 || split, `${what}: ${groups} workgroups`);
    }
  }
});

Deno.test("large products get large tiles, and narrow ones none that are mostly padding", () => {
  const name = (...shape: ProductShape): string => Object.values(tilesFor(...shape)).join(" ");
  strictEqual(name(4096, 4096, 4096, 1), "128 128 1");
  strictEqual(name(37500, 64, 576, 1), "128 64 1");
  strictEqual(name(512, 512, 512, 1), "64 64 4");
  strictEqual(name(576, 64, 9375, 1), "64 64 29");
});

Deno.test("the tuner measures four to seventeen tilings of a product, the rule's among them", () => {
  for (const shape of SHAPES) {
    for (const product of [true, false]) {
      const tilings = tileCandidates(product, shape).map((tiling) => JSON.stringify(tiling));
      ok(
        tilings.length >= 4 && tilings.length <= 17 && new Set(tilings).size === tilings.length,
        `${shape}: ${tilings}`,
      );
      const rule = JSON.stringify((product && shape[0] <= 32 ? skinnyFor : tilesFor)(...shape));
      ok(tilings.includes(rule), `${shape}: ${rule} is not in ${tilings}`);
    }
  }
});

Deno.test("tiles of 8 × 8 numbers an invocation are candidates with either number of buffers, and no rule's choice", () => {
  for (const shape of SHAPES) {
    strictEqual(tilesFor(...shape).buffers, undefined);
    const wide = tileCandidates(false, shape).filter(({ buffers }) => buffers);
    ok(wide.some(({ rows, columns }) => rows * columns === 4096), `${shape}`);
    for (const { rows, columns, buffers, splitK } of wide) {
      const twin = wide.find((one) => one.rows === rows && one.columns === columns && one.buffers === 3 - buffers!);
      strictEqual(twin?.splitK, splitK, `${shape}: ${rows} × ${columns}`);
    }
  }
  // 64 × 64 has 64 invocations, so that four times as many parts keep as many busy.
  const of = (buffers?: number) =>
    tileCandidates(false, [512, 512, 4096, 1]).find((one) =>
      one.buffers === buffers && one.rows * one.columns === 4096
    );
  deepStrictEqual([of()?.splitK, of(2)?.splitK], [4, 16]);
});
