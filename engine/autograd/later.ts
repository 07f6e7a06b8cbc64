/** Gradients of leaves that are used several times, left to their last use in a record: one dispatch for all of them. */
import { aliasOf, noteGrad, openTemporaryScope, release, scopesOf, setGrad, storageOf } from "../friends.ts";
import type { Device } from "../device.ts";
import type { LaterUses } from "../op.ts";
import type { Tensor } from "../tensor.ts";
import type { GradNode } from "./tape.ts";

/** Uses of two leaves that wait for the last one. */
interface Waiting {
  readonly leaves: readonly [Tensor, Tensor | null];
  readonly take: LaterUses["take"];
  readonly most: number;
  readonly uses: (readonly Tensor[])[];
}

/** The leaves among a node's inputs, each once. */
function leavesOf({ origins }: GradNode): Set<Tensor> {
  return new Set(origins.flatMap((origin) => origin && "leaf" in origin ? [origin.leaf] : []));
}

/** Uses that wait while a record is walked back. */
export class Later {
  readonly #device: Device;
  /** Uses of a leaf that are still to come, the present one included. */
  readonly #left = new Map<Tensor, number>();
  readonly #several = new Set<Tensor>();
  readonly #waiting = new Map<Tensor, Map<string, Waiting>>();

  /** Counts the uses of leaves by the nodes of a record. */
  constructor(nodes: readonly GradNode[], device: Device) {
    this.#device = device;
    for (const node of nodes) {
      for (const leaf of leavesOf(node)) {
        const before = this.#left.get(leaf) ?? 0;
        if (before > 0) this.#several.add(leaf);
        this.#left.set(leaf, before + 1);
      }
    }
  }

  /** Keeps a use; false for a leaf that is used once. */
  add(first: Tensor, second: Tensor | null, { key, terms, take, most }: LaterUses): boolean {
    if (!this.#several.has(first)) return false;
    const ofLeaf = this.#waiting.get(first) ?? new Map<string, Waiting>();
    this.#waiting.set(first, ofLeaf);
    const waiting = ofLeaf.get(key) ?? { leaves: [first, second], take, most, uses: [] };
    ofLeaf.set(key, waiting);
    waiting.uses.push(terms.map((term) => aliasOf(term)));
    if (waiting.uses.length === most) {
      ofLeaf.delete(key);
      this.#take(waiting);
    }
    return true;
  }

  /** Takes what waits for leaves whose last use a node was. */
  passed(node: GradNode): void {
    for (const leaf of leavesOf(node)) {
      const left = this.#left.get(leaf)! - 1;
      this.#left.set(leaf, left);
      if (left > 0) continue;
      const all = this.#waiting.get(leaf);
      this.#waiting.delete(leaf);
      for (const waiting of all?.values() ?? []) this.#take(waiting);
    }
  }

  #take({ leaves, take, uses }: Waiting): void {
    using _scope = openTemporaryScope(scopesOf(this.#device));
    const collected = (leaf: Tensor | null): Tensor | null => {
      const grad = leaf && !leaf.disposed ? leaf.grad : null;
      return grad && storageOf(grad).refs === 1 ? grad : null;
    };
    const [first, second] = leaves;
    const grads = take(uses, [collected(first), collected(second)]);
    leaves.forEach((leaf, i) => {
      if (!leaf || leaf.disposed) return;
      noteGrad(leaf, null);
      const grad = grads[i];
      if (!grad) return;
      const before = leaf.grad;
      if (before) {
        const sum = before.add(grad).unscoped();
        release(before);
        setGrad(leaf, sum);
      } else setGrad(leaf, aliasOf(grad));
    });
    this.#free(uses);
  }

  #free(uses: readonly (readonly Tensor[])[]): void {
    for (const terms of uses) for (const term of terms) release(term);
  }

  /** Frees what still waits, after an error. */
  drop(): void {
    for (const all of this.#waiting.values()) for (const { uses } of all.values()) this.#free(uses);
    this.#waiting.clear();
  }
}
