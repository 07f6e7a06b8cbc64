import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import "../../engine/mod.ts";
import { parseTuning } from "../../engine/tuning/file.ts";
import { ended, itera, start } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("tune measures checked candidates and keeps the winners, as a later run finds them", () =>
  withFolder(async (folder) => {
    const path = join(folder, "cache", "tuning.json");
    const { code, out, err } = await ended(start(["tune", "--quick"], { ITERA_TUNING: path }));
    strictEqual(code, 0, err);
    for (const op of ["matmul nn", "matmul nt", "matmul tn", "matmul tt", "conv2d forward", "conv2d weight gradient"]) {
      ok(out.includes(`│ ${op}`), out);
    }
    ok(/\d+×\d+ [\d.]+ \(rule\)/.test(out) && /\d+×\d+ [\d.]+ /.test(out) && !/wrong/.test(out), out);
    const [, found] = /^(\d+) of 7 sizes run faster than by rule$/m.exec(out)!;
    ok(out.includes(`\nkept: ${found} tilings of this adapter\ntable: ${path}\n`), out);
    const { winners } = parseTuning(await Deno.readTextFile(path), path);
    strictEqual(winners.length, Number(found));
    // Only what is tuned again is replaced.
    const before = winners.filter(({ op }) => op.startsWith("conv2d"));
    const again = await ended(start(["tune", "--quick", "--ops", "matmul", "--out", path]));
    strictEqual(again.code, 0, again.err);
    ok(!again.out.includes("conv2d"), again.out);
    const { winners: after } = parseTuning(await Deno.readTextFile(path), path);
    deepStrictEqual(after.filter(({ op }) => op.startsWith("conv2d")), before);
    ok(again.out.includes(`\nkept: ${after.length} tilings of this adapter`), again.out);
    ok(before.length === 0 || again.out.includes(`, ${before.length} of them measured before\n`), again.out);
  }));

Deno.test("tune says what it takes", async () => {
  const [help, mistaken] = await Promise.all([itera("tune", "--help"), itera("tune", "--ops", "sort")]);
  strictEqual(help.code, 0, help.err);
  for (const flag of ["--ops", "--quick", "--adapter", "--out"]) ok(help.out.includes(flag), help.out);
  strictEqual(mistaken.code, 2);
  ok(/matmul, conv2d/.test(mistaken.err), mistaken.err);
});
