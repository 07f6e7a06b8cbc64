/** `gradcheck`: passes the gradient of every op, and none that is 1 % off. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { defineOp, Device, GradientError, ops, type Tensor } from "../../../engine/mod.ts";
import { allOps } from "../../../engine/op.ts";
import { asFunction, differenceSamples } from "../../../engine/testing/checks/differences.ts";
import { gradcheck } from "../../../engine/testing/mod.ts";
import { withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const device = await Device.open();
Deno.test.afterAll(() => device.close());

const differentiable = [...allOps().values()].filter((op) => op.differentiable);

/** x, with a gradient that is 1 % too large. */
const tooLarge = defineOp<null>({
  name: "gradientTooLarge",
  compute: ([x]) => [x!],
  backward: ({ grads }) => [grads[0]!.mul(1.01)],
});

/**
 * Runs `check`, which draws its inputs, until it passes, three times at most. Kinks that lie around an element in just such a way
 * that its differences agree are rare; a wrong gradient is wrong everywhere.
 */
async function onceOfThree(check: () => Promise<void>): Promise<void> {
  for (let left = 2; left > 0; left--) {
    const passed = await check().then(() => true, () => false);
    if (passed) return;
  }
  await check();
}

for (const op of differentiable) {
  Deno.test(`gradcheck passes ${op.name}, and fails it when its gradient is 1 % off`, () =>
    withRandom(`gradcheck ${op.name}`, (random) =>
      withoutLeaks(device, () =>
        onceOfThree(async () => {
          let decisive = 0, refused = 0;
          for (const sample of differenceSamples(op, op.samples(random), random)) {
            await asFunction(device, op, sample, async (fn, inputs) => {
              const options = { elements: 4, seed: random.integer(1, 1000) };
              const report = await gradcheck(fn, inputs, options).catch((error) => {
                // Few elements, all in flat parts or at kinks: other samples decide.
                if (/no element of input \d can tell/.test(error.message)) return { decisive: 0 };
                throw error;
              });
              decisive += report.decisive;
              if (refused > 0 || report.decisive === 0) return;
              const off = (...given: Tensor[]): Tensor[] => fn(...given).map((y) => tooLarge([y], null)[0]);
              const failed = await gradcheck(off, inputs, options).then(() => null, (error) => error);
              if (!failed || /no element of input \d can tell/.test(failed.message)) return;
              ok(
                failed instanceof GradientError && /is .*differences say .* are off/.test(failed.message),
                failed,
              );
              refused++;
            });
          }
          ok(decisive > 0 && refused > 0, `${decisive} elements were decisive, ${refused} samples were refused`);
        }))));
}

Deno.test("gradcheck names the input and the element, and refuses what it cannot check", () =>
  withoutLeaks(device, async () => {
    using x = device.tensor([[1, 2, 3], [4, 5, 6]]), w = device.tensor([1, 1, 1]);
    const wrong = defineOp<null>({
      name: "wrongInOnePlace",
      compute: ([x, w]) => [x!.mul(w!)],
      saves: () => ({ inputs: [1] }),
      backward: ({ grads, input }) => [grads[0]!.mul(input(1)).mul(device.tensor([[1, 1, 1], [1, 1, 1.01]])), null],
    });
    await rejects(gradcheck((x, w) => x.mul(w), [x, w]), /no input requires a gradient/);
    x.requiresGrad = true;
    deepStrictEqual(await gradcheck((x, w) => x.mul(w), [x, w]), { elements: 6, decisive: 6 });
    await rejects(
      gradcheck((x, w) => wrong([x, w], null), [x, w]),
      /input 0 at \[1, 2\] is .*; 1 of 6 are off/,
    );
    // A second input too small to tell, whose gradient is wrong by a factor of 2.
    using small = device.full([4], 1e-3), large = device.full([4], 1);
    const doubled = defineOp<null>({
      name: "doubledForTheSecond",
      compute: ([a, b]) => [a!.mul(b!).mul(b!).mul(b!)],
      saves: () => ({ inputs: [0, 1] }),
      backward: ({ grads, input }) => {
        const [a, b, dy] = [input(0), input(1), grads[0]!];
        return [dy.mul(b).mul(b).mul(b), dy.mul(a).mul(b).mul(b).mul(6)];
      },
    });
    large.requiresGrad = small.requiresGrad = true;
    await rejects(gradcheck((a, b) => doubled([a, b.add(1)], null)[0].add(a), [large, small]), /input 1 .* are off/);
    await rejects(gradcheck((a, b) => doubled([a, b], null)[0].add(a), [large, small]), /input 1/);
    const untyped = gradcheck as unknown as (...given: unknown[]) => Promise<unknown>;
    for (
      const options of [{ elements: 0 }, { elements: NaN }, { eps: 1 }, { tolerance: "1" }, { tolerance: 5 }, {
        seed: 0.5,
      }]
    ) {
      await rejects(untyped((x: Tensor) => x.mul(2), [large], options), /^ArgumentError: gradcheck: /);
    }
    await rejects(untyped(async (x: Tensor) => await Promise.resolve(x), [large]), /a promise: await it/);
    await rejects(untyped(null, [large]), /what is checked is a function/);
    using one = device.tensor([1]);
    one.requiresGrad = true;
    await rejects(gradcheck((x) => ops.sign(x.sub(1)), [one]), /no element of input 0 can tell|differences say/);
    strictEqual(x.grad, null);
  }));
