/** WordNet's relations beside those that NLTK's reader finds in the same lines of its database (`make/wordnet.py`). */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { KnowledgeBuilder } from "../../../datasets/knowledge/builder.ts";
import { addWordNet } from "../../../datasets/knowledge/wordnet.ts";
import { BACKGROUND } from "../../../datasets/types.ts";
import { withFolder } from "../../support/folder.ts";
import golden from "./golden/wordnet.json" with { type: "json" };

Deno.test("kinds and parts of first senses are those that NLTK finds", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "index.noun"), golden.index.map((line) => `${line}\n`).join(""));
    await Deno.writeTextFile(join(folder, "data.noun"), golden.data.map((line) => `${line}\n`).join(""));
    const classes = [BACKGROUND, ...golden.classes];
    const builder = new KnowledgeBuilder(classes);
    deepStrictEqual(await addWordNet(builder, folder), golden.found);
    const { types, edges } = builder.build();
    for (const [type, inverse] of [["kind-of", "has-kind"], ["part-of", "has-part"]] as const) {
      const want: Record<string, number> = golden.edges[type];
      ok(Object.keys(want).length >= 10);
      const found = (name: string, turned: boolean) =>
        Object.fromEntries(
          edges.filter((edge) => types[edge.type] === name).map(({ from, to, weight }) => {
            const [a, b] = turned ? [to, from] : [from, to];
            return [`${classes[a]} > ${classes[b]}`, weight];
          }),
        );
      deepStrictEqual(found(type, false), want);
      deepStrictEqual(found(inverse, true), want);
    }
  }));
