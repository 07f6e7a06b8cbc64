/** Checks samples of an op against its float64 reference. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Device } from "../../device.ts";
import type { AnyOp, Sample } from "../../op.ts";
import { elements } from "../float64/ndarray64.ts";
import type { Random } from "../random.ts";
import { evaluate, gradient, type Result } from "../reference/mod.ts";
import { assertClose } from "../tolerance.ts";
import { draw, type Drawn, type Ran, run, type RunOptions } from "./run_sample.ts";

/** Ops whose results are random by design; the named file checks what can be said of them. */
export const RANDOM: Readonly<Record<string, string>> = { dropout: "tests/engine/ops/dropout_test.ts" };

function describe(op: AnyOp, sample: Drawn): string {
  const inputs = sample.inputs.map((x) => x ? `[${x.shape}]` : "none").join(" ");
  return `${op.name} ${inputs} ${JSON.stringify(sample.attrs)}`.slice(0, 300);
}

/** Inputs that can ask for a gradient. */
function real(sample: Drawn): boolean[] {
  return sample.inputs.map((x) => x?.data instanceof Float32Array);
}

/** One sample with everything it is to be compared with. */
export interface Prepared {
  readonly sample: Drawn;
  readonly options: RunOptions;
  /** Outputs in float64; none where they are random by design. */
  readonly want: readonly Result[];
  /** Gradients of the inputs in float64, computed when first asked for. */
  readonly wantGrads: () => readonly (Result | null)[];
  /** Name in failures. */
  readonly title: string;
}

/** Draws samples of an op, by default its own, and what gradients they are seeded with. */
export function prepare(
  op: AnyOp,
  random: Random,
  samples: readonly Sample<unknown>[] = op.samples(random),
): Prepared[] {
  return samples.map((described) => {
    const sample = draw(described, random);
    const needs = op.differentiable ? real(sample) : sample.inputs.map(() => false);
    const want = op.name in RANDOM ? [] : evaluate(op.name, sample.inputs, sample.attrs);
    const seeds = op.name in RANDOM
      ? [random.reals(elements(sample.inputs[0]!.shape))]
      : want.map(({ values }, k) =>
        op.constantOutputs.includes(k) || !op.differentiable ? null : random.reals(values.length)
      );
    let grads: readonly (Result | null)[] | undefined;
    const wantGrads = () => grads ??= gradient(op.name, sample.inputs, sample.attrs, seeds);
    return { sample, options: { needs, seeds }, want, wantGrads, title: describe(op, sample) };
  });
}

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
