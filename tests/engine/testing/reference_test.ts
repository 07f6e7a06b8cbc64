import { ok } from "node:assert/strict";
import { allOps, type AnyOp } from "../../../engine/op.ts";
import "../../../engine/ops/mod.ts";
import { draw } from "../../../engine/testing/samples/run_sample.ts";
import { elements } from "../../../engine/testing/float64/ndarray64.ts";
import { type Case, referenceCases } from "./reference_cases.ts";
import { evaluate, gradient, references, type Values } from "../../../engine/testing/reference/mod.ts";
import { type Random, withRandom } from "../../support/random.ts";
import { differenceTolerance } from "../../../engine/testing/tolerance.ts";

/** References with piecewise constant results that are no op of their own: there is no gradient to check. */
const constant = new Set(["lessEqual"]);

/** Most numbers of a sample that the slow reference is run on twice for each of them, and most samples of an op. */
const SMALL = 64, FEW = 4;

/** Small ones of an op's own samples, for an op without cases chosen for this test. */
function ownCases(op: AnyOp, random: Random): readonly Case[] {
  const samples = op.samples(random).map((sample) => ({
    sample,
    size: sample.inputs.reduce((sum, input) => sum + (input ? elements(input.shape) : 0), 0),
    empty: sample.inputs.some((input) => input && elements(input.shape) === 0),
  }));
  const small = samples.filter(({ size, empty }) => size <= SMALL && !empty).sort((a, b) => a.size - b.size);
  // The largest of the small ones: a gradient over a single number shows little.
  return small.slice(-FEW).map(({ sample }) => draw(sample, random));
}

/** sum(outputGrads * outputs) with element `i` of input `k` moved by `shift`. */
function moved(name: string, c: Case, grads: readonly Float32Array[], k: number, i: number, shift: number): number {
  const inputs = c.inputs.map((x, j): Values | null => {
    if (j !== k || !x) return x;
    const data = Float64Array.from(x.data);
    data[i] += shift;
    return { shape: x.shape, data };
  });
  let total = 0;
  evaluate(name, inputs, c.attrs).forEach((output, o) => output.values.forEach((v, e) => total += v * grads[o][e]));
  return total;
}

function check(name: string, c: Case, random: Random): void {
  const grads = evaluate(name, c.inputs, c.attrs).map(({ values }) => random.reals(values.length));
  const gradients = gradient(name, c.inputs, c.attrs, grads);
  c.inputs.forEach((x, k) => {
    const got = gradients[k];
    if (!x || !got) return;
    for (let i = 0; i < x.data.length; i++) {
      // A step across a kink measures no derivative; a much smaller step crosses it only if the slope is really wrong.
      const close = [1e-6, 1e-8].some((h) => {
        const slope = (moved(name, c, grads, k, i, h) - moved(name, c, grads, k, i, -h)) / (2 * h);
        return Math.abs(slope - got.values[i]) <= differenceTolerance(h, slope);
      });
      ok(close, `${name} ${JSON.stringify(c.attrs)}: gradient of input ${k} at ${i} is ${got.values[i]}`);
    }
  });
}

for (const name of Object.keys(references)) {
  const op = allOps().get(name);
  if (op ? !op.differentiable : constant.has(name)) continue;
  Deno.test(`the float64 gradient of ${name} agrees with central differences`, () =>
    withRandom(`reference ${name}`, (random) => {
      const cases = referenceCases(random)[name] ?? (op ? ownCases(op, random) : []);
      ok(cases.length > 0, `no sample of ${name} is small: give it cases in tests/engine/testing/reference_cases.ts`);
      for (const c of cases) check(name, c, random);
    }));
}
