/**
 * An op of one's own, checked in both kernel sets: its values against float64, its gradient against differences, and all that a
 * kernel can do wrong besides. Then one of the engine's. `deno run examples/13_check_op.ts`
 */
// deno-lint-ignore-file no-console
import { defineOp } from "../engine/mod.ts";
import { checkOp } from "../engine/testing/mod.ts";

/** x · tanh(log(1 + eˣ)), the mish of Misra (2019). */
const mish = defineOp<null>({
  name: "mish",
  compute: ([x]) => [x!.mul(x!.exp().add(1).log().tanh())],
  saves: () => ({ inputs: [0] }),
  backward: ({ grads, input }) => {
    const x = input(0), t = x.exp().add(1).log().tanh();
    // tanh(s) + x · (1 − tanh²(s)) · σ(x), with s = log(1 + eˣ).
    return [grads[0]!.mul(t.add(x.mul(t.mul(t).neg().add(1)).mul(x.sigmoid())))];
  },
  samples: () => [[4], [3, 5], [0, 2]].map((shape) => ({ inputs: [{ shape, range: [-2, 3] }], attrs: null })),
});

for (
  const { subject, kernels, checks } of await checkOp(mish, {
    reference: ([x]) => [{ shape: x!.shape, values: x!.data.map((v) => v * Math.tanh(Math.log1p(Math.exp(v)))) }],
    // Tanh of small numbers rounds as its argument does: some eight roundings of 1.
    bound: (expected) => 8 * 2 ** -23 * (1 + Math.abs(expected)),
  })
) console.log(`${subject}, ${kernels} kernels: ${checks.length} checks passed`);

const [{ samples }] = await checkOp("sigmoid", { checks: ["values", "odd sizes"] });
const worst = Math.max(...samples.map(({ compared }) => compared.worst?.error ?? 0));
console.log(`sigmoid uses ${(100 * worst).toFixed(0)} % of its bound at most`);
