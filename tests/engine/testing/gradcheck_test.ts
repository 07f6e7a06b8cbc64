/** `gradcheck`: passes the gradient of every op, and none that is 1 % off. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { defineOp, Device, GradientError, ops, type Tensor } from "../../../engine/mod.ts";
import { allOps, type AnyOp } from "../../../engine/op.ts";
import { gradcheck } from "../../../engine/testing/mod.ts";
import { withoutLeaks } from "../../support/devices.ts";
import { type Random, withRandom } from "../../support/random.ts";
import { draw, type Drawn } from "../../../engine/testing/samples/run_sample.ts";

const device = await Device.open();
Deno.test.afterAll(() => device.close());

const differentiable = [...allOps().values()].filter((op) => op.differentiable);

/** x, with a gradient that is 1 % too large. */
const tooLarge = defineOp<null>({
  name: "gradientTooLarge",
  compute: ([x]) => [x!],
  backward: ({ grads }) => [grads[0]!.mul(1.01)],
});

/** Samples of an op whose inputs have elements to look at. */
function samplesOf(op: AnyOp, random: Random): Drawn[] {
  const drawn = op.samples(random).map((sample) => draw(sample, random)).filter(({ inputs }) =>
    inputs.every((x) => !x || x.data.length > 0)
  );
  // a mod b jumps wherever a / b is whole, and a divisor that serves many elements meets such places at any distance. By
  // divisors larger than all of a, only 0 is one.
  if (op.name === "mod") {
    for (const { inputs: [, b] } of drawn) {
      if (b?.data instanceof Float32Array) {
        b.data.forEach((value, i) => b.data[i] = value < 0 ? value - 10 : value + 10);
      }
    }
  }
  return drawn;
}

/** Runs `check` on an op as a function of the inputs it has, and on these. */
async function on(
  op: AnyOp,
  { inputs, attrs }: Drawn,
  check: (fn: (...inputs: Tensor[]) => Tensor[], inputs: Tensor[]) => Promise<void>,
): Promise<void> {
  const there = inputs.flatMap((input, i) => input ? [{ input, i }] : []);
  const tensors = there.map(({ input, i }) => {
    const tensor = device.tensor(input.data, input.shape);
    if (tensor.dtype === "f32" && !op.constantInputs.includes(i)) tensor.requiresGrad = true;
    return tensor;
  });
  const fn = (...given: Tensor[]): Tensor[] => {
    const all = inputs.map((input, i) => input && given[there.findIndex((one) => one.i === i)]);
    return op.run(all, attrs).filter((_, k) => !op.constantOutputs.includes(k));
  };
  try {
    if (tensors.some(({ requiresGrad }) => requiresGrad)) await check(fn, tensors);
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

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
          for (const sample of samplesOf(op, random)) {
            await on(op, sample, async (fn, inputs) => {
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
