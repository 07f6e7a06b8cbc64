import { deepStrictEqual, ok } from "node:assert/strict";
import { allOps } from "../../../engine/op.ts";
import "../../../engine/ops/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { fixtures } from "../../support/fixtures.ts";
import { assertClose, published } from "../../../engine/testing/tolerance.ts";
import { run } from "../../../engine/testing/samples/run_sample.ts";

const devices = await openDevices();

Deno.test("every op that has published values is registered", () => {
  deepStrictEqual([...new Set(fixtures.map(({ op }) => op))].filter((op) => !allOps().has(op)), []);
});

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  for (const { title, op: name, inputs, attrs, outputs, outputGrads, inputGrads } of fixtures) {
    const op = allOps().get(name);
    if (!op) continue;
    Deno.test(`${name} (${kernels} kernels) gives ${title}`, () =>
      withoutLeaks(device, async () => {
        const wanted = inputGrads.map((x, k) => x !== null && !op.constantInputs.includes(k));
        const seeds = outputGrads.map((x) => x && Float32Array.from(x.data));
        const ran = await run(device, op, { inputs, attrs }, { needs: wanted, seeds });
        outputs.forEach(({ shape, data }, k) => {
          deepStrictEqual(ran.shapes[k], shape);
          assertClose(ran.outputs[k], published(data), `output ${k}`);
        });
        inputGrads.forEach((want, k) => {
          if (!want || !wanted[k]) return;
          const got = ran.grads[k];
          ok(got, `input ${k} got no gradient`);
          assertClose(got, published(want.data), `gradient of input ${k}`);
        });
      }));
  }
}
