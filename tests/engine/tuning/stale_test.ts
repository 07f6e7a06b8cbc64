/** Declarations of kernels as the tuner's only source: there is no list of kernels beside them. */
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import "../../../engine/mod.ts";
import { allKernels, declareKernel } from "../../../engine/gpu/kernel.ts";
import { blocksOf, shadersOf, TUNED_OPS, type TunedTiling, TuningTable } from "../../../engine/tuning/table.ts";

Deno.test("every kernel with tilings says what it computes, for whom and with how much arithmetic", () => {
  const tiled = allKernels().filter(({ traits }) => traits.tilings);
  ok(tiled.length > 10, `only ${tiled.length} kernels have tilings`);
  for (const { name, traits: { computes, kernelSet, flops } } of tiled) ok(computes && kernelSet && flops, name);
  for (const op of TUNED_OPS) {
    for (const kernels of ["gpu", "cpu"]) ok(blocksOf(kernels, op).length > 3, `${op}, ${kernels}`);
  }
});

Deno.test("a winner measured with other shaders is stale, whichever kernel of its op has changed", () => {
  const adapter = "made | up | adapter | cpu", tiling = { rows: 16, columns: 8, splitK: 1 };
  const winner: TunedTiling = {
    adapter,
    op: "conv2d forward",
    shaders: shadersOf("conv2d forward", "cpu"),
    shape: [4096, 64, 576, 1],
    tiling,
  };
  const find = () => new TuningTable([winner], adapter, "cpu").find("conv2d forward", 4096, 64, 576, 1);
  deepStrictEqual(find(), tiling);
  const others = TUNED_OPS.filter((op) => op !== "conv2d forward").map((op) => shadersOf(op, "cpu"));
  // A kernel that joins the op's is as good as a change of one that it has.
  declareKernel("nothing", { kernelSet: "cpu", computes: ["conv2d forward"] }, {
    file: "nothing.wgsl",
    text: "@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n" +
      "@compute @workgroup_size(1) fn nothing() { y[0] = 0.0; }",
  });
  notStrictEqual(shadersOf("conv2d forward", "cpu"), winner.shaders);
  strictEqual(find(), undefined);
  deepStrictEqual(TUNED_OPS.filter((op) => op !== "conv2d forward").map((op) => shadersOf(op, "cpu")), others);
});
