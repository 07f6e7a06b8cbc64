/** Copies of the engine's kernels that take notes: all accesses are watched, and kernels whose workgroups share memory have no race. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import "../../../engine/ops/mod.ts";
import "../../../engine/optim/mod.ts";
import { allOps } from "../../../engine/op.ts";
import { allKernels } from "../../../engine/gpu/kernel.ts";
import { reflect } from "../../../engine/gpu/wgsl.ts";
import { opSubject } from "../../../engine/testing/checks/op_subject.ts";
import { kernelsOf } from "../../../engine/testing/checks/run.ts";
import type { Case } from "../../../engine/testing/checks/subject.ts";
import { valueOf } from "../../../engine/testing/wgsl/constants.ts";
import { instrument } from "../../../engine/testing/wgsl/instrument.ts";
import { judge } from "../../../engine/testing/wgsl/judge.ts";
import { noted } from "../../../engine/testing/wgsl/notes.ts";
import { openDevices, withoutLeaks } from "../../support/devices.ts";
import { testSeed, withRandom } from "../../support/random.ts";

const device = (await openDevices()).gpu;

/** Kernels whose workgroups share memory, by the shader that it is declared in. */
const SHARING = [
  "lib/row_group.wgsl",
  "lib/core_tiles.wgsl",
  "matmul_skinny.wgsl",
  "lstm_sequence.wgsl",
  "move.wgsl",
  "lib/teams.wgsl",
  "conv_gru_gates.wgsl",
  "gather.wgsl",
  "norm_teams.wgsl",
  "reduce_teams.wgsl",
];

/** Those that no rule takes: tests/engine/gpu/wide_tiles_test.ts looks for their races. */
const CANDIDATES = ["lib/products/wide_tiles.wgsl"];

Deno.test("every access of the engine's kernels can be watched, and a copy binds what the kernel binds", () => {
  const kernels = allKernels().filter(({ traits }) => !traits.users);
  ok(kernels.length > 100);
  let sites = 0;
  for (const { name, code, entry, interface: { storage } } of kernels) {
    const copy = instrument(code, entry);
    deepStrictEqual(copy.loose, [], name);
    const bound = reflect(copy.code, entry, name).storage.map((one) => one.name);
    const events = copy.barriers.length > 0 || copy.sites.some(({ name }) => copy.written.includes(name));
    deepStrictEqual(bound, [...storage.map((one) => one.name), ...events ? ["itera_log"] : [], "itera_notes"], name);
    sites += copy.sites.length;
  }
  ok(sites > 1000, `${sites} places`);
  const sharing = new Set(
    kernels.flatMap(({ parts }) => parts.filter(({ text }) => /\bvar<workgroup>/.test(text)).map(({ file }) => file)),
  );
  deepStrictEqual([...sharing].sort(), [...SHARING, ...CANDIDATES].sort());
});

Deno.test("what a copy adds has no branch: inlined at every index, it would take some drivers minutes and gigabytes", () => {
  const { code } = instrument("@compute @workgroup_size(1) fn nothing() {}", "nothing");
  ok(code.includes("fn itera_index("));
  ok(!/&&|\|\||\b(if|switch|for|while|loop)\b/.test(code.replaceAll(/\/\/.*/g, "")), code);
});

/** The first sample of a few ops that runs a kernel made with a shader which has barriers. */
function sampleOf(file: string): { readonly one: Case; readonly kernels: readonly string[] } {
  const ops = [
    "softmax",
    "transpose",
    "topk",
    "cumsum",
    "sum",
    "max",
    "matmul",
    "linear",
    "lstm",
    "exampleWeights",
    "convGruJoined",
    "gather",
    "batchNorm",
  ];
  for (const name of ops) {
    for (const one of opSubject(allOps().get(name)!, { seed: testSeed }).cases) {
      const kernels = [...kernelsOf(device, () => one.record(device)).values()];
      const own = kernels.filter(({ parts, code, entry }) =>
        parts.some((part) => part.file === file) && instrument(code, entry).barriers.length > 0
      );
      if (own.length > 0) return { one, kernels: own.map((kernel) => kernel.name) };
    }
  }
  throw new Error(`no sample runs ${file}`);
}

for (const file of SHARING) {
  Deno.test(`the kernels of ${file} have no race and keep to their memory`, () =>
    withRandom(file, () =>
      withoutLeaks(device, async () => {
        const { one, kernels } = sampleOf(file);
        const dispatches = await noted(device, () => one.run(device));
        deepStrictEqual(judge(dispatches), []);
        const watched = dispatches.filter(({ kernel }) => kernels.includes(kernel.name));
        ok(watched.length > 0, `${kernels}`);
      })));
}

Deno.test("expressions of whole numbers are worth what WGSL says", () => {
  const declared = new Map([["LANES", "128u"], ["STRIDE", "LANES"], ["HALF", "LANES / 2u"], ["F", "0.5 * y"]]);
  const worth = (text: string, set = {}): number | null => valueOf(text, set, declared);
  strictEqual(worth("u32(16) * u32(32) * 4u"), 2048);
  strictEqual(worth("1u + 2u * 3u - 7u / 2u"), 4);
  strictEqual(worth("(1 + 2) * -3"), -9);
  strictEqual(worth("STRIDE % 100u"), 28);
  strictEqual(worth("max(HALF, 4u * MOST)", { MOST: 20 }), 80);
  strictEqual(worth("LANES", { LANES: 32 }), 32);
  for (const text of ["y", "F", "1u +", "(1u", "f(2)"]) strictEqual(worth(text), null, text);
});

Deno.test("a copy of a kernel is no kernel of the engine's", async () => {
  const before = allKernels().length, [one] = opSubject(allOps().get("neg")!, { seed: 1 }).cases;
  const [{ kernel }] = await noted(device, () => one.run(device));
  strictEqual(allKernels().length, before);
  ok(allKernels().includes(kernel));
});
