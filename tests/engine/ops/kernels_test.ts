/**
 * Every kernel of every kernel set is run by the samples the registry checks, by the test that `cli/test/elsewhere.ts` names, or, where it
 * has tilings that only the tuner may choose, by `tilings_test.ts`.
 */
import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { ELSEWHERE } from "../../../cli/test/elsewhere.ts";
import type { Device } from "../../../engine/device.ts";
import { KernelError } from "../../../engine/base/errors.ts";
import { contextOf } from "../../../engine/friends.ts";
import { allKernels } from "../../../engine/gpu/kernel.ts";
import { numbered } from "../../../engine/gpu/wgsl.ts";
import { allOps, type AnyOp } from "../../../engine/op.ts";
import "../../../engine/ops/mod.ts";
import { KERNEL_SETS, openDevices } from "../../support/devices.ts";
import { type Random, withRandom } from "../../support/random.ts";
import { draw } from "../../../engine/testing/samples/run_sample.ts";

const devices = await openDevices();

Deno.test("numbers of a shader's switches are read from it, and one that it lacks is an error", () => {
  const text = "const ALIKE = 0u; // const OLD = 9u;\nconst SECOND_IS_ONE = 12u;\nconst LOWEST = -3.4;";
  deepStrictEqual(numbered(text, "alike", "secondIsOne"), { alike: 0, secondIsOne: 12 });
  for (const name of ["old", "lowest", "second"]) throws(() => numbered(text, name), KernelError, name);
});

Deno.test("no two kernels have one name", () => {
  const names = allKernels().map(({ name }) => name);
  deepStrictEqual(names.filter((name, i) => names.indexOf(name) !== i), []);
});

/** Records `op` on its samples, without reading, forwards and backwards and so once more, which adds to the first gradients. */
function runAll(device: Device, op: AnyOp, random: Random): void {
  for (const described of op.samples(random)) {
    const { inputs, attrs } = draw(described, random);
    using _scope = device.scope();
    const tensors = inputs.map((x) => {
      if (!x) return null;
      const tensor = device.tensor(x.data, x.shape);
      tensor.requiresGrad = op.differentiable && tensor.dtype === "f32";
      return tensor;
    });
    for (let times = 0; times < 2; times++) {
      const output = op.run(tensors, attrs).find(({ requiresGrad }) => requiresGrad);
      output?.backward(device.ones(output.shape));
    }
  }
}

Deno.test("the samples of the ops run every kernel", () =>
  withRandom("kernels", (random) => {
    const seen = new Set<string>();
    for (const kernels of KERNEL_SETS) {
      const gpu = contextOf(devices[kernels]);
      const run = gpu.run;
      // Named, not run: compiling them all takes half a minute, and registry_test runs the same samples.
      gpu.run = (kernel) => void seen.add(kernel.name);
      try {
        for (const op of allOps().values()) runAll(devices[kernels], op, random);
      } finally {
        gpu.run = run;
      }
    }
    const names = allKernels().filter(({ traits }) => !traits.tilings).map(({ name }) => name);
    deepStrictEqual(names.filter((name) => !seen.has(name) && !(name in ELSEWHERE)), [], "kernels nothing runs");
    for (const name in ELSEWHERE) {
      ok(names.includes(name) && !seen.has(name), `${name} need not be listed as an exception`);
    }
  }));
