/** Judgements of coverage: reasons for what nothing reaches, refused for what is reached, missing for what is not. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { judgeCoverage } from "../../cli/test/coverage.ts";
import { itera, ROOT } from "../support/command.ts";
import { allKernels } from "../../engine/gpu/kernel.ts";
import "../../engine/ops/mod.ts";
import { branchesOf, branchKey, type Coverage, noCoverage } from "../../engine/testing/wgsl/coverage.ts";
import { UNREACHED } from "../../engine/testing/samples/unreached.ts";

const kernel = allKernels().find(({ name }) => name === "softmax.wgsl:softmax_rows")!;
const branches = branchesOf(kernel), log = branches.find(({ text }) => text.startsWith("if (LOG)"))!;
const LOG = `${log.file}: ${log.text}`;

/** Coverage of a kernel of which all but some branches were entered. */
function covered(without: readonly string[], constants: Coverage["constants"] = new Map()): Coverage {
  const entered = branches.map(branchKey).filter((key) => !without.includes(key));
  return { ...noCoverage(), kernels: new Set([kernel.name]), branches: new Set(entered), constants };
}

Deno.test("a branch that nothing enters wants a reason, and has the one that is given", () => {
  const coverage = covered([branchKey(log)]);
  deepStrictEqual(judgeCoverage([kernel], coverage, {}).missed.map(({ text, reason }) => [text, reason]), [
    [log.text, null],
  ]);
  const { missed, stale } = judgeCoverage([kernel], coverage, { [LOG]: "because" });
  deepStrictEqual([missed.map(({ reason }) => reason), stale], [["because"], []]);
});

Deno.test("a reason for what is reached, or for nothing there is, is refused", () => {
  deepStrictEqual(judgeCoverage([kernel], covered([]), { [LOG]: "because" }).stale, [LOG]);
  deepStrictEqual(judgeCoverage([kernel], covered([]), { "shaders/softmax.wgsl: if (LOGG) {": "because" }).stale, [
    "shaders/softmax.wgsl: if (LOGG) {",
  ]);
});

Deno.test("constants that nothing gives want a reason, and kernels that nothing runs are named", () => {
  const name = `${log.file} LOG`;
  const of = (coverage: Coverage, reasons = {}) =>
    judgeCoverage([kernel], coverage, reasons).constants.find((own) => own.name === name);
  deepStrictEqual(of(covered([])), { name, values: [], reason: null });
  deepStrictEqual(of(covered([]), { [name]: "because" }), { name, values: [], reason: "because" });
  deepStrictEqual(of(covered([], new Map([[name, new Set([1, 0])]]))), { name, values: [0, 1], reason: null });
  deepStrictEqual(judgeCoverage([kernel], noCoverage(), {}).idle, [kernel.name]);
});

Deno.test("every reason speaks of a branch or a constant that there is, and names a test that there is", async () => {
  const keys = new Set(
    allKernels().flatMap((own) => branchesOf(own)).map(({ file, text }) => `${file}: ${text}`),
  );
  deepStrictEqual(Object.keys(UNREACHED).filter((key) => !keys.has(key)), []);
  for (const reason of new Set(Object.values(UNREACHED))) {
    const [, path] = /(tests\/[\w/.]+_test\.ts)$/.exec(reason) ?? [];
    if (path) ok((await Deno.stat(`${ROOT}/${path}`)).isFile, reason);
  }
});

Deno.test("of a part what is missed is listed and does not fail", async () => {
  const { code, out } = await itera("test", "softmax", "--coverage", "--kernels", "cpu");
  deepStrictEqual([code, out.includes("NO REASON"), out.includes("A REASON")], [0, false, false]);
});
