import { ok } from "node:assert/strict";
import { type Case, referenceCases } from "./cases.ts";
import { evaluate, gradient, references, type Values } from "./mod.ts";
import { type Random, withRandom } from "../random.ts";
import { differenceTolerance } from "../tolerance.ts";

/** References with integer or piecewise constant results: there is no gradient to check. */
const constant = new Set(["sign", "greater", "greaterEqual", "less", "lessEqual", "equal", "argmax", "oneHot"]);

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
  if (constant.has(name)) continue;
  Deno.test(`the float64 gradient of ${name} agrees with central differences`, () =>
    withRandom(`reference ${name}`, (random) => {
      const cases = referenceCases(random)[name];
      ok(cases && cases.length > 0, `no cases for ${name} in reference_cases.ts`);
      for (const c of cases) check(name, c, random);
    }));
}
