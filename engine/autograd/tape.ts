/**
 * The autograd record. Each op that touches a tensor with `requiresGrad` leaves a node that names its inputs' origins and
 * holds the few tensors its gradient rule needs. Nodes are numbered in order of execution; backward walks the reachable
 * ones from the highest number down and frees each node's saved tensors right after their last use. Nodes are counted by
 * what can still reach them, so a result that is dropped without `backward()` takes its record with it.
 */
import { GradientError } from "../base/errors.ts";
import { described } from "../base/given.ts";
import { fromHalf, halfCopy } from "./half.ts";
import {
  aliasOf,
  isTensor,
  nodeOf,
  noteGrad,
  openTemporaryScope,
  outputIndexOf,
  release,
  scopesOf,
  setGrad,
  storageOf,
} from "../friends.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { AnyOp, BackwardCall } from "../op.ts";
import { Later } from "./later.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";

/** Source of an input: a leaf that collects gradients, an output of an earlier node, or nothing to differentiate. */
export type Origin = { readonly leaf: Tensor } | { readonly node: GradNode; readonly index: number } | null;

/** A saved tensor with the version of its memory when it was saved, or a 16-bit copy of it. */
interface Saved {
  readonly tensor: Tensor;
  readonly version: number;
}

/** Notes of a gradient rule beside the gradients it gives back. */
interface Given {
  /** Inputs whose gradient it may have added in place. */
  readonly inPlace: Set<number>;
  /** Entries of the first axis that an input's gradient is about, where that is not all. */
  readonly entries: Map<number, readonly number[]>;
  /** Inputs whose gradient it multiplied by the slope of the activation that gave them. */
  readonly sloped: Set<number>;
  /** Gradient of an output of another node so far. */
  readonly slot: (node: GradNode, index: number) => Tensor | null;
  /** True where no other node gives a gradient to that one any more. */
  readonly last: (node: GradNode) => boolean;
  readonly later: Later;
}

let sequence = 0;

/** One recorded op. */
export class GradNode {
  readonly id: number = sequence++;
  readonly op: AnyOp;
  readonly attrs: unknown;
  readonly origins: readonly Origin[];
  readonly inputMetas: readonly (TensorMeta | null)[];
  readonly outputMetas: readonly TensorMeta[];
  #savedInputs: Map<number, Saved>;
  #savedOutputs: Map<number, Saved>;
  /** True once its first output's gradient was multiplied by the slope of its activation. */
  sloped = false;
  #refs = 0;
  #released = false;

  constructor(
    op: AnyOp,
    attrs: unknown,
    inputs: readonly (Tensor | null)[],
    outputs: readonly Tensor[],
    needs: readonly boolean[],
  ) {
    this.op = op;
    this.attrs = attrs;
    this.origins = inputs.map((input, i) => input && needs[i] ? originOf(input) : null);
    for (const origin of this.origins) if (origin && "node" in origin) origin.node.retain();
    this.inputMetas = inputs.map((t) => t && { shape: t.shape, dtype: t.dtype });
    this.outputMetas = outputs.map((t) => ({ shape: t.shape, dtype: t.dtype }));
    const saves = op.saves(needs, attrs);
    // Weights stay where they are anyway; results are what memory fills with.
    const save = (t: Tensor, result: boolean): Saved => {
      const tensor = (result && t.device.halfSaves ? halfCopy(t) : null) ?? aliasOf(t);
      return { tensor, version: storageOf(tensor).version };
    };
    const given = (saves.inputs ?? []).filter((i) => inputs[i]);
    this.#savedInputs = new Map(given.map((i) => [i, save(inputs[i]!, nodeOf(inputs[i]!) !== undefined)]));
    this.#savedOutputs = new Map((saves.outputs ?? []).map((i) => [i, save(outputs[i], true)]));
  }

  /** True once its saved tensors are freed. */
  get released(): boolean {
    return this.#released;
  }

  /** One more output or later node reaches this one. */
  retain(): void {
    this.#refs++;
  }

  /** One fewer; at none, the record goes, and with it what only it reached. */
  drop(): void {
    const queue: GradNode[] = [this];
    for (let node = queue.pop(); node; node = queue.pop()) {
      if (--node.#refs > 0) continue;
      node.release();
      for (const origin of node.origins) if (origin && "node" in origin) queue.push(origin.node);
    }
  }

  /** Frees the saved tensors. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    for (const { tensor } of [...this.#savedInputs.values(), ...this.#savedOutputs.values()]) release(tensor);
    this.#savedInputs.clear();
    this.#savedOutputs.clear();
  }

  /** The gradient that an input has collected so far. */
  #collected(i: number, given: Given): Tensor | null {
    const origin = this.origins[i];
    if (!origin) return null;
    if ("node" in origin) return given.slot(origin.node, origin.index);
    return origin.leaf.disposed ? null : origin.leaf.grad;
  }

  /** Arguments for the gradient rule, which notes in `given` what it does beside giving gradients back. */
  call(grads: readonly (Tensor | null)[], given: Given): BackwardCall<unknown> {
    const take = (saved: Map<number, Saved>, i: number, kind: string): Tensor => {
      const entry = saved.get(i);
      if (!entry) {
        throw new GradientError(`${this.op.name}: its gradient reads ${kind} ${i}, which saves() does not name`);
      }
      if (storageOf(entry.tensor).version !== entry.version) {
        throw new GradientError(
          `${this.op.name}: ${kind} ${i} was written in place after the forward pass; call backward() before updating it`,
        );
      }
      return entry.tensor.dtype === "f16" ? fromHalf(entry.tensor) : entry.tensor;
    };
    return {
      attrs: this.attrs,
      grads,
      needs: this.origins.map((origin) => origin !== null),
      inputMetas: this.inputMetas,
      outputMetas: this.outputMetas,
      input: (i) => take(this.#savedInputs, i, "input"),
      optionalInput: (i) => this.inputMetas[i] ? take(this.#savedInputs, i, "input") : null,
      output: (i) => take(this.#savedOutputs, i, "output"),
      collected: (i) => {
        const grad = this.#collected(i, given);
        if (!grad || storageOf(grad).refs !== 1) return null;
        given.inPlace.add(i);
        return grad;
      },
      slope: (i) => {
        const origin = this.origins[i];
        if (!origin || "leaf" in origin || origin.index !== 0 || !given.last(origin.node)) return null;
        const { node } = origin, activation = node.op.activation(node.attrs), before = this.#collected(i, given);
        if (activation === "none" || (before && storageOf(before).refs !== 1)) return null;
        if (before && !given.inPlace.has(i)) return null;
        given.sloped.add(i);
        return { activation, y: take(node.#savedOutputs, 0, "output") };
      },
      later: (inputs, uses) => {
        const [first, second] = inputs.map((i) => i === null ? null : this.origins[i]);
        if (!first || !("leaf" in first) || (second && !("leaf" in second))) return false;
        return given.later.add(first.leaf, second ? second.leaf : null, uses);
      },
      sloped: this.sloped,
      touches: (i, entries) => void given.entries.set(i, entries),
    };
  }
}

function originOf(tensor: Tensor): Origin {
  const node = nodeOf(tensor);
  return node ? { node, index: outputIndexOf(tensor) } : { leaf: tensor };
}

/** Nodes reachable from `root`, latest first. */
function reachable(root: GradNode): GradNode[] {
  const seen = new Set<GradNode>([root]);
  const queue = [root];
  for (let node = queue.pop(); node; node = queue.pop()) {
    for (const origin of node.origins) {
      if (origin && "node" in origin && !seen.has(origin.node)) {
        seen.add(origin.node);
        queue.push(origin.node);
      }
    }
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/** The nodes that made a node's inputs, one for each input. */
function nodesOf({ origins }: GradNode): GradNode[] {
  return origins.flatMap((origin) => origin && "node" in origin ? [origin.node] : []);
}

/** Adds `grad` into `slot`, in place where nobody else looks at that memory. Takes charge of `grad`. */
function accumulate(slot: Tensor | null, grad: Tensor): Tensor {
  if (!slot) return grad;
  if (storageOf(slot).refs === 1) {
    slot.addInPlace(grad);
    release(grad);
    return slot;
  }
  const sum = slot.add(grad).unscoped();
  release(slot);
  release(grad);
  return sum;
}

/** Throws unless a gradient rule gave a list with a gradient, or null, for each input. */
function checkResults({ op, origins }: GradNode, results: unknown): void {
  if (
    Array.isArray(results) && results.length === origins.length && results.every((one) => one === null || isTensor(one))
  ) {
    return;
  }
  if (results instanceof Promise) results.catch(() => {});
  const found = Array.isArray(results) ? `a list of ${results.length}` : described(results);
  throw new GradientError(
    `${op.name}: its gradient rule gives a list of ${origins.length}, a tensor or null for each input, not ${found}`,
  );
}

/** Throws where a gradient rule gave something of another shape or type than its input has. */
function checkGradient({ op, inputMetas }: GradNode, i: number, { shape, dtype }: Tensor): void {
  if (dtype === "f32" && sameShape(shape, inputMetas[i]!.shape)) return;
  throw new GradientError(
    `${op.name}: its gradient for input ${i} is ${dtype} ${formatShape(shape)}, the input f32 ${
      formatShape(inputMetas[i]!.shape)
    }`,
  );
}

/** Walks the record back from `root`; `seed` is the gradient of `root` (ones, for a single element, when absent). */
export function backward(root: Tensor, seed?: Tensor): void {
  const last = nodeOf(root);
  if (!last) {
    throw new GradientError(
      root.requiresGrad
        ? "backward: this tensor is a leaf; call backward() on a result computed from it"
        : "backward: nothing was recorded; set requiresGrad on a tensor the result depends on, outside noGrad()",
    );
  }
  if (last.released) {
    throw new GradientError("backward: this record was already consumed by an earlier backward()");
  }
  if (!seed && root.size !== 1) {
    throw new GradientError(
      `backward: a result of shape [${root.shape}] needs a gradient argument; or reduce it first`,
    );
  }
  const device = root.device;
  device.noGrad(() => {
    const grads = new Map<GradNode, (Tensor | null)[]>();
    const slots = (node: GradNode): (Tensor | null)[] => {
      let list = grads.get(node);
      if (!list) grads.set(node, list = node.outputMetas.map(() => null));
      return list;
    };
    slots(last)[outputIndexOf(root)] = seed ? aliasOf(seed) : device.full(root.shape, 1).unscoped();
    const order = reachable(last), later = new Later(order, device), waiting = new Map<GradNode, number>();
    for (const node of order) for (const from of nodesOf(node)) waiting.set(from, (waiting.get(from) ?? 0) + 1);
    try {
      for (const node of order) {
        const own = grads.get(node);
        if (own) {
          using scope = openTemporaryScope(scopesOf(device));
          const given: Given = {
            inPlace: new Set(),
            entries: new Map(),
            sloped: new Set(),
            slot: (from, index) => grads.get(from)?.[index] ?? null,
            last: (from) => waiting.get(from) === 1,
            later,
          };
          const results = node.op.backward(node.call(own, given));
          checkResults(node, results);
          node.origins.forEach((origin, i) => {
            const grad = results[i];
            if (given.sloped.has(i) && origin && "node" in origin) origin.node.sloped = true;
            if (origin && "leaf" in origin && (grad || given.inPlace.has(i))) {
              noteGrad(origin.leaf, given.entries.get(i) ?? null);
            }
            if (!origin || !grad) return;
            checkGradient(node, i, grad);
            const taken = aliasOf(grad);
            if ("leaf" in origin) {
              if (origin.leaf.disposed) release(taken);
              else setGrad(origin.leaf, accumulate(origin.leaf.grad, taken));
            } else {
              const list = slots(origin.node);
              list[origin.index] = accumulate(list[origin.index], taken);
            }
          });
          void scope;
          for (const grad of own) if (grad) release(grad);
          grads.delete(node);
        }
        later.passed(node);
        for (const from of nodesOf(node)) waiting.set(from, waiting.get(from)! - 1);
        node.release();
      }
    } finally {
      for (const list of grads.values()) for (const grad of list) if (grad) release(grad);
      later.drop();
    }
  });
}
