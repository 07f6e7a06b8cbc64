/** Knowledge of the classes, in the form that the graph module takes. */
import type { Knowledge } from "../../../datasets/knowledge/knowledge.ts";
import { RandomStream } from "../../../engine/base/random.ts";
import { Graph, type Triple } from "../../../engine/mod.ts";

/** A class graph and class vectors. */
export interface ClassKnowledge {
  /** Names of the relations, aligned with the graph's. */
  readonly types: readonly string[];
  /** [C, C] for each relation, rows divided by their sums: row c lists the senders to c. */
  readonly graph: Graph;
  /** [C, dim]. */
  readonly vectors: Float32Array<ArrayBuffer>;
  /** Length of a class's vector. */
  readonly dim: number;
}

/** Numbers of a vector where no vectors are given: as many as fastText's. */
const RANDOM_DIM = 300;

/**
 * The class graph of `knowledge` restricted to edge types `wanted` (null: all; unknown ones throw RangeError). Without
 * vectors, classes get random ones from `seed`, background zeros; without knowledge there are no relations.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { classKnowledge } from "@itera/itera/models";
 *
 * const edges = [{ type: 0, from: 1, to: 3, weight: 3 }, { type: 0, from: 2, to: 3, weight: 1 }];
 * const vectors = Float32Array.of(0, 10, 20, 30);
 * const { types, graph, dim } = classKnowledge({ types: ["is a", "has"], edges, vectors, dim: 1 }, 4, ["is a"], 1);
 * deepStrictEqual([types, dim], [["is a"], 1]);
 * // Class 3 receives from 1 and 2, weighed 3 to 1.
 * const [{ rowPtr, colIdx, values }] = graph.relations;
 * deepStrictEqual([rowPtr, colIdx, values].map((list) => Array.from(list)), [[0, 0, 0, 0, 2], [1, 2], [0.75, 0.25]]);
 * ```
 */
export function classKnowledge(
  knowledge: Knowledge | null,
  classes: number,
  wanted: readonly string[] | null,
  seed: number,
): ClassKnowledge {
  const known = knowledge?.types ?? [];
  const unknown = wanted?.find((type) => !known.includes(type));
  if (unknown !== undefined) {
    throw new RangeError(`the knowledge graph has no edges of type "${unknown}"; it has ${known.join(", ") || "none"}`);
  }
  const types = wanted ?? known;
  const relations = types.map((type) =>
    (knowledge?.edges ?? []).filter((edge) => known[edge.type] === type)
      .map(({ from, to, weight }): Triple => [to, from, weight])
  );
  // Some classes are known to go with nearly all others.
  const graph = Graph.fromTriples(classes, classes, relations, { balanced: true }).rowNormalised();
  const own = knowledge !== null && knowledge.dim > 0;
  return {
    types,
    graph,
    vectors: own ? knowledge.vectors : randomVectors(classes, RANDOM_DIM, seed),
    dim: own ? knowledge.dim : RANDOM_DIM,
  };
}

function randomVectors(classes: number, dim: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed, 0x7ec7);
  const vectors = Float32Array.from({ length: classes * dim }, () => (2 * random.unit() - 1) / Math.sqrt(dim));
  return vectors.fill(0, 0, dim);
}
