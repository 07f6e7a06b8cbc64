/** Samples of an op with all that they are compared with. */
import type { AnyOp, Sample } from "../../op.ts";
import { elements } from "../float64/ndarray64.ts";
import type { Random } from "../random.ts";
import { evaluate, evaluateWithGradient, type Result } from "../reference/mod.ts";
import { draw, type Drawn, type RunOptions } from "./run_sample.ts";

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
  /** Gradients of the inputs in float64. */
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
    const title = describe(op, sample);
    if (op.name in RANDOM) {
      const seeds = [random.reals(elements(sample.inputs[0]!.shape))];
      return { sample, options: { needs, seeds }, want: [], wantGrads: () => [], title };
    }
    if (!op.differentiable) {
      const want = evaluate(op.name, sample.inputs, sample.attrs);
      return { sample, options: { needs, seeds: want.map(() => null) }, want, wantGrads: () => [], title };
    }
    let seeds: Prepared["options"]["seeds"] = [];
    const { outputs, grads } = evaluateWithGradient(
      op.name,
      sample.inputs,
      sample.attrs,
      (outputs) =>
        seeds = outputs.map(({ values }, k) => op.constantOutputs.includes(k) ? null : random.reals(values.length)),
    );
    return { sample, options: { needs, seeds }, want: outputs, wantGrads: () => grads, title };
  });
}
