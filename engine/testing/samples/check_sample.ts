/** Checks samples of an op against its float64 reference. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Device } from "../../device.ts";
import type { AnyOp } from "../../op.ts";
import { assertClose } from "../tolerance.ts";
import { type Prepared, RANDOM } from "./prepare.ts";
import { type Ran, run } from "./run_sample.ts";

function compareForward(op: AnyOp, { want, title }: Prepared, ran: Ran): void {
  ok(want.length <= ran.outputs.length, `${title}: ${ran.outputs.length} outputs, the reference has ${want.length}`);
  ran.outputs.forEach((got, k) => {
    if (!want[k]) {
      // What an op keeps for its gradient rule alone, such as positions of maxima, shows in the gradients.
      ok(op.constantOutputs.includes(k), `${title}: the reference lacks output ${k}`);
      return;
    }
    deepStrictEqual(ran.shapes[k], [...want[k].shape], `${title}: shape of output ${k}`);
    assertClose(got, want[k], `${title}: output ${k}`);
  });
}

/** Compares what a run gave as gradients. */
export function compareGradients(
  op: AnyOp,
  { options, wantGrads, title }: Pick<Prepared, "options" | "wantGrads" | "title">,
  ran: Ran,
): void {
  wantGrads().forEach((expected, k) => {
    const got = ran.grads[k];
    if (!expected || !options.needs[k] || op.constantInputs.includes(k)) {
      strictEqual(got, null, `${title}: input ${k} must get no gradient`);
    } else {
      ok(got, `${title}: input ${k} got no gradient`);
      assertClose(got, expected, `${title}: gradient of input ${k}`);
    }
  });
}

/** Runs samples of an op and compares results and gradients with the float64 reference. */
export async function checkAgainstReference(device: Device, op: AnyOp, prepared: readonly Prepared[]): Promise<void> {
  compareRuns(op, prepared, await Promise.all(prepared.map(({ sample, options }) => run(device, op, sample, options))));
}

/** Compares what runs of samples gave with the float64 reference. */
export function compareRuns(op: AnyOp, prepared: readonly Prepared[], runs: readonly Ran[]): void {
  runs.forEach((ran, i) => {
    const constants = ran.tracked.map((tracked, k) => !op.differentiable || op.constantOutputs.includes(k) || tracked);
    ok(
      constants.every(Boolean) || prepared[i].options.needs.every((n) => !n),
      `${prepared[i].title}: no gradient kept`,
    );
    op.constantOutputs.forEach((k) => ok(!ran.tracked[k], `${prepared[i].title}: output ${k} must carry no gradient`));
    if (!op.differentiable) ok(!ran.tracked.includes(true), `${prepared[i].title}: must carry no gradient`);
    if (op.name in RANDOM) return;
    compareForward(op, prepared[i], ran);
    if (op.differentiable) compareGradients(op, prepared[i], ran);
  });
}
