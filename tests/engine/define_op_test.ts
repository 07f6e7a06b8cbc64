/** Ops of one's own: what does not make one is refused, where it is defined or where it is called. */
import { deepStrictEqual, rejects, throws } from "node:assert/strict";
import { ArgumentError, defineOp, Device, GradientError, type OpSpec, type Tensor } from "../../engine/mod.ts";
import { withoutLeaks } from "./../support/devices.ts";

const device = await Device.open();
Deno.test.afterAll(() => device.close());

let count = 0;

/** Defines an op of some parts, under a name of its own. */
function define(parts: Readonly<Record<string, unknown>>): (x: Tensor) => Tensor {
  const op = defineOp<null>({ name: `mine${count++}`, ...parts } as unknown as OpSpec<null>);
  return (x) => op([x], null)[0];
}

const twice = { compute: ([x]: Tensor[]) => [x.mul(2)] };
const right = { backward: ({ grads }: { grads: Tensor[] }) => [grads[0].mul(2)] };

Deno.test("parts that make no op are refused where it is defined", () => {
  const refused = (parts: Readonly<Record<string, unknown>>, message: RegExp): void =>
    throws(() => define(parts), (error) => error instanceof ArgumentError && message.test(error.message));
  refused(twice, /needs backward, a gradient rule or .*, not undefined/);
  refused({ ...twice, backward: "none" }, /needs backward/);
  refused({ ...twice, ...right, gradient: 1 }, /there is no option "gradient"; it takes name, family, infer/);
  refused({ ...right, compute: 3 }, /compute is a function, not number 3/);
  refused({ ...twice, ...right, name: 7 }, /an op has a name, not number 7/);
  throws(() => define(right), /needs one of compute, forward and view/);
  throws(() => define({ ...right, forward: () => {} }), /needs infer/);
  throws(() => (defineOp as unknown as () => void)(), ArgumentError);
});

Deno.test("results and gradients that are none are refused where the op is called", () =>
  withoutLeaks(device, async () => {
    using x = device.tensor([1, 2]);
    x.requiresGrad = true;
    using _scope = device.scope();
    throws(
      () => define({ ...right, compute: async ([x]: Tensor[]) => [await Promise.resolve(x)] })(x),
      /compute is asynchronous/,
    );
    throws(() => define({ ...right, compute: ([x]: Tensor[]) => x })(x), /it takes a list of tensors, not a Tensor/);
    const infer = ([x]: Tensor[]) => [{ shape: x.shape, dtype: "f32" }];
    throws(
      () => define({ ...right, infer, forward: async () => await Promise.resolve() })(x),
      /forward is asynchronous/,
    );
    throws(
      () => define({ ...twice, ...right, infer: () => [{ shape: [3], dtype: "f32" }] })(x),
      /compute gave f32 \[2\] where infer says f32 \[3\]/,
    );
    for (
      const backward of [
        ({ grads }: { grads: Tensor[] }) => grads[0],
        () => [],
        async ({ grads }: { grads: Tensor[] }) => [await Promise.resolve(grads[0])],
        ({ grads }: { grads: Tensor[] }) => [grads[0].sum()],
        ({ grads }: { grads: Tensor[] }) => [grads[0].cast("i32")],
        ({ grads }: { grads: Tensor[] }) => [grads[0], 3],
      ]
    ) {
      throws(() => define({ ...twice, backward })(x).sum().backward(), GradientError);
      deepStrictEqual(x.grad, null);
    }
    define({ ...twice, ...right })(x).sum().backward();
    deepStrictEqual([...await x.grad!.data()], [2, 2]);
    x.zeroGrad();
  }));

Deno.test("an asynchronous step is not captured", async () => {
  await withoutLeaks(device, () => {
    throws(() => device.capture(async () => await Promise.resolve()), /the step is asynchronous/);
    throws(() => device.capture(null as unknown as () => void), /the step is a function, not null/);
  });
  await rejects(async () => await device.noGrad(null as unknown as () => Promise<void>), /its argument is a function/);
});
