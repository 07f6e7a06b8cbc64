/**
 * The knowledge graph of the context scenes as a person would write it down: what is found with what, what stands on what,
 * what is the same kind of thing, what looks alike; a few edges wrong, a few missing. And a vector for every class.
 */
import type { Knowledge } from "../knowledge/knowledge.ts";
import { RandomStream } from "../../engine/base/random.ts";
import { CONTEXT_TABLES, type ContextTables, RELATIONS } from "./tables.ts";

/** Edge types, in the order edges name them. */
export const KNOWLEDGE_TYPES = ["found-with", "stands-on", "carries", "kind-of", "looks-like"] as const;

/** Options of {@link contextKnowledge}. */
export interface KnowledgeOptions {
  /** Seed of the wrong edges, the missing ones and the vectors; default 1. */
  readonly seed?: number;
  /** Share of true edges left out; default 0.05. */
  readonly missing?: number;
  /** False edges added, as a share of the true ones; default 0.05. */
  readonly wrong?: number;
  /** Numbers in a class vector; default 48. */
  readonly dim?: number;
}

const STREAM = { edges: 0x6b01, vectors: 0x6b02 } as const;

/** p(guest, relation | host) over all scenes, summed into [type, from, to] weights. */
function trueEdges(tables: ContextTables): Map<string, number> {
  const edges = new Map<string, number>();
  const add = (type: (typeof KNOWLEDGE_TYPES)[number], from: number, to: number, weight: number): void => {
    const key = `${KNOWLEDGE_TYPES.indexOf(type)},${from},${to}`;
    edges.set(key, (edges.get(key) ?? 0) + weight);
  };
  const on = RELATIONS.indexOf("on");
  for (const scene of tables.scenes) {
    scene.hosts.forEach((host, h) => {
      const { guests, relations, probabilities } = scene.guests[h];
      guests.forEach((guest, g) => {
        const weight = scene.probabilities[h] * probabilities[g];
        add("found-with", host, guest, weight);
        add("found-with", guest, host, weight);
        if (relations[g] !== on) return;
        add("stands-on", guest, host, weight);
        add("carries", host, guest, weight);
      });
    });
  }
  for (let a = 1; a < tables.names.length; a++) {
    for (let b = 1; b < tables.names.length; b++) {
      if (a === b) continue;
      if (tables.kinds[a] === tables.kinds[b]) add("kind-of", a, b, 1);
      if (tables.lookOf[a] === tables.lookOf[b]) add("looks-like", a, b, 1);
    }
  }
  return edges;
}

/**
 * The graph and the vectors; the same options give the same result on every machine.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { contextKnowledge } from "@itera/itera/datasets";
 *
 * const { types, edges, dim } = contextKnowledge({ missing: 0, wrong: 0, dim: 8 });
 * deepStrictEqual([types[0], dim], ["found-with", 8]);
 * // Without mistakes these edges go both ways.
 * const found = edges.filter(({ type }) => type === 0);
 * ok(found.length > 0 && found.every((edge) => found.some(({ from, to }) => from === edge.to && to === edge.from)));
 * ```
 */
export function contextKnowledge(options: KnowledgeOptions = {}, tables: ContextTables = CONTEXT_TABLES): Knowledge {
  const { seed = 1, missing = 0.05, wrong = 0.05, dim = 48 } = options;
  const random = new RandomStream(seed, STREAM.edges);
  const truth = trueEdges(tables);
  const keys = [...truth.keys()].sort();
  const kept = new Map(keys.filter(() => random.unit() >= missing).map((key) => [key, truth.get(key)!]));
  const classes = tables.names.length;
  for (let left = Math.round(keys.length * wrong); left > 0;) {
    const [type, from, to] = [
      random.integer(0, KNOWLEDGE_TYPES.length - 1),
      random.integer(1, classes - 1),
      random.integer(1, classes - 1),
    ];
    const key = `${type},${from},${to}`;
    if (from === to || truth.has(key) || kept.has(key)) continue;
    // As strong as some true edge: only the tables distinguish a wrong edge from a right one.
    kept.set(key, truth.get(keys[random.integer(0, keys.length - 1)])!);
    left--;
  }
  const edges = [...kept].map(([key, weight]) => {
    const [type, from, to] = key.split(",").map(Number);
    return { type, from, to, weight };
  }).sort((a, b) => a.type - b.type || a.from - b.from || a.to - b.to);
  return { types: KNOWLEDGE_TYPES, edges, vectors: classVectors(tables, dim, seed), dim };
}

/** A vector per class: what its kind shares, what its scenes share, and something of its own. */
function classVectors(tables: ContextTables, dim: number, seed: number): Float32Array<ArrayBuffer> {
  const draw = (...path: number[]): Float64Array => {
    const random = new RandomStream(seed, STREAM.vectors, ...path);
    // A sum of four uniforms is near enough to normal, and exact arithmetic everywhere.
    return Float64Array.from({ length: dim }, () => random.unit() + random.unit() + random.unit() + random.unit() - 2);
  };
  const kinds = [...new Set(tables.kinds)];
  const ofKind = kinds.map((_, k) => draw(0, k));
  const ofScene = tables.scenes.map((_, s) => draw(1, s));
  const vectors = new Float32Array(tables.names.length * dim);
  for (let c = 1; c < tables.names.length; c++) {
    const own = draw(2, c);
    const kind = ofKind[kinds.indexOf(tables.kinds[c])];
    const shares = tables.scenes.map((scene) =>
      scene.hosts.reduce((sum, host, h) => {
        const guests = scene.guests[h].guests.reduce(
          (p, g, i) => g === c ? p + scene.guests[h].probabilities[i] : p,
          0,
        );
        return sum + scene.probabilities[h] * ((host === c ? 1 : 0) + guests);
      }, 0)
    );
    const total = shares.reduce((a, b) => a + b, 0);
    for (let d = 0; d < dim; d++) {
      const scenes = shares.reduce((sum, share, s) => sum + share * ofScene[s][d], 0) / total;
      vectors[c * dim + d] = 0.6 * kind[d] + scenes + 0.4 * own[d];
    }
  }
  return vectors;
}
