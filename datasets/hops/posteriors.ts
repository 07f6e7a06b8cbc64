/**
 * Exact posteriors of the hop scenes by the sum-product algorithm on the forest of links (Pearl, "Probabilistic Reasoning in Intelligent
 * Systems", 1988, 4.2), in float64. Since rows and columns of the tables sum to 1, what lies beyond the looks that are counted sums
 * to 1 too and is left out.
 */
import type { HopLink, HopScene } from "./layout.ts";
import type { HopTables } from "./tables.ts";

/** An edge seen from one of its ends. */
interface Edge {
  readonly other: number;
  /** p(member of the other | own member), [M][M]. */
  readonly chances: readonly (readonly number[])[];
}

/** Edges of each object. */
function edgesOf(count: number, links: readonly HopLink[], tables: HopTables): Edge[][] {
  const edges: Edge[][] = Array.from({ length: count }, () => []);
  for (const { from, to, link } of links) {
    const down = tables.links[link];
    edges[from].push({ other: to, chances: down });
    edges[to].push({ other: from, chances: down[0].map((_, m) => down.map((row) => row[m])) });
  }
  return edges;
}

/**
 * p(member | marks of all objects at most `hops` links away), [objects][M], for each of `hops`. Objects in `hidden` show no mark and
 * pass on what reaches them.
 */
export function memberPosteriors(
  { objects, links }: HopScene,
  tables: HopTables,
  hops: number,
  hidden: ReadonlySet<number> = new Set(),
): Float64Array[] {
  const edges = edgesOf(objects.length, links, tables);
  const { members, marks } = tables;
  const own = objects.map(({ mark }, i) =>
    Float64Array.from({ length: members }, (_, m) => hidden.has(i) || marks[mark].includes(m) ? 1 : 0)
  );
  /** Σ over what lies behind `object`, seen from `from`, of its likelihood, by the member of `object`. */
  const evidence = (object: number, from: number, left: number): Float64Array => {
    const product = own[object].slice();
    if (left === 0) return product;
    for (const { other, chances } of edges[object]) {
      if (other === from) continue;
      const behind = evidence(other, object, left - 1);
      for (let m = 0; m < members; m++) product[m] *= chances[m].reduce((sum, p, n) => sum + p * behind[n], 0);
    }
    return product;
  };
  return objects.map((_, i) => {
    const posterior = evidence(i, -1, hops), total = posterior.reduce((sum, p) => sum + p, 0);
    return posterior.map((p) => p / total);
  });
}

/** The same over classes, [objects][C]: the group is seen. */
export function classPosteriors(
  scene: HopScene,
  tables: HopTables,
  hops: number,
  hidden?: ReadonlySet<number>,
): Float64Array[] {
  const { groups, members } = tables;
  return memberPosteriors(scene, tables, hops, hidden).map((posterior, i) => {
    const row = new Float64Array(1 + groups.length * members);
    row.set(posterior, 1 + scene.objects[i].group * members);
    return row;
  });
}
