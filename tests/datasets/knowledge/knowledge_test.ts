import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { contextKnowledge } from "../../../datasets/context/knowledge.ts";
import { openContext } from "../../../datasets/context/dataset.ts";
import { KnowledgeBuilder } from "../../../datasets/knowledge/builder.ts";
import { addCooccurrence } from "../../../datasets/knowledge/cooccurrence.ts";
import {
  edgeCounts,
  encodeKnowledge,
  fitKnowledge,
  type Knowledge,
  readKnowledgeFile,
} from "../../../datasets/knowledge/knowledge.ts";
import { addMirrors, addPlurals } from "../../../datasets/knowledge/names.ts";
import { readVocabulary } from "../../../datasets/knowledge/vocabulary.ts";
import { addSimilar, readClassVectors, wordsOf } from "../../../datasets/knowledge/word_vectors.ts";
import { addWordNet } from "../../../datasets/knowledge/wordnet.ts";
import { BACKGROUND } from "../../../datasets/types.ts";
import { withFolder } from "../../support/folder.ts";

/** Edges as `type: from > to weight`, sorted. */
function edgeLines({ types, edges }: Knowledge, classes: readonly string[]): string[] {
  return edges.map(({ type, from, to, weight }) =>
    `${types[type]}: ${classes[from]} > ${classes[to]} ${Number(weight.toFixed(4))}`
  ).sort();
}

Deno.test("a graph is read back as it was written, over any order of the classes", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "graph.jsonl");
    const { classes } = openContext({ split: "test", images: 1 });
    const own = contextKnowledge();
    await Deno.writeTextFile(path, encodeKnowledge(own, classes));
    const file = await readKnowledgeFile(path);
    deepStrictEqual({ types: file.types, edges: file.edges, vectors: file.vectors, dim: file.dim }, { ...own });
    const others = [BACKGROUND, "unheard_of", ...classes.slice(2).reverse()];
    const { knowledge, dropped } = fitKnowledge(file, others);
    strictEqual(dropped, 1, "the first class is not among the others");
    const without = edgeLines(own, classes).filter((line) =>
      !line.includes(`: ${classes[1]} >`) && !line.includes(`> ${classes[1]} `)
    );
    deepStrictEqual(edgeLines(knowledge, others), without);
    const at = others.indexOf("clock"), was = classes.indexOf("clock");
    deepStrictEqual(
      [...knowledge.vectors.subarray(at * own.dim, (at + 1) * own.dim)],
      [...own.vectors.subarray(was * own.dim, (was + 1) * own.dim)],
    );
    ok(knowledge.vectors.subarray(own.dim, 2 * own.dim).every((v) => v === 0), "a class the graph lacks has no vector");
  });
});

Deno.test("each mistake in a graph is named with its line", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "graph.jsonl");
    const head = JSON.stringify({
      format: "itera-knowledge",
      version: 1,
      classes: [BACKGROUND, "cup", "plate"],
      types: ["on"],
      dim: 2,
    });
    const edge = '{"type":"on","from":"cup","to":"plate","weight":1}';
    const mistakes: [string, RegExp][] = [
      ["", /:1: is not JSON/],
      ["{}", /:1: is no knowledge graph's first line/],
      [head.replace(BACKGROUND, "sky"), /:1: the first class must be/],
      [`${head}\n{"type":"on"`, /:2: is not JSON/],
      [`${head}\n{"type":"on","from":"cup"}`, /:2: is neither an edge nor a class vector/],
      [`${head}\n\n{"type":"in","from":"cup","to":"plate","weight":1}`, /:3: no type "in"/],
      [`${head}\n{"type":"on","from":"cup","to":"mug","weight":1}`, /:2: no class "mug"/],
      [`${head}\n{"type":"on","from":"cup","to":"cup","weight":1}`, /:2: an edge joins two different classes/],
      [`${head}\n{"type":"on","from":"cup","to":"${BACKGROUND}","weight":1}`, /:2: an edge joins two different/],
      [`${head}\n{"type":"on","from":"cup","to":"plate","weight":0}`, /:2: is neither/],
      [`${head}\n{"class":"cup","vector":[1]}`, /:2: the vector has 1 numbers, not 2/],
      [`${head}\n{"class":"mug","vector":[1,2]}`, /:2: no class "mug"/],
      [`${head}\n{"class":"cup","vector":[1,1e39]}`, /:2: the vector has a number that is too large for 32 bits/],
      [`${head}\n{"type":"on","from":"cup","to":"plate","weight":1e39}`, /:2: the weight 1e\+39 is too large/],
      [
        `${head}\n{"type":"on","from":"cup","to":"plate","weight":1e-60}`,
        /:2: the weight 1e-60 is too large or too small/,
      ],
      [
        head.replace('"dim":2', '"dim":9007199254740991'),
        /:1: claims vectors of 9007199254740991 numbers for 3 classes/,
      ],
      [
        `${head}\n{"type":"on","from":"cup","to":"plate","weight":1,"weight":2}`,
        /:2: is not JSON \(the key "weight" is there/,
      ],
      [`${head}\n${"[".repeat(600)}`, /:2: is not JSON \(lists and objects lie deeper than 512/],
      [`${head}\n${edge}\n${edge}`, /:3: the edge is there twice/],
      [
        `${head}\n{"class":"cup","vector":[1,2]}\n{"class":"cup","vector":[1,2]}`,
        /:3: the class "cup" has a vector already/,
      ],
      [head.replace('"plate"', '"cup"'), /:1: the class "cup" is there twice/],
      [head.replace('["on"]', '["on","on"]'), /:1: the type "on" is there twice/],
      // Cut at the end of a line.
      [`${head}\n{"class":"cup","vector":[1,2]}\n`, /has no vector of the class "plate"/],
      [`${head.replace('"dim"', '"edges":2,"dim"')}\n${edge}\n`, /has 1 edges, its first line says 2/],
    ];
    for (const [text, message] of mistakes) {
      await Deno.writeTextFile(path, text);
      await rejects(readKnowledgeFile(path), message);
    }
    await rejects(readKnowledgeFile(join(folder, "none")), /there is no such knowledge graph/);
  });
});

Deno.test("mirrors and plurals are found in names", () => {
  const classes = [BACKGROUND, "left_arm", "right_arm", "left_hand", "arm", "arms", "box", "boxes", "berry", "berries"];
  const builder = new KnowledgeBuilder(classes);
  strictEqual(addMirrors(builder), 1);
  deepStrictEqual(addPlurals(builder), { s: 1, es: 1, ies: 1 });
  deepStrictEqual(edgeLines(builder.build(), classes), [
    "left-right: left_arm > right_arm 1",
    "plural: arm > arms 1",
    "plural: berry > berries 1",
    "plural: box > boxes 1",
    "right-left: right_arm > left_arm 1",
    "singular: arms > arm 1",
    "singular: berries > berry 1",
    "singular: boxes > box 1",
  ]);
});

Deno.test("a graph with one relation for both directions of a mirror, as version 0.1 wrote it, still loads", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "old.jsonl"), classes = [BACKGROUND, "left_arm", "right_arm"];
    const edges = [{ type: 0, from: 1, to: 2, weight: 1 }, { type: 0, from: 2, to: 1, weight: 1 }];
    const old = { types: ["mirror"], edges, vectors: new Float32Array(0), dim: 0 };
    await Deno.writeTextFile(path, encodeKnowledge(old, classes));
    const { knowledge, dropped } = fitKnowledge(await readKnowledgeFile(path), classes);
    deepStrictEqual([knowledge.types, knowledge.edges, dropped], [["mirror"], edges, 0]);
  });
});

Deno.test("ADE20K's lists are cut as the reference cuts them", async () => {
  await withFolder(async (folder) => {
    const [names, counts] = [join(folder, "names.txt"), join(folder, "counts.txt")];
    await Deno.writeTextFile(names, "- \nair conditioner \nrare \nwall \n");
    await Deno.writeTextFile(counts, "9\n5\n4\n70\n");
    deepStrictEqual(await readVocabulary(names, counts), [BACKGROUND, "air_conditioner", "wall"]);
    deepStrictEqual((await readVocabulary(names)).length, 5);
    await Deno.writeTextFile(counts, "9\n5\n");
    await rejects(readVocabulary(names, counts), /counts\.txt: wanted 4 whole numbers/);
    await Deno.writeTextFile(names, "a\nb\na\n");
    await rejects(readVocabulary(names), /"a" is there twice/);
  });
});

Deno.test("WordNet's kinds and parts, first senses only", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(
      join(folder, "index.noun"),
      [
        "  1 This software and database is being provided to you",
        "cat n 2 2 @ ~ 2 1 00000003 00000009  ",
        "animal n 1 1 ~ 1 1 00000001  ",
        "feline n 1 1 @ 1 1 00000002  ",
        "tail n 1 1 #p 1 1 00000004  ",
        "whip n 1 1 @ 1 1 00000009  ",
        "",
      ].join("\n"),
    );
    await Deno.writeTextFile(
      join(folder, "data.noun"),
      [
        "  1 This software and database is being provided to you",
        "00000001 03 n 01 animal 0 000 | a living thing",
        "00000002 05 n 02 feline 0 felid 0 001 @ 00000001 n 0000 | of a family",
        "00000003 05 n 01 cat 0 002 @ 00000002 n 0000 + 00000077 v 0101 | it purrs",
        "00000004 05 n 01 tail 0 001 #p 00000003 n 0000 | at the end",
        "00000009 06 n 02 whip 0 cat 1 000 | an instrument",
        "",
      ].join("\n"),
    );
    const classes = [BACKGROUND, "cat", "animal", "feline", "tail", "whip", "unknown"];
    const builder = new KnowledgeBuilder(classes);
    strictEqual(await addWordNet(builder, folder), 5);
    deepStrictEqual(edgeLines(builder.build(), classes), [
      "has-kind: animal > cat 0.5",
      "has-kind: animal > feline 1",
      "has-kind: feline > cat 1",
      "has-part: cat > tail 1",
      "kind-of: cat > animal 0.5",
      "kind-of: cat > feline 1",
      "kind-of: feline > animal 1",
      "part-of: tail > cat 1",
    ]);
    await Deno.writeTextFile(join(folder, "data.noun"), "nothing of the sort\n");
    await rejects(addWordNet(builder, folder), /data\.noun:1: is no line of WordNet/);
    // A count of pointers that the line does not hold is no reason to make as many.
    await Deno.writeTextFile(join(folder, "data.noun"), "00000001 05 n 01 dog 0 999999999 @ 00015388 n 0000 | a dog\n");
    await rejects(addWordNet(builder, folder), /data\.noun:1: is no line of WordNet/);
    await rejects(addWordNet(builder, join(folder, "none")), /there is no such file; --wordnet/);
  });
});

Deno.test("class vectors are means over words; unknown classes get random ones and no similarity", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "words.vec");
    await Deno.writeTextFile(path, "4 2\ncoffee 1 0\ntable 0 1\ndesk 0.1 1\nthe 5 5\n");
    deepStrictEqual(wordsOf("Coffee_table, round-ish"), ["coffee", "table", "round", "ish"]);
    const classes = [BACKGROUND, "coffee_table", "desk", "xyzzy", "table"];
    const found = await readClassVectors(path, classes);
    deepStrictEqual([found.dim, found.unknown], [2, ["xyzzy"]]);
    deepStrictEqual([...found.vectors.subarray(0, 4)], [0, 0, 0.5, 0.5]);
    ok(found.vectors.subarray(6, 8).every((v) => v !== 0 && Math.abs(v) <= Math.SQRT1_2));
    deepStrictEqual((await readClassVectors(path, classes)).vectors, found.vectors, "the same every time");
    const builder = new KnowledgeBuilder(classes);
    addSimilar(builder, found, 0.9);
    deepStrictEqual(edgeLines(builder.build(), classes), [
      "similar: desk > table 0.995",
      "similar: table > desk 0.995",
    ]);
    await Deno.writeTextFile(path, "a 1 2\nb 1\n");
    await rejects(readClassVectors(path, classes), /words\.vec:2: has 1 numbers after the word, 2 were expected/);
    for (const [line, wrong] of [["desk Infinity 1e999", "Infinity"], ["desk 1  2", ""], ["desk 1 1e39", "1e39"]]) {
      await Deno.writeTextFile(path, `1 ${line.split(" ").length - 1}\n${line}\n`);
      await rejects(
        readClassVectors(path, classes),
        (error: Error) => error.message.includes(`:2: "${wrong}" is no number`),
      );
    }
    for (
      const [text, message] of [
        ["3 2\ndesk 1 2\nchair 1 2\n", /has 2 words, its first line says 3/],
        ["1 3\ndesk 1 2\n", /:2: has 2 numbers after the word, 3 were expected/],
        ["desk 1\n", /:1: is neither a count and a dimension nor a word/],
      ] as const
    ) {
      await Deno.writeTextFile(path, text);
      await rejects(readClassVectors(path, classes), message);
    }
    await Deno.writeTextFile(path, "desk ".repeat(400_000));
    await rejects(readClassVectors(path, classes), /words\.vec: has a line of more than 1048576 letters/);
  });
});

Deno.test("co-occurrence counts images, weighs by the condition and keeps what is more than chance", () => {
  const rows = [[1, 1, 2], [1, 2], [1, 2, 3], [3], [3], [2, 3]];
  const dataset = {
    name: "made",
    split: "train" as const,
    classes: [BACKGROUND, "a", "b", "c"],
    size: rows.length,
    source: { kind: "files" as const, paths: [] },
    record: (i: number) => ({
      id: "",
      width: 1,
      height: 1,
      boxes: new Float32Array(0),
      labels: Int32Array.from(rows[i]),
    }),
  };
  const builder = new KnowledgeBuilder(dataset.classes);
  addCooccurrence(builder, dataset, { minCount: 1 });
  const graph = builder.build();
  deepStrictEqual(edgeLines(graph, dataset.classes), ["seen-with: a > b 1", "seen-with: b > a 0.75"]);
  deepStrictEqual(edgeCounts(graph), [{ type: "seen-with", edges: 2 }]);
  const strict = new KnowledgeBuilder(dataset.classes);
  addCooccurrence(strict, dataset, { minCount: 4 });
  deepStrictEqual(strict.build().edges, []);
});
