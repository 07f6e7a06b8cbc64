/**
 * The float64 oracle: every op of the engine written the slow obvious way on differentiable scalars. Nothing here imports
 * the engine.
 */
import { walkBack } from "../float64/tape64.ts";
import { resetTape } from "../float64/autodiff64.ts";
import { IntArray, NDArray64, type Ref } from "../float64/ndarray64.ts";
import type { Attrs } from "./attrs.ts";
import type { Family, Reference } from "./family.ts";
import { movement } from "./movement.ts";
import { normalisation } from "./normalise.ts";
import { pointwise } from "./pointwise.ts";
import { products } from "./products.ts";
import { recurrent } from "./recurrent.ts";
import { reductions } from "./reduce.ts";
import { sampling } from "./sample.ts";
import { scans } from "./scan.ts";
import { spatial } from "./spatial.ts";

export type { Attrs } from "./attrs.ts";
export type { Reference } from "./family.ts";
export { IntArray, NDArray64, type Ref } from "../float64/ndarray64.ts";

/** References by op name. */
export const references: Family = {
  ...pointwise,
  ...reductions,
  ...scans,
  ...products,
  ...spatial,
  ...normalisation,
  ...sampling,
  ...recurrent,
  ...movement,
};

/** An input of a reference as plain numbers; reals or integers by the kind of array. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Float16Array | Int32Array | Uint32Array;
}

/** A result as plain numbers. */
export interface Result {
  readonly shape: readonly number[];
  readonly values: Float64Array | Int32Array | Uint32Array;
  /** Rounding error bound per element in units of eps32 (`tolerance.ts`); 0 for integers. */
  readonly bounds: Float64Array;
}

/** The reference of an op; throws where there is none. */
export function referenceOf(name: string): Reference {
  const reference = references[name];
  if (!reference) throw new Error(`op "${name}" has no float64 reference in engine/testing/reference/`);
  return reference;
}

function record(inputs: readonly (Values | null)[]): (Ref | null)[] {
  resetTape();
  return inputs.map((x) => {
    if (!x) return null;
    if (x.data instanceof Int32Array || x.data instanceof Uint32Array) return new IntArray(x.shape, x.data);
    return NDArray64.of(x.shape, x.data);
  });
}

function resultOf(x: Ref): Result {
  if (x instanceof NDArray64) return { shape: x.shape, values: x.values(), bounds: x.bounds() };
  return { shape: x.shape, values: x.data, bounds: new Float64Array(x.data.length) };
}

/** Outputs of op `name`. */
export function evaluate(name: string, inputs: readonly (Values | null)[], attrs: Attrs): Result[] {
  return referenceOf(name)(record(inputs), attrs).map(resultOf);
}

/** Gradient of each output that counts; null among them leaves an output out. */
export type Seeds = readonly (ArrayLike<number> | null)[];

/**
 * Outputs of op `name`, and the gradient of sum(outputGrads * outputs) with respect to each input, from the tape; null for integer
 * and absent inputs. `seedsOf` gives the gradients of outputs that it is given.
 */
export function evaluateWithGradient(
  name: string,
  inputs: readonly (Values | null)[],
  attrs: Attrs,
  seedsOf: (outputs: readonly Result[]) => Seeds,
): { readonly outputs: Result[]; readonly grads: (Result | null)[] } {
  const refs = record(inputs), made = referenceOf(name)(refs, attrs), outputs = made.map(resultOf);
  return { outputs, grads: gradientsOf(refs, made, seedsOf(outputs)) };
}

/** The gradient alone, of outputs whose own gradients are known beforehand. */
export function gradient(
  name: string,
  inputs: readonly (Values | null)[],
  attrs: Attrs,
  outputGrads: Seeds,
): (Result | null)[] {
  const refs = record(inputs);
  return gradientsOf(refs, referenceOf(name)(refs, attrs), outputGrads);
}

function gradientsOf(refs: readonly (Ref | null)[], outputs: readonly Ref[], outputGrads: Seeds): (Result | null)[] {
  const nodes: number[] = [], seeds: number[] = [];
  outputs.forEach((output, k) => {
    const grads = outputGrads[k];
    if (!grads || !(output instanceof NDArray64)) return;
    output.nodes.forEach((node, i) => {
      nodes.push(node);
      seeds.push(grads[i]);
    });
  });
  const adjoints = walkBack(nodes, seeds);
  return refs.map((x) =>
    x instanceof NDArray64
      ? {
        shape: x.shape,
        values: Float64Array.from(x.nodes, (node) => adjoints.gradient[node]),
        bounds: Float64Array.from(x.nodes, (node) => adjoints.bound[node]),
      }
      : null
  );
}
