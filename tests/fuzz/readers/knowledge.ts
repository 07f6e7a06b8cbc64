/** Readers of knowledge: graphs of classes, WordNet, word vectors. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { KnowledgeBuilder } from "../../../datasets/knowledge/builder.ts";
import { encodeKnowledge, type KnowledgeFile, readKnowledgeFile } from "../../../datasets/knowledge/knowledge.ts";
import { addSimilar, type ClassVectors, readClassVectors } from "../../../datasets/knowledge/word_vectors.ts";
import { addWordNet } from "../../../datasets/knowledge/wordnet.ts";
import { BACKGROUND } from "../../../datasets/types.ts";
import { JSON_LINES } from "../mutate/json.ts";
import { textOf, utf8 } from "../mutate/mutator.ts";
import { TEXT } from "../mutate/text.ts";
import { slowGraph } from "../oracles/knowledge.ts";
import type { FuzzReader } from "../reader.ts";
import { lines } from "./samples.ts";

const CLASSES = [BACKGROUND, "cat", "animal", "left arm", "tail"];

/** The project's graph by names, as the slow reader has it. */
function byName({ classes, types, edges, vectors, dim }: KnowledgeFile) {
  const zero = (vector: readonly number[]) => vector.every((v) => v === 0);
  return {
    classes,
    edges: edges.map(({ type, from, to, weight }) => [types[type], classes[from], classes[to], weight]),
    vectors: classes.map((_, c) => [...vectors.subarray(c * dim, (c + 1) * dim)]).map((v) => zero(v) ? [] : v),
  };
}

const synset = (offset: string, word: string, ...pointers: readonly string[]): string =>
  `${offset} 03 n 01 ${word} 0 ${String(pointers.length).padStart(3, "0")} ${
    pointers.map((p) => `${p} `).join("")
  }| a gloss`;

/** The readers. */
export const KNOWLEDGE: readonly FuzzReader[] = [
  {
    name: "knowledge graphs",
    samples: () => {
      const edges = [{ type: 0, from: 1, to: 2, weight: 0.5 }, { type: 1, from: 2, to: 1, weight: 1 }];
      const vectors = Float32Array.from({ length: 10 }, (_, i) => i < 2 ? 0 : i / 8);
      const graph = { types: ["is a", "has kind"], edges, vectors, dim: 2 };
      return [
        { "graph.jsonl": utf8(encodeKnowledge(graph, CLASSES)) },
        { "graph.jsonl": utf8(encodeKnowledge({ ...graph, vectors: new Float32Array(), dim: 0 }, CLASSES)) },
      ];
    },
    mutators: () => JSON_LINES,
    read: (folder) => readKnowledgeFile(join(folder, "graph.jsonl")),
    check: (value, files) => {
      const read = value as KnowledgeFile, slow = slowGraph(textOf(files["graph.jsonl"]));
      if (!slow) return "read what must be refused";
      const zero = (vector: readonly number[]) => vector.every((v) => v === 0);
      const vectors = slow.classes.map((name) => slow.vectors.get(name) ?? []).map((v) => zero(v) ? [] : v);
      if (!isDeepStrictEqual(byName(read), { classes: slow.classes, edges: slow.edges, vectors })) {
        return "another graph";
      }
      if (new Set(read.classes).size !== read.classes.length) return "a class twice";
      if (new Set(read.types).size !== read.types.length) return "a type twice";
      const numbers = [...read.vectors, ...read.edges.map(({ weight }) => Math.fround(weight))];
      return numbers.every(Number.isFinite) ? null : "a number that is not finite";
    },
  },
  {
    name: "wordnet",
    samples: () => [{
      "index.noun": lines(
        "  1 a licence",
        "cat n 1 2 @ ~ 1 1 00000001  ",
        "animal n 1 1 ~ 1 0 00000002  ",
        "tail n 2 1 #p 2 0 00000003 00000004  ",
      ),
      "data.noun": lines(
        "  1 a licence",
        synset("00000001", "cat", "@ 00000002 n 0000"),
        synset("00000002", "animal", "~ 00000001 n 0000"),
        synset("00000003", "tail", "#p 00000001 n 0000", "@ 00000004 n 0000"),
        synset("00000004", "part"),
      ),
    }],
    mutators: () => TEXT,
    read: async (folder) => {
      const builder = new KnowledgeBuilder(CLASSES), found = await addWordNet(builder, folder);
      return { found, ...builder.build() };
    },
    check: (value) => {
      const { found, edges } = value as { found: number; edges: { from: number; to: number; weight: number }[] };
      if (found > CLASSES.length - 1) return `${found} classes`;
      const wrong = edges.find(({ from, to, weight }) =>
        from < 1 || to < 1 || from === to || !(weight > 0 && weight <= 1)
      );
      return wrong ? `the edge ${JSON.stringify(wrong)}` : null;
    },
  },
  {
    name: "word vectors",
    samples: () => [
      { "words.vec": lines("5 3", "cat 0.5 -1 2e-1", "animal 0.25 0 1", "arm 1 2 3", "left 3 2 1", "tree -1 -1 -1") },
      { "words.vec": lines("cat 0.5 -1", "animal 0.25 1", "tail 3 4 ") },
    ],
    mutators: () => TEXT,
    read: async (folder) => {
      const read = await readClassVectors(join(folder, "words.vec"), CLASSES), builder = new KnowledgeBuilder(CLASSES);
      addSimilar(builder, read, 0.5);
      return { ...read, edges: builder.build().edges };
    },
    check: (value, files) => {
      const { vectors, dim, unknown, edges } = value as ClassVectors & { edges: { weight: number }[] };
      if (vectors.length !== dim * CLASSES.length) return `${vectors.length} numbers for vectors of ${dim}`;
      if (!vectors.every(Number.isFinite)) return "a number that is not finite";
      if (!edges.every(({ weight }) => weight > 0 && Number.isFinite(weight))) return "a weight that is none";
      // The last line of a word counts.
      const known = new Map(
        textOf(files["words.vec"]).split("\n").map((line) => [line.split(" ")[0], line.trimEnd().split(" ")]),
      );
      for (const name of ["cat", "animal", "tail"]) {
        const c = CLASSES.indexOf(name), own = known.get(name);
        if (unknown.includes(name) || !own) continue;
        // A sum that begins with 0 has no negative one.
        const wanted = own.slice(1).map((v) => 0 + Math.fround(Number(v)));
        if (!isDeepStrictEqual([...vectors.subarray(c * dim, (c + 1) * dim)], wanted)) return `${name}: another vector`;
      }
      return null;
    },
  },
];
