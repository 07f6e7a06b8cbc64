/** Moves of a model's parameters in training. */
import type { Module } from "../../../engine/mod.ts";
import type { Banks } from "../../../model/refplus/reference/torch_names.ts";
import type { Briefs } from "./golden.ts";
import { type Comparison, difference, largest } from "./comparison.ts";
import { byTorchName } from "./models.ts";

/** Values of all parameters, by PyTorch's names. */
export async function valuesOf(model: Module, banks: Banks = {}): Promise<Map<string, ArrayLike<number>>> {
  const all = await byTorchName(model, (parameter) => parameter, banks);
  return new Map([...all].map(([name, values]) => [name, Array.from(values!)]));
}

/** Holds the moves of all parameters since `before`; those that did not move there must not have here. */
export async function compareMoves(
  comparison: Comparison,
  model: Module,
  before: ReadonlyMap<string, ArrayLike<number>>,
  wanted: Briefs,
  bound: number,
  banks: Banks = {},
): Promise<void> {
  comparison.same("parameters", [...before.keys()].sort(), Object.keys(wanted).sort());
  const after = await valuesOf(model, banks);
  const moves = new Map([...after].map(([name, own]) => [
    name,
    Float64Array.from(own, (v, i) => v - before.get(name)![i]),
  ]));
  const still = [...moves].filter(([name, move]) => wanted[name]?.max === 0 && move.some((v) => v !== 0));
  comparison.same("parameters that stay", still.map(([name]) => name), []);
  const differences = Object.entries(wanted).map(([name, brief]): [string, number] => {
    const move = moves.get(name);
    return [name, move ? difference(move, brief) : Infinity];
  });
  const [worst, at] = largest(differences);
  comparison.within("moves", worst, bound, at);
}
