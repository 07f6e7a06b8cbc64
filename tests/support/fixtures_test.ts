import { deepStrictEqual, ok } from "node:assert/strict";
import { fixtures } from "./fixtures.ts";
import { evaluate, gradient } from "../../engine/testing/reference/mod.ts";
import { assertClose, published } from "../../engine/testing/tolerance.ts";

for (const { title, op, inputs, attrs, outputs, outputGrads, inputGrads } of fixtures) {
  Deno.test(`the float64 reference gives ${title}`, () => {
    const got = evaluate(op, inputs, attrs);
    ok(outputs.length > 0 && outputs.length <= got.length);
    outputs.forEach(({ shape, data }, k) => {
      deepStrictEqual(got[k].shape, shape);
      assertClose(got[k].values, published(data), `output ${k}`);
    });
    const grads = gradient(op, inputs, attrs, outputGrads.map((x) => x && x.data));
    inputGrads.forEach((want, k) => {
      if (!want) return;
      ok(grads[k], `input ${k} got no gradient`);
      assertClose(grads[k].values, published(want.data), `gradient of input ${k}`);
    });
  });
}
