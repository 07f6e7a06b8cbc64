/** Faults are planted in kernels, a kind each; the kernel at fault is found among all that a wrong result comes from. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { type Blamed, Search } from "../../../cli/doctor/blame.ts";
import { examine, type Examined, Ground } from "../../../cli/doctor/examine.ts";
import { batchesFor } from "../../../cli/doctor/probes.ts";
import { trace } from "../../../cli/doctor/trace.ts";
import { Device } from "../../../engine/device.ts";
import type { KernelSet } from "../../../engine/gpu/adapter.ts";
import { plant, type Planted } from "./plant.ts";

/** Runs samples of some ops with faults planted, and searches for these. */
async function blamed(kernels: KernelSet, ops: readonly string[], ...faults: readonly Planted[]): Promise<Blamed> {
  const undo = plant(...faults);
  try {
    await using ground = new Ground({ kernels });
    const none = new Set<string>(), examined: Examined[] = [];
    for (const batch of batchesFor(await ground.with(none), 1, ops)) {
      if (batch.kind !== "samples") continue;
      examined.push(...(await examine(ground, batch, batch.probes(await ground.with(none)), none)).examined);
    }
    return await new Search(ground, examined).run();
  } finally {
    undo();
  }
}

Deno.test("a result comes from the kernels that wrote what it was computed from, and from no others", async () => {
  await using device = await Device.open({ kernels: "cpu" });
  using _scope = device.scope();
  const x = device.tensor([[1, 2, 3], [4, 5, 6]]);
  const { value: [a, b], reads, all } = trace(device, () => {
    const y = x.exp(), z = x.transpose([1, 0]), w = y.sum(1);
    return [w.data(), z.data()];
  });
  await Promise.all([a, b]);
  deepStrictEqual(reads.map((forms) => [...forms].map((form) => form.split(":")[0]).sort()), [
    ["pointwise.wgsl", "reduce.wgsl"],
    ["strided.wgsl"],
  ]);
  ok(all.size === 3, [...all].join(", "));
});

Deno.test("sound kernels are blamed for nothing", async () => {
  deepStrictEqual(await blamed("cpu", ["softmax", "gather"]), { faults: [], unexplained: [], stopped: [] });
});

/** A planted fault, and what is to be found of it. */
interface Kind {
  readonly kernels: KernelSet;
  /** Ops whose samples run; not all of them run the kernel. */
  readonly ops: readonly string[];
  readonly faults: readonly Planted[];
  /** Forms at fault, with what runs in the place of each. */
  readonly found: Readonly<Record<string, RegExp | null>>;
  readonly says: RegExp;
}

const KINDS: Readonly<Record<string, Kind>> = {
  "wrong wherever it runs": {
    kernels: "cpu",
    ops: ["gather", "add", "softmax"],
    faults: [["gather.wgsl:gather+vec4", "i % params.width]; }", "(i + 1u) % params.width]; }"]],
    found: { "gather.wgsl:gather+vec4": /^gather\.wgsl:gather$/ },
    says: /numbers are off, worst output 0 at /,
  },
  "wrong in long rows alone, and right in others": {
    kernels: "gpu",
    ops: ["softmax", "logSoftmax", "layerNorm"],
    faults: [[
      "softmax.wgsl:softmax_rows+group",
      "total = row_sum(lane, total);",
      "total = row_sum(lane, select(total, 0.0, lane == 77u));",
    ]],
    found: { "softmax.wgsl:softmax_rows+group": /^softmax\.wgsl:softmax_rows$/ },
    says: /numbers are off/,
  },
  "a helper of many ops, which has no substitute": {
    kernels: "cpu",
    ops: ["matmul", "sum", "mean", "pad", "topk", "add", "mul"],
    faults: [["fill.wgsl:fill", "params.bits", "(params.bits + 1u)"]],
    found: { "fill.wgsl:fill": null },
    says: /numbers are off/,
  },
  "it does not compile": {
    kernels: "cpu",
    ops: ["sum", "mean", "add"],
    faults: [["reduce.wgsl:reduce_rows", "fn start(", "fn broken() -> u32 { let b: u32 = 1.5; return b; }\nfn start("]],
    found: { "reduce.wgsl:reduce_rows OP=0": /^reduce\.wgsl:reduce(\+vec4)? OP=0$/ },
    says: /^cannot be run: .*does not compile/,
  },
  "not the same twice": {
    kernels: "cpu",
    ops: ["sum", "add", "exp"],
    faults: [[
      "reduce.wgsl:reduce_rows",
      "totals[i] = total;",
      "totals[i] = total + 3e-7 * fract(abs(totals[i]) * 64.3);",
    ]],
    found: { "reduce.wgsl:reduce_rows OP=0": /^reduce\.wgsl:reduce(\+vec4)? OP=0$/ },
    says: /numbers are not the same twice: .* is -?[\d.e-]+, and -?[\d.e-]+ the next time$/,
  },
};

for (const [name, { kernels, ops, faults, found, says }] of Object.entries(KINDS)) {
  Deno.test(`the kernel at fault is found: ${name}`, async () => {
    const { faults: blames, unexplained, stopped } = await blamed(kernels, ops, ...faults);
    deepStrictEqual([blames.map(({ kernel }) => kernel), unexplained], [Object.keys(found), []]);
    for (const { kernel, sample, fault, instead } of blames) {
      match(fault, says);
      ok(ops.some((op) => sample.startsWith(op)), sample);
      const place = found[kernel];
      if (place) ok(instead.length > 0 && instead.every((form) => place.test(form)), `${kernel}: ${instead}`);
      else deepStrictEqual(instead, []);
    }
    deepStrictEqual(stopped.length > 0, Object.values(found).includes(null));
  });
}
