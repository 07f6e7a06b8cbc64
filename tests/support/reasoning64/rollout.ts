/**
 * The roll-out and its losses in float64 (papers/iterative-reasoning.md#roll-out). What carries no gradient can be
 * held at the values of an earlier run, so that central differences see what back-propagation sees.
 */
import { type Array64, beside, get, make, map, plus, softmax, type Weights } from "./arrays.ts";
import { type GraphShape, initialNodes, type PixelBox, predictNodes, reason, updateNodes } from "./graph.ts";
import { type CellBox, initialMemory, type MemoryShape, predictMemory, updateMemory } from "./memory.ts";

/** Inputs of a roll-out. */
export interface Scene64 {
  readonly pool5: Array64;
  readonly fc7: Array64;
  /** The ConvNet's logits. */
  readonly logits: Array64;
  readonly cells: readonly CellBox[];
  readonly pixels: readonly PixelBox[];
  readonly labels: readonly number[];
}

/** Options of a roll-out. */
export interface RolloutShape {
  readonly memory: MemoryShape | null;
  readonly graph: GraphShape | null;
  readonly iterations: number;
  readonly crossFeed: boolean;
  readonly attention: boolean;
  readonly reweight: boolean;
  readonly beta: number;
  readonly carryClasses: boolean;
  readonly carryRegions: boolean;
  /** True where gradients stop at predictions fed back to a module, and at the class scores under the final loss. */
  readonly stop: {
    readonly feedback: { readonly memory: boolean; readonly graph: boolean };
    readonly attended: boolean;
  };
}

/** Values that carry no gradient, in the order they come up. */
export interface Held {
  readonly values: Array64[];
}

/** Everything a roll-out gives. */
export interface Result64 {
  readonly predictions: readonly { readonly name: string; readonly logits: Array64 }[];
  readonly attention: Array64 | null;
  readonly attended: Array64;
  readonly losses: Readonly<Record<string, number>>;
  readonly total: number;
  readonly held: Held;
}

/** Runs it; with `held` the values that carry no gradient are taken from there. */
export function rollout(scene: Scene64, w: Weights, shape: RolloutShape, held?: Held): Result64 {
  const kept: Array64[] = [];
  const stop = (value: Array64): Array64 => {
    const used = held ? held.values[kept.length] : value;
    kept.push(used);
    return used;
  };
  const { memory: local, graph: global } = shape;
  const predictions: { name: string; stream: string; logits: Array64 }[] = [
    { name: "image", stream: "image", logits: scene.logits },
  ];
  let memory = local && initialMemory(w, local.map);
  const start = global && initialNodes(scene.fc7, w);
  let nodes = start;
  const confidences = [
    memory
      ? predictMemory(memory, scene.cells, w, local!).confidence
      : predictNodes(start!.regions, w, global!).confidence,
  ];
  let [saidLocal, saidGlobal] = [scene.logits, scene.logits];
  for (let i = 1; i < shape.iterations; i++) {
    // The assignment of regions to classes never carries a gradient; what is fed back may.
    const held = [stop(saidLocal), stop(saidGlobal)];
    const free = [saidLocal, saidGlobal];
    const [l, g] = shape.stop.feedback.memory ? held : free;
    const both = shape.crossFeed && local && global;
    if (local && memory) {
      memory = updateMemory(memory, both ? beside([l, g]) : l, scene.pool5, scene.cells, w, local);
      const { logits, confidence } = predictMemory(memory, scene.cells, w, local);
      predictions.push({ name: `local ${i}`, stream: "local", logits });
      confidences.push(confidence);
      saidLocal = logits;
    }
    if (global && nodes && start) {
      const assignment = both ? map(plus(softmax(held[0]), softmax(held[1])), (v) => v / 2) : softmax(held[1]);
      const [ownLocal, ownGlobal] = shape.stop.feedback.graph ? held : free;
      const regions = updateNodes(
        nodes.regions,
        both ? beside([ownLocal, ownGlobal]) : ownGlobal,
        scene.fc7,
        w,
        global,
      );
      const thought = reason({ regions, classes: nodes.classes }, assignment, scene.pixels, w, global);
      const { logits, confidence } = predictNodes(thought.regions, w, global);
      predictions.push({ name: `global ${i}`, stream: "global", logits });
      confidences.push(confidence);
      saidGlobal = logits;
      nodes = {
        regions: shape.carryRegions ? thought.regions : regions,
        classes: shape.carryClasses ? thought.classes : start.classes,
      };
    }
  }
  const scores = predictions.map(({ logits }) => shape.stop.attended ? stop(logits) : logits);
  const attention = shape.attention ? softmax(beside(confidences)) : null;
  const streams = Number(local !== null) + Number(global !== null);
  const attended = make(scene.logits.shape, ([r, c]) => {
    if (attention) return scores.reduce((sum, f, i) => sum + get(attention, r, i) * get(f, r, c), 0);
    return scores.slice(-streams).reduce((sum, f) => sum + get(f, r, c) / streams, 0);
  });
  const losses: Record<string, number> = { image: mean(crossEntropies(scene.logits, scene.labels)) };
  for (const [stream, part] of [["local", "memory"], ["global", "graph"]]) {
    const own = predictions.filter((p) => p.stream === stream);
    if (own.length === 0) continue;
    losses[part] = mean(own.map(({ logits }, i) => {
      const before = stop(i === 0 ? scene.logits : own[i - 1].logits);
      const each = crossEntropies(logits, scene.labels);
      const weights = shape.reweight ? hardWeights(before, scene.labels, shape.beta) : each.map(() => 1 / each.length);
      return each.reduce((sum, loss, r) => sum + weights[r] * loss, 0);
    }));
  }
  if (shape.attention || !shape.stop.attended) losses.final = mean(crossEntropies(attended, scene.labels));
  const total = Object.values(losses).reduce((a, b) => a + b, 0);
  return { predictions, attention, attended, losses, total, held: { values: kept } };
}

/** Each region's weight: β where its true class already has probability 1 − β, else what is missing to 1; summing to 1. */
export function hardWeights(previous: Array64, labels: readonly number[], beta: number): number[] {
  const p = softmax(previous);
  const raw = labels.map((label, r) => get(p, r, label) >= 1 - beta ? beta : 1 - get(p, r, label));
  const total = raw.reduce((a, b) => a + b, 0);
  return raw.map((v) => v / total);
}

function crossEntropies(logits: Array64, labels: readonly number[]): number[] {
  const p = softmax(logits);
  return labels.map((label, r) => -Math.log(get(p, r, label)));
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
