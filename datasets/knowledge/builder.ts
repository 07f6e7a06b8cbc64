/** Edges by class names, gathered from several sources into one graph. */
import type { Knowledge, KnowledgeEdge } from "./knowledge.ts";

/** Collects edges; a type exists once an edge of it does. Edges of one type between two classes keep the larger weight. */
export class KnowledgeBuilder {
  readonly #classes: readonly string[];
  readonly #label: ReadonlyMap<string, number>;
  readonly #edges = new Map<string, KnowledgeEdge>();
  readonly #types: string[] = [];

  /** For `classes`, background first. */
  constructor(classes: readonly string[]) {
    this.#classes = classes;
    this.#label = new Map(classes.map((name, c) => [name, c]));
  }

  /** Class names without the background. */
  get names(): readonly string[] {
    return this.#classes.slice(1);
  }

  /** True where there is a class of that name. */
  has(name: string): boolean {
    return (this.#label.get(name) ?? 0) > 0;
  }

  /** Adds an edge if both classes are known and differ; returns whether they do. */
  add(type: string, from: string, to: string, weight = 1): boolean {
    const [a, b] = [this.#label.get(from) ?? 0, this.#label.get(to) ?? 0];
    if (a === 0 || b === 0 || a === b || !(weight > 0)) return false;
    if (!this.#types.includes(type)) this.#types.push(type);
    const key = `${type}\n${a}\n${b}`;
    const before = this.#edges.get(key);
    if (!before || before.weight < weight) {
      this.#edges.set(key, { type: this.#types.indexOf(type), from: a, to: b, weight });
    }
    return true;
  }

  /** Adds an edge and its inverse. */
  addBoth(type: string, inverse: string, from: string, to: string, weight = 1): void {
    if (this.add(type, from, to, weight)) this.add(inverse, to, from, weight);
  }

  /** The graph with class vectors [C, dim], or none. */
  build(vectors: Float32Array<ArrayBuffer> = new Float32Array(0), dim = 0): Knowledge {
    const edges = [...this.#edges.values()].sort((a, b) => a.type - b.type || a.from - b.from || a.to - b.to);
    return { types: this.#types, edges, vectors, dim };
  }
}
