/** Methods of a tensor that are no ops: what they refuse, in a sentence that names the method. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { ops, type Tensor } from "../../engine/mod.ts";
import { openDevices, withoutLeaks } from "../support/devices.ts";

const { cpu: device, gpu } = await openDevices();

/** A value of another type than is declared. */
const as = <T>(value: unknown): T => value as T;

Deno.test("a tensor's methods refuse values of other kinds by their names", () =>
  withoutLeaks(device, async () => {
    using x = device.tensor([1, 2]);
    x.requiresGrad = true;
    const promise = Promise.resolve(x);
    const refusals: readonly [() => unknown, string][] = [
      [() => x.write(as(undefined)), "write: data is a typed array, not undefined"],
      [() => x.write(as([1, 2])), "write: data is a typed array, not an array"],
      [() => x.copyFrom(as(promise)), "copyFrom: the other is a tensor, not a promise: await it"],
      [() => x.backward(as(1)), "backward: the gradient is a tensor, not number 1; device.tensor() makes one of it"],
      [() => x.backward(as(null)), "backward: the gradient is a tensor, not null"],
      [() => x.addInPlace(as(1)), "addInPlace: the addend is a tensor, not number 1; device.tensor() makes one of it"],
      [() => x.requiresGrad = as("false"), 'requiresGrad: the value is true or false, not the string "false"'],
    ];
    for (const [call, message] of refusals) throws(call, { name: "ArgumentError", message });
    strictEqual(x.requiresGrad, true);
    deepStrictEqual([...await x.data()], [1, 2]);
  }));

Deno.test("eye and arange speak by their own names", () =>
  withoutLeaks(device, () => {
    const refusals: readonly [() => unknown, string][] = [
      [() => device.eye(as("3")), 'eye: the shape is a list of numbers, not one with the string "3"'],
      [
        () => device.eye(2, 2, { dtype: as("float") }),
        'eye: dtype is the string "float"; it is one of f32, i32, u32, f16',
      ],
      [() => device.arange(as("3")), 'arange: stop is a number, not the string "3"'],
      [() => device.arange(0, 3, as(null)), "arange: step is a number, not null"],
    ];
    for (const [call, message] of refusals) throws(call, { name: "ArgumentError", message });
    const message = "eye: [2.5, 2] is not a shape; extents are whole numbers, 0 or more";
    throws(() => device.eye(2.5, 2), { name: "ShapeError", message });
  }));

Deno.test("addInPlace and powers speak by their own names", () =>
  withoutLeaks(device, () => {
    using x = device.zeros([2]), three = device.zeros([3]), whole = device.zeros([2], { dtype: "i32" });
    using elsewhere = gpu.zeros([2]);
    throws(() => x.addInPlace(three), { name: "ShapeError", message: "addInPlace: [3] into [2]" });
    throws(() => x.addInPlace(whole), { name: "DTypeError", message: "addInPlace: both tensors must be f32" });
    throws(() => x.addInPlace(elsewhere), { name: "EngineError", message: /^addInPlace: tensors live on different/ });
    const gone: Tensor = device.zeros([2]);
    gone.dispose();
    throws(() => x.addInPlace(gone), { name: "DisposedError", message: /^addInPlace: / });
    throws(() => x.backward(gone), { name: "DisposedError", message: /^backward: / });
    throws(() => ops.pow(whole, 0.5), { name: "DTypeError", message: /^pow: / });
  }));
