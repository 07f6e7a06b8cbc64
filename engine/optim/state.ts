/** State of optimisers as checkpoints of earlier versions hold it. */
import type { NamedParameter } from "../nn/parameter.ts";
import type { Optimiser } from "./optim.ts";
import { layoutOf } from "./used.ts";
import type { SafetensorsTensor } from "../safetensors.ts";

/**
 * The tensors of a checkpoint with a count of updates for each parameter. Before version 0.2 Adam had one count for all,
 * `time`, and momentum had none: what was never used shows by moments that are all zero. `prefix` comes before the names
 * of the optimiser's state.
 */
export function withUpdateCounts(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  { parameters }: Optimiser,
  prefix: string,
): ReadonlyMap<string, SafetensorsTensor> {
  if (tensors.has(`${prefix}updates`)) return tensors;
  const { [`${prefix}time`]: time, ...others } = Object.fromEntries(tensors);
  const count = time ? Number(time.data[0]) : 1;
  const layout = layoutOf(parameters), data = new Float32Array(layout.size);
  for (const parameter of parameters) {
    const { entry, entries } = layout.places.get(parameter)!, moment = momentOf(parameter, tensors, prefix);
    const each = moment.length / entries;
    for (let i = 0; i < entries; i++) {
      if (moment.subarray(i * each, (i + 1) * each).some((v) => v !== 0)) data[entry + i] = count;
    }
  }
  const updates: SafetensorsTensor = { dtype: "F32", shape: [layout.size], data };
  return new Map([...Object.entries(others), [`${prefix}updates`, updates]]);
}

/** A parameter's first moment; nothing where the checkpoint has none, which loading it will say. */
function momentOf(
  { name }: NamedParameter,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  prefix: string,
): Float32Array {
  const found = tensors.get(`${prefix}${name}.first`) ?? tensors.get(`${prefix}${name}.velocity`);
  return found ? found.data as Float32Array : new Float32Array();
}
