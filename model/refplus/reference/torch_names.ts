/**
 * The reference's names and axes of both models' weights, to read its checkpoints
 * (papers/iep-ref.md#training).
 */
import { filterFromTorch, type OwnTensor, TensorSource, transposed } from "../../weights/convert.ts";
import { type WeightFile, WeightsError } from "../../weights/stored.ts";

/** PyTorch's name of an LSTM's weight: ours is `<layer>.<x or h>.<weight or bias>`. */
function torchName(name: string): string {
  const lstm = /^(\w+_rnn)\.(\d+)\.([xh])\.(weight|bias)$/.exec(name);
  if (!lstm) return name;
  const [, rnn, layer, side, kind] = lstm;
  return `${rnn}.${kind}_${side === "x" ? "ih" : "hh"}_l${layer}`;
}

/** Shape a tensor has in PyTorch: filters [O, I, kH, kW], matrices [out, in]; embeddings as they are. */
function torchShape(name: string, shape: readonly number[]): readonly number[] {
  if (shape.length === 4) return [shape[3], shape[2], shape[0], shape[1]];
  return shape.length === 2 && !name.includes("_embed.") ? [...shape].reverse() : shape;
}

/** Tokens of the modules in each bank of an execution engine, in the order of its entries. */
export type Banks = Readonly<Record<string, readonly string[]>>;

/**
 * The weights of a model's parameters (names and shapes ours) from a state dict of the reference's, behind `prefix`. A bank
 * here is a module for each token there.
 *
 * @throws {WeightsError} when one is missing or of another shape, or another lies behind `prefix`: the model would not be the same.
 */
export function fromTorchState(
  file: WeightFile,
  parameters: Iterable<{ readonly name: string; readonly tensor: { readonly shape: readonly number[] } }>,
  prefix = "",
  banks: Banks = {},
): Map<string, OwnTensor> {
  const source = new TensorSource(file, prefix);
  const tensors = new Map<string, OwnTensor>();
  for (const { name, tensor: { shape } } of parameters) {
    const [, bank, rest] = /^(\w+)\.(.+)$/.exec(name)!, tokens = banks[bank];
    if (!tokens) {
      tensors.set(name, one(source, torchName(name), shape));
      continue;
    }
    const parts = tokens.map((token) => one(source, `${token}.${rest}`, shape.slice(1)).data);
    const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (data.set(part, at), at + part.length), 0);
    tensors.set(name, { shape, data });
  }
  const other = source.left().find((name) => name.startsWith(prefix));
  if (other !== undefined) {
    throw new WeightsError(`tensor "${other}" has no place in these models, which have no batch normalisation`);
  }
  return tensors;
}

/** A tensor by PyTorch's name, with our axes and shape. */
function one(source: TensorSource, name: string, shape: readonly number[]): OwnTensor {
  const wanted = torchShape(name, shape), data = source.take(name, wanted);
  if (wanted.length === 4) return filterFromTorch(data, wanted);
  return wanted === shape ? { shape, data } : transposed(data, wanted);
}
