/** Marks of branches: in a buffer of their own, and behind the numbers of one that a kernel writes where no more can be bound. */
import { deepStrictEqual, ok } from "node:assert/strict";
import type { Device } from "../../../engine/device.ts";
import { allOps } from "../../../engine/op.ts";
import "../../../engine/ops/mod.ts";
import { opSubject } from "../../../engine/testing/checks/op_subject.ts";
import { cover, type Coverage, noCoverage } from "../../../engine/testing/wgsl/coverage.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";

const devices = await openDevices();

/** Coverage of an op's samples, and their results. */
async function covered(
  device: Device,
  name: string,
  most?: number,
): Promise<{ readonly coverage: Coverage; readonly results: unknown }> {
  const coverage = noCoverage(), { cases } = opSubject(allOps().get(name)!, { seed: 1 });
  let results: unknown;
  await cover(
    device,
    async () => void (results = await Promise.all(cases.map((one) => one.run(device)))),
    coverage,
    most,
  );
  return { coverage, results };
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  for (const name of ["crossEntropy", "topk"]) {
    Deno.test(`marks of ${name} (${kernels}) are the same where no binding is left for them, and so are results`, () =>
      withoutLeaks(device, async () => {
        const own = await covered(device, name);
        const beside = await covered(device, name, 0);
        ok(own.coverage.branches.size > 5);
        deepStrictEqual(beside.coverage.branches, own.coverage.branches);
        deepStrictEqual([...beside.coverage.unmarked], []);
        deepStrictEqual(beside.results, own.results);
      }));
  }
}
