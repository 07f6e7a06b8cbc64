/** Optimisers and numbers in steps beside their references, and faults planted in them. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { Search } from "../../../cli/doctor/blame.ts";
import { examine, type Examined, Ground } from "../../../cli/doctor/examine.ts";
import { batchesFor } from "../../../cli/doctor/probes.ts";
import { trainingBatch } from "../../../cli/doctor/training.ts";
import { threefry } from "../../../engine/testing/reference/random.ts";
import { testSeed } from "../../support/random.ts";
import { plant, type Planted } from "./plant.ts";

async function blamed(kernels: "cpu" | "gpu", ...faults: readonly Planted[]) {
  const undo = plant(...faults), none = new Set<string>();
  try {
    await using ground = new Ground({ kernels });
    const device = await ground.with(none), examined: Examined[] = [];
    // Ops that clear the fills which optimisers begin with too.
    for (const batch of [trainingBatch(testSeed), ...batchesFor(device, testSeed, ["pad", "gather"]).slice(0, 2)]) {
      examined.push(...(await examine(ground, batch, batch.probes(device), none)).examined);
    }
    const { faults: found, unexplained } = await new Search(ground, examined).run();
    deepStrictEqual(unexplained, []);
    return { found, ran: new Set(examined.flatMap(({ forms }) => [...forms])) };
  } finally {
    undo();
  }
}

for (const kernels of ["cpu", "gpu"] as const) {
  Deno.test(`what trainings run beside ops is right (${kernels} kernels)`, async () => {
    const { found, ran } = await blamed(kernels);
    deepStrictEqual(found, []);
    for (
      const kernel of [
        "optim.wgsl:sgd",
        "optim.wgsl:adam",
        "optim_group.wgsl:sgd_group",
        "optim_group.wgsl:adam_group",
        "optim_count.wgsl:count_updates",
        "optim_sum.wgsl:add_gradients",
        "optim_sum.wgsl:count_gradients",
        "pointwise.wgsl:accumulate",
        "sequence.wgsl:steps",
        "sequence.wgsl:whole_steps",
        "sequence.wgsl:identity",
        "fill.wgsl:random_uniform",
        "fill.wgsl:random_normal",
        "fill.wgsl:random_truncated",
      ]
    ) ok(ran.has(kernel), kernel);
  });
}

/** Small faults, each with the kernel that has it and what stands in for that. */
const FAULTS: readonly (readonly [fault: Planted, instead: RegExp | null])[] = [
  [["optim_group.wgsl:adam_group", "(1.0 - h.beta2) * g * g", "(1.00001 - h.beta2) * g * g"], /^optim\.wgsl:adam$/],
  [["optim.wgsl:sgd", "h.momentum * velocity", "1.00001 * h.momentum * velocity"], null],
  [["optim_count.wgsl:count_updates", "square += (1.0 - square) * square;", "square += square;"], null],
  [
    ["optim_sum.wgsl:add_gradients", "total[place + i] += ", "total[place + i] = "],
    /^optim_sum\.wgsl:add_gradient$/,
  ],
  [["fill.wgsl:random_uniform", "block < 5u", "block < 4u"], null],
  [["fill.wgsl:random_truncated", "abs(n) > 2.0", "abs(n) > 2.2"], null],
  [["sequence.wgsl:identity", "select(0u, params.one", "select(params.one, params.one"], null],
];

Deno.test("the reference's generator gives the published words for the published keys and counters", () => {
  // Random123's known answers of threefry2x32 with 20 rounds.
  const known = [
    [[0, 0], [0, 0], [0x6b200159, 0x99ba4efe]],
    [[0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0x1cb996fc, 0xbb002be7]],
    [[0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], [0xc4923a9c, 0x483df7a0]],
  ] as const;
  for (const [key, counter, words] of known) deepStrictEqual(threefry(key, counter), [...words]);
});

for (const [fault, instead] of FAULTS) {
  Deno.test(`a fault in ${fault[0]} is found`, async () => {
    const { found: [first, ...others] } = await blamed("gpu", fault);
    deepStrictEqual([first.kernel, others], [fault[0], []]);
    match(first.fault, /numbers are off/);
    if (instead) ok(first.instead.every((form) => instead.test(form)) && first.instead.length > 0, `${first.instead}`);
    else deepStrictEqual(first.instead, []);
  });
}
