/** Einstein summation of one or two tensors, made of transposes, sums, and a product of matrices. */
import { described } from "../base/given.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { expectDType, expectTensors } from "../op.ts";
import { formatShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { mul } from "./binary.ts";
import { reshape, transpose } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reduce.ts";

/** A tensor whose axes have letters. */
interface Labelled {
  readonly x: Tensor;
  readonly letters: readonly string[];
}

/** A specification taken apart: the letters of each operand and of the result, and each letter's extent. */
interface Parsed {
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
  readonly extents: ReadonlyMap<string, number>;
}

function refuse(spec: string, reason: string): never {
  throw new ShapeError(`einsum: "${spec}": ${reason}`);
}

function parse(spec: string, tensors: readonly Tensor[]): Parsed {
  const bare = spec.replaceAll(" ", "");
  if (!/^[A-Za-z]*(,[A-Za-z]*)?(->[A-Za-z]*)?$/.test(bare)) {
    refuse(spec, `say letters of one or two operands and of the result, such as "bij,bjk->bik"; "..." is not taken`);
  }
  const [left, right] = bare.split("->"), operands = left.split(",").map((letters) => [...letters]);
  if (operands.length !== tensors.length) {
    refuse(spec, `${operands.length} operands are named, ${tensors.length} tensors given`);
  }
  const extents = new Map<string, number>(), all = operands.flat();
  operands.forEach((letters, i) => {
    const { shape } = tensors[i];
    if (letters.length !== shape.length) {
      refuse(spec, `"${letters.join("")}" names ${letters.length} axes of a tensor of shape ${formatShape(shape)}`);
    }
    letters.forEach((letter, axis) => {
      if (letters.indexOf(letter) !== axis) {
        refuse(spec, `"${letter}" is twice in "${letters.join("")}"; traces and diagonals are not taken`);
      }
      const known = extents.get(letter) ?? shape[axis];
      if (known !== shape[axis]) refuse(spec, `"${letter}" is ${known} in one operand and ${shape[axis]} in the other`);
      extents.set(letter, known);
    });
  });
  // NumPy's rule where no result is named.
  const output = right === undefined
    ? [...extents.keys()].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort()
    : [...right];
  output.forEach((letter, axis) => {
    if (!extents.has(letter)) refuse(spec, `"${letter}" of the result is in no operand`);
    if (output.indexOf(letter) !== axis) refuse(spec, `"${letter}" is twice in the result`);
  });
  return { operands, output, extents };
}

const same = (a: readonly string[], b: readonly string[]): boolean => a.join("") === b.join("");

/** x with its axes in the order of `wanted`, which has the same letters. */
function ordered({ x, letters }: Labelled, wanted: readonly string[]): Tensor {
  return same(letters, wanted) ? x : transpose(x, wanted.map((letter) => letters.indexOf(letter)));
}

/** x summed over the letters that nobody else has. */
function summed({ x, letters }: Labelled, kept: (letter: string) => boolean): Labelled {
  const axes = [...letters.keys()].filter((axis) => !kept(letters[axis]));
  return axes.length === 0 ? { x, letters } : { x: sum(x, axes), letters: letters.filter(kept) };
}

/** A product over the letters that both have and the result has not. */
function product(a: Labelled, b: Labelled, { output, extents }: Parsed): Labelled {
  const both = output.filter((letter) => a.letters.includes(letter) && b.letters.includes(letter));
  const shared = a.letters.filter((letter) => !output.includes(letter));
  const [rows, columns] = [a, b].map(({ letters }) =>
    output.filter((letter) => letters.includes(letter) && !both.includes(letter))
  );
  const size = (letters: readonly string[]): number => sizeOf(letters.map((letter) => extents.get(letter)!));
  const batch = both.length > 0 ? [size(both)] : [];
  const matrix = (labelled: Labelled, ...[m, n]: readonly (readonly string[])[]): [x: Tensor, transposed: boolean] => {
    // A matrix that lies transposed is read so; any other order is written out.
    const transposed = same(labelled.letters, [...both, ...n, ...m]) && !same(labelled.letters, [...both, ...m, ...n]);
    const [p, q] = transposed ? [n, m] : [m, n];
    return [reshape(ordered(labelled, [...both, ...p, ...q]), [...batch, size(p), size(q)]), transposed];
  };
  const [left, transposeA] = matrix(a, rows, shared), [right, transposeB] = matrix(b, shared, columns);
  const letters = [...both, ...rows, ...columns];
  // Nothing to sum: the left has one column and the right one row, and broadcasting makes the same of them.
  const y = shared.length === 0 ? mul(left, right) : matmul(left, right, { transposeA, transposeB });
  return { x: reshape(y, letters.map((letter) => extents.get(letter)!)), letters };
}

/**
 * Sums of products by Einstein's convention: each axis has a letter, and letters that the result lacks are summed over. One or
 * two operands; without `->` the result has the letters that come once, in alphabetical order, as NumPy has it.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, einsum } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const a = device.tensor([[1, 2], [3, 4]]), b = device.tensor([[5, 6], [7, 8]]);
 * deepStrictEqual([...await einsum("ij,jk->ik", a, b).data()], [19, 22, 43, 50]);
 * deepStrictEqual([...await einsum("ij->j", a).data()], [4, 6]);
 * ```
 *
 * @throws {ShapeError} for extents that differ, letters that are unknown, repeated within an operand (traces) or missing.
 */
export function einsum(spec: string, ...tensors: readonly [Tensor] | readonly [Tensor, Tensor]): Tensor {
  if (typeof spec !== "string") throw new ArgumentError(`einsum: the spec is a string, not ${described(spec)}`);
  expectTensors("einsum", tensors);
  if ((tensors as readonly Tensor[]).length === 0) throw new ShapeError("einsum: no tensors");
  for (const x of tensors) expectDType("einsum", "an operand", x, "f32");
  const parsed = parse(spec, tensors), { operands, output } = parsed;
  using scope = tensors[0].device.scope();
  const [a, b] = operands.map((letters, i): Labelled => {
    const others = operands.flatMap((other, j) => j === i ? [] : other);
    return summed({ x: tensors[i]!, letters }, (letter) => output.includes(letter) || others.includes(letter));
  });
  const y = ordered(b ? product(a, b, parsed) : a, output);
  return scope.keep(y === tensors[0] ? reshape(y, y.shape) : y);
}
