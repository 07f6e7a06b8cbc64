/** Knowledge graphs by their format: a head, then an edge or a class's vector a line. */
import { elements, independentJson, members } from "./json.ts";

/** Edges by names, and vectors by class. */
export interface SlowGraph {
  readonly classes: readonly string[];
  readonly edges: readonly (readonly [type: string, from: string, to: string, weight: number])[];
  readonly vectors: ReadonlyMap<string, readonly number[]>;
}

/** A graph; undefined where the file must be refused. */
export function slowGraph(text: string): SlowGraph | undefined {
  const [first, ...rest] = text.split("\n"), head = independentJson(first);
  if (typeof head !== "object" || head === null) return undefined;
  const { classes, types } = members(head);
  const names = elements(classes) as string[], edges: [string, string, string, number][] = [];
  const vectors = new Map<string, number[]>();
  for (const line of rest) {
    if (line.trim() === "") continue;
    const entry = independentJson(line);
    if (typeof entry !== "object" || entry === null) return undefined;
    const { type, from, to, weight, class: name, vector } = members(entry);
    if (vector !== undefined) {
      if (vectors.has(name as string)) return undefined;
      vectors.set(name as string, elements(vector).map((v) => Math.fround(v as number)));
    } else {
      if (!elements(types).includes(type) || !names.includes(from as string) || !names.includes(to as string)) {
        return undefined;
      }
      edges.push([type as string, from as string, to as string, weight as number]);
    }
  }
  return { classes: names, edges, vectors };
}
