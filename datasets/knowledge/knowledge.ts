/** Knowledge graphs of classes and their file format: JSON lines with names, not numbers, so that a graph outlives a set. */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { readText } from "../../engine/base/files.ts";
import { readJson } from "../../engine/base/json_text.ts";
import { firstRepeated } from "../../engine/base/repeated.ts";
import { BACKGROUND } from "../types.ts";

/** A directed edge: a message goes from class `from` to class `to` (labels 1..C-1). */
export interface KnowledgeEdge {
  /** Index into the graph's types. */
  readonly type: number;
  /** Class at which the edge begins. */
  readonly from: number;
  /** Class at which it ends. */
  readonly to: number;
  /** Weight before rows are normalised. */
  readonly weight: number;
}

/** Knowledge graph and vectors of the classes of a data set. */
export interface Knowledge {
  /** Edge types. */
  readonly types: readonly string[];
  /** Edges of all types. */
  readonly edges: readonly KnowledgeEdge[];
  /** Class vectors, [C, dim] row-major; zeros for the background. */
  readonly vectors: Float32Array<ArrayBuffer>;
  /** Numbers in a class vector; 0 where there are none. */
  readonly dim: number;
}

const FORMAT = "itera-knowledge";

/** Bytes that vectors may take whatever the file's size. */
const FREE = 2 ** 26;

const headSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  classes: z.array(z.string()).min(2),
  types: z.array(z.string()),
  dim: z.int().min(0),
  /** Number of edges; files written before 0.2.0 lack it. */
  edges: z.int().min(0).optional(),
});
const lineSchema = z.union([
  z.strictObject({ type: z.string(), from: z.string(), to: z.string(), weight: z.number().positive() }),
  z.strictObject({ class: z.string(), vector: z.array(z.number()) }),
]);

/** A graph as read, with its own vocabulary. */
export interface KnowledgeFile extends Knowledge {
  /** Class names, background first. */
  readonly classes: readonly string[];
}

function isFloat(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

/** Number of edges of each type. */
export function edgeCounts({ types, edges }: Pick<Knowledge, "types" | "edges">): { type: string; edges: number }[] {
  return types.map((type, t) => ({ type, edges: edges.filter((edge) => edge.type === t).length }));
}

/**
 * The file's text: a head with classes, types, dim and the number of edges; a line per edge; a line per class vector.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { BACKGROUND, encodeKnowledge } from "@itera/itera/datasets";
 *
 * const edges = [{ type: 0, from: 1, to: 2, weight: 0.5 }];
 * const knowledge = { types: ["is a"], edges, vectors: new Float32Array(0), dim: 0 };
 * const [head, line] = encodeKnowledge(knowledge, [BACKGROUND, "cat", "animal"]).trim().split("\n");
 * deepStrictEqual(JSON.parse(head).classes, [BACKGROUND, "cat", "animal"]);
 * deepStrictEqual(JSON.parse(line), { type: "is a", from: "cat", to: "animal", weight: 0.5 });
 * ```
 */
export function encodeKnowledge({ types, edges, vectors, dim }: Knowledge, classes: readonly string[]): string {
  const lines: unknown[] = [{ format: FORMAT, version: 1, classes, types, dim, edges: edges.length }];
  for (const { type, from, to, weight } of edges) {
    lines.push({ type: types[type], from: classes[from], to: classes[to], weight });
  }
  for (let c = 1; dim > 0 && c < classes.length; c++) {
    lines.push({ class: classes[c], vector: [...vectors.subarray(c * dim, (c + 1) * dim)] });
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/**
 * Reads a graph with its own vocabulary. Throws {@link UserError} with path and line of the first mistake.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { BACKGROUND, encodeKnowledge, readKnowledgeFile } from "@itera/itera/datasets";
 *
 * const edges = [{ type: 0, from: 1, to: 2, weight: 0.5 }], classes = [BACKGROUND, "cat", "animal"];
 * const knowledge = { types: ["is a"], edges, vectors: new Float32Array(0), dim: 0 };
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, encodeKnowledge(knowledge, classes));
 * deepStrictEqual(await readKnowledgeFile(file), { ...knowledge, classes });
 * await Deno.remove(file);
 * ```
 */
export async function readKnowledgeFile(path: string): Promise<KnowledgeFile> {
  const text = await readText(path, "there is no such knowledge graph");
  const lines = text.split("\n");
  const head = parse(headSchema, path, 1, lines[0], "is no knowledge graph's first line");
  const { classes, types, dim } = head;
  if (classes[0] !== BACKGROUND) throw new UserError(`${path}:1: the first class must be ${BACKGROUND}`);
  for (const [what, names] of [["class", classes], ["type", types]] as const) {
    const twice = firstRepeated(names);
    if (twice !== undefined) throw new UserError(`${path}:1: the ${what} "${twice}" is there twice`);
  }
  if (4 * classes.length * dim > FREE + 32 * text.length) {
    throw new UserError(
      `${path}:1: claims vectors of ${dim} numbers for ${classes.length} classes, more than the file can hold`,
    );
  }
  const labels = new Map(classes.map((name, c) => [name, c]));
  const vectors = new Float32Array(classes.length * dim);
  const edges: KnowledgeEdge[] = [], seen = new Set<string>(), filled = new Set<number>();
  const find = (list: ReadonlyMap<string, number>, name: string, what: string, line: number): number => {
    const found = list.get(name);
    if (found === undefined) throw new UserError(`${path}:${line}: no ${what} "${name}" is in the first line`);
    return found;
  };
  const typeOf = new Map(types.map((type, t) => [type, t]));
  for (let i = 1; i < lines.length; i++) {
    if (lines[i].trim() === "") continue;
    const entry = parse(lineSchema, path, i + 1, lines[i], "is neither an edge nor a class vector");
    if ("vector" in entry) {
      if (entry.vector.length !== dim) {
        throw new UserError(`${path}:${i + 1}: the vector has ${entry.vector.length} numbers, not ${dim}`);
      }
      if (!entry.vector.every(isFloat)) {
        throw new UserError(`${path}:${i + 1}: the vector has a number that is too large for 32 bits`);
      }
      const label = find(labels, entry.class, "class", i + 1);
      if (filled.size === filled.add(label).size) {
        throw new UserError(`${path}:${i + 1}: the class "${entry.class}" has a vector already`);
      }
      vectors.set(entry.vector, dim * label);
      continue;
    }
    const [from, to] = [entry.from, entry.to].map((name) => find(labels, name, "class", i + 1));
    if (from === to || from === 0 || to === 0) {
      throw new UserError(`${path}:${i + 1}: an edge joins two different classes, neither the background`);
    }
    if (!isFloat(entry.weight) || Math.fround(entry.weight) === 0) {
      throw new UserError(`${path}:${i + 1}: the weight ${entry.weight} is too large or too small for 32 bits`);
    }
    const type = find(typeOf, entry.type, "type", i + 1);
    if (seen.size === seen.add(`${type} ${from} ${to}`).size) {
      throw new UserError(`${path}:${i + 1}: the edge is there twice; give it one weight`);
    }
    edges.push({ type, from, to, weight: entry.weight });
  }
  requireWhole(path, head, edges.length, filled);
  return { classes, types, edges, vectors, dim };
}

/** Throws {@link UserError} where edges or vectors are missing that the head promises: such a file was cut at the end of a line. */
function requireWhole(
  path: string,
  { classes, dim, edges: promised }: z.output<typeof headSchema>,
  edges: number,
  filled: ReadonlySet<number>,
): void {
  if (promised !== undefined && edges !== promised) {
    throw new UserError(`${path}: has ${edges} edges, its first line says ${promised}; make or copy it again`);
  }
  const bare = dim > 0 && (promised !== undefined || filled.size > 0)
    ? classes.findIndex((_, c) => c > 0 && !filled.has(c))
    : -1;
  if (bare >= 0) throw new UserError(`${path}: has no vector of the class "${classes[bare]}"; make or copy it again`);
}

/**
 * The graph over another list of classes; what that list lacks is left out and counted.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { BACKGROUND, fitKnowledge } from "@itera/itera/datasets";
 *
 * const edges = [{ type: 0, from: 1, to: 2, weight: 0.5 }, { type: 0, from: 3, to: 2, weight: 1 }];
 * const knowledge = { types: ["is a"], edges, vectors: Float32Array.of(0, 10, 20, 30), dim: 1 };
 * const file = { ...knowledge, classes: [BACKGROUND, "cat", "animal", "dog"] };
 * const { knowledge: own, dropped } = fitKnowledge(file, [BACKGROUND, "animal", "cat", "chair"]);
 * deepStrictEqual(own.edges, [{ type: 0, from: 2, to: 1, weight: 0.5 }]);
 * deepStrictEqual([...own.vectors], [0, 20, 10, 0]);
 * strictEqual(dropped, 1);
 * ```
 */
export function fitKnowledge(
  file: KnowledgeFile,
  classes: readonly string[],
): { knowledge: Knowledge; dropped: number } {
  const label = new Map(classes.map((name, c) => [name, c]));
  const target = file.classes.map((name) => label.get(name) ?? -1);
  const vectors = new Float32Array(classes.length * file.dim);
  target.forEach((to, from) => {
    if (to > 0) vectors.set(file.vectors.subarray(from * file.dim, (from + 1) * file.dim), to * file.dim);
  });
  const edges = file.edges.map((edge) => ({ ...edge, from: target[edge.from], to: target[edge.to] }))
    .filter(({ from, to }) => from > 0 && to > 0);
  const dropped = target.filter((to) => to < 0).length;
  return { knowledge: { types: file.types, edges, vectors, dim: file.dim }, dropped };
}

function parse<T>(schema: z.ZodType<T>, path: string, line: number, text: string, complaint: string): T {
  const read = readJson(text);
  if ("fault" in read) throw new UserError(`${path}:${line}: is not JSON (${read.fault.reason})`);
  const parsed = schema.safeParse(read.value);
  if (parsed.success) return parsed.data;
  const [{ path: where, message }] = parsed.error.issues;
  throw new UserError(`${path}:${line}: ${complaint} (${where.length > 0 ? `${where.join(".")}: ` : ""}${message})`);
}
