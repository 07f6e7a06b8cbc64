/** Functions made of registered ops, against float64 references of their own. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import type { Device } from "../../../engine/device.ts";
import { DTypeError, ShapeError } from "../../../engine/base/errors.ts";
import { einsum, layerNorm } from "../../../engine/ops/mod.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { elements } from "../../../engine/testing/float64/ndarray64.ts";
import { type Random, withRandom } from "../../support/random.ts";
import { type Attrs, evaluate, gradient } from "../../../engine/testing/reference/mod.ts";
import { assertClose } from "../../../engine/testing/tolerance.ts";

const devices = await openDevices();

/** Compares a function and its gradients with a reference on random inputs of these shapes. */
async function compare(
  device: Device,
  random: Random,
  [name, attrs]: readonly [name: string, attrs: Attrs],
  shapes: readonly (readonly number[])[],
  run: (inputs: readonly Tensor[]) => Tensor,
): Promise<void> {
  using _scope = device.scope();
  const inputs = shapes.map((shape) => ({ shape, data: random.reals(elements(shape)) }));
  const [want] = evaluate(name, inputs, attrs);
  const title = `${name} ${shapes.map((shape) => `[${shape}]`).join(" ")} ${JSON.stringify(attrs)}`;
  const tensors = inputs.map(({ data, shape }) => Object.assign(device.tensor(data, shape), { requiresGrad: true }));
  const seed = random.reals(want.values.length);
  const y = run(tensors);
  deepStrictEqual(y.shape, [...want.shape], title);
  y.backward(device.tensor(seed, y.shape));
  assertClose(await y.data(), want, title);
  const grads = gradient(name, inputs, attrs, [seed]);
  for (const [i, x] of tensors.entries()) {
    assertClose(await x.grad!.data(), grads[i]!, `${title}: gradient of input ${i}`);
    x.zeroGrad();
  }
}

/** A random specification of two operands, with extents: letters in either or both, in any order, summed or not. */
function randomSpec(random: Random): { readonly spec: string; readonly shapes: number[][] } {
  const shuffled = <T>(items: readonly T[]): T[] =>
    items.map((item) => ({ item, key: random() })).sort((a, b) => a.key - b.key).map(({ item }) => item);
  const letters = ["a", "B", "c", "d", "e"].slice(0, random.integer(0, 6));
  const extents = new Map(letters.map((letter) => [letter, [1, 2, 3, 5, 4, 0][random.integer(0, 20) % 6]]));
  const owners = letters.map(() => random.integer(1, 4));
  const operands = [1, 2].map((bit) => shuffled(letters.filter((_, i) => owners[i] & bit)));
  const output = shuffled(letters).filter(() => random() < 0.6);
  const result = random() < 0.2 ? "" : `->${output.join("")}`;
  return {
    spec: `${operands.map((own) => own.join("")).join(",")}${result}`,
    shapes: operands.map((own) => own.map((letter) => extents.get(letter)!)),
  };
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  Deno.test(`einsum (${kernels}) of two operands agrees with its float64 reference, gradients included`, () =>
    withRandom(`einsum ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const known = [
          { spec: "ij,jk->ik", shapes: [[5, 7], [7, 3]] },
          { spec: "ij,kj->ik", shapes: [[5, 7], [3, 7]] },
          { spec: "ji,jk->ki", shapes: [[7, 5], [7, 3]] },
          { spec: "bij,bjk->bik", shapes: [[2, 5, 7], [2, 7, 3]] },
          { spec: "bij,jk->bik", shapes: [[2, 5, 7], [7, 3]] },
          { spec: "bqhd,bkhd->bhqk", shapes: [[2, 5, 3, 4], [2, 7, 3, 4]] },
          { spec: "i,j->ij", shapes: [[5], [7]] },
          { spec: "ij,ij->ij", shapes: [[5, 3], [5, 3]] },
          { spec: "ij,ij->", shapes: [[5, 3], [5, 3]] },
          { spec: ",ij->ji", shapes: [[], [3, 5]] },
          { spec: "ki,jk", shapes: [[3, 5], [2, 3]] },
          { spec: "ij,jk->ik", shapes: [[5, 0], [0, 3]] },
        ];
        const drawn = Array.from({ length: 40 }, () => randomSpec(random));
        for (const { spec, shapes } of [...known, ...drawn]) {
          await compare(device, random, ["einsum", { spec }], shapes, ([a, b]) => einsum(spec, a, b));
        }
      })));

  Deno.test(`einsum (${kernels}) of one operand sums and transposes`, () =>
    withRandom(`einsum of one ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        for (const spec of ["abc->ca", "abc->", "abc->abc", "abc->cba", "cab", "abc->b"]) {
          await compare(device, random, ["einsum", { spec }], [[3, 5, 2]], ([x]) => einsum(spec, x));
        }
        await compare(device, random, ["einsum", { spec: "a->" }], [[0]], ([x]) => einsum("a->", x));
      })));

  Deno.test(`layer normalisation (${kernels}) over any axes agrees with its float64 reference`, () =>
    withRandom(`layerNorm ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        for (const axes of [[0], [1], [0, 2], [0, 1, 2], [-1], [-3, 1]]) {
          const from = axes.map((axis) => axis < 0 ? axis + 3 : axis), shape = [3, 5, 4];
          const affine = from.map((axis) => shape[axis]), attrs = { axes: from, epsilon: 1e-5 };
          await compare(
            device,
            random,
            ["layerNorm", attrs],
            [shape, affine, affine],
            ([x, gamma, beta]) => layerNorm(x, gamma, beta, { axes }),
          );
        }
      })));
}

Deno.test("composed functions free what they make on their way, where no scope does", () => {
  const { cpu: device } = devices;
  const inputs = [device.ones([2, 3, 4]), device.ones([4, 3])];
  const before = device.memory;
  device.noGrad(() => {
    for (const y of [einsum("abc,cb->a", inputs[0], inputs[1]), layerNorm(inputs[0], null, null, { axes: 0 })]) {
      y.dispose();
    }
  });
  deepStrictEqual(device.memory.liveTensors, before.liveTensors);
  for (const x of inputs) x.dispose();
});

Deno.test("einsum refuses what it cannot mean, by its name", () => {
  const { cpu: device } = devices;
  using _scope = device.scope();
  const a = device.zeros([2, 3]), b = device.zeros([4, 5]), words = device.zeros([2], { dtype: "i32" });
  const refused: readonly (readonly [string, readonly [Tensor] | readonly [Tensor, Tensor], RegExp])[] = [
    ["ij,jk->ik", [a, b], /^einsum: "ij,jk->ik": "j" is 3 in one operand and 4 in the other$/],
    ["ii->i", [a], /"i" is twice in "ii"; traces and diagonals are not taken/],
    ["ij->ik", [a], /"k" of the result is in no operand/],
    ["ij->ii", [a], /"i" is twice in the result/],
    ["ijk->i", [a], /"ijk" names 3 axes of a tensor of shape \[2, 3\]/],
    ["ij,jk->ik", [a], /2 operands are named, 1 tensors given/],
    ["ij->i", [a, b], /1 operands are named, 2 tensors given/],
    ["i...->i", [a], /"\.\.\." is not taken/],
    ["ij-ji", [a], /say letters of one or two operands/],
  ];
  const before = device.memory.liveTensors;
  for (const [spec, tensors, message] of refused) {
    throws(() => einsum(spec, ...tensors), (error) => error instanceof ShapeError && message.test(error.message), spec);
  }
  throws(() => einsum("i->", words), DTypeError);
  strictEqual(device.memory.liveTensors, before);
});
