/** Tensors that follow from another alone, a filter's transform, say: made once for all ops of a scope that want them. */
import { contextOf, isTemporary, moveTo, scopesOf, storageOf } from "../../friends.ts";
import type { Scope } from "../../scope.ts";
import type { Storage } from "../../storage.ts";
import type { Tensor } from "../../tensor.ts";

interface Derived {
  readonly name: string;
  readonly from: Storage;
  readonly version: number;
  readonly epoch: number;
  readonly tensor: Tensor;
}

/** Most bytes that a scope keeps of them; what was unused for longest goes first. */
const MOST = 2 ** 26;

const kept = new WeakMap<Scope, Derived[]>();

/**
 * The tensor that `make` computes of `source` alone, kept until the innermost scope closes that is not an op's own. It is made
 * anew after `source` was written to, and a recording makes its own: replays find other numbers in the same places.
 */
export function derived(source: Tensor, name: string, make: () => Tensor): Tensor {
  const { device } = source, from = storageOf(source), { version } = from, { epoch } = contextOf(device);
  const scopes = scopesOf(device).open.filter((scope) => !isTemporary(scope));
  const owner = scopes.at(-1);
  if (!owner) return make();
  for (const scope of scopes) {
    const list = kept.get(scope) ?? [];
    const at = list.findIndex((one) => one.from === from && one.name === name && !one.tensor.disposed);
    if (at < 0) continue;
    const [found] = list.splice(at, 1);
    if (found.version === version && found.epoch === epoch) {
      list.push(found);
      return found.tensor;
    }
    found.tensor.dispose();
  }
  const tensor = make(), list = kept.get(owner) ?? [];
  moveTo(tensor, owner);
  list.push({ name, from, version, epoch, tensor });
  let bytes = list.reduce((sum, one) => sum + 4 * one.tensor.size, 0);
  while (bytes > MOST && list.length > 1) {
    const [{ tensor: old }] = list.splice(0, 1);
    bytes -= 4 * old.size;
    old.dispose();
  }
  kept.set(owner, list);
  return tensor;
}
