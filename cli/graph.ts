/** `itera graph`: builds knowledge graphs of classes, and shows what is in one. */
import { type Command, Option } from "@commander-js/extra-typings";
import { UserError } from "../engine/base/user_error.ts";
import { KnowledgeBuilder } from "../datasets/knowledge/builder.ts";
import { addCooccurrence } from "../datasets/knowledge/cooccurrence.ts";
import { edgeCounts, encodeKnowledge, type Knowledge, readKnowledgeFile } from "../datasets/knowledge/knowledge.ts";
import { addMirrors, addPlurals } from "../datasets/knowledge/names.ts";
import { addParts, minePartCounts } from "../datasets/knowledge/parts.ts";
import { MIN_COUNT, readVocabulary } from "../datasets/knowledge/vocabulary.ts";
import { addSimilar, type ClassVectors, readClassVectors } from "../datasets/knowledge/word_vectors.ts";
import { addWordNet } from "../datasets/knowledge/wordnet.ts";
import { DATASET_ROWS, type DatasetName, DATASETS } from "../datasets/registry.ts";
import type { RegionDataset } from "../datasets/types.ts";
import { writeFileAtomic } from "../engine/base/atomic.ts";
import { openShown } from "./data/open.ts";
import { toNumber } from "./terminal/flags.ts";
import { line, notice, Progress, table } from "./terminal/output.ts";

/** Adds the command. */
export function addGraph(program: Command): void {
  const graph = program.command("graph").description("build a knowledge graph of the classes, or show one")
    .copyInheritedSettings(program);
  graph.command("build")
    .description("write a graph from class names and whatever else is given; `itera train --graph FILE` reads it")
    .copyInheritedSettings(program)
    .requiredOption("--out <file>", "the graph, JSON lines")
    .addOption(new Option("--dataset <set>", "take the classes of this data set").choices(DATASETS))
    .option("--data <folder>", "where the data set is")
    .option("--lists <folder>", "where ADE20K's lists are, if not there too")
    .option("--vocabulary <file>", "take the classes from a text file, one a line")
    .option("--counts <file>", "instance counts aligned with it: the first line and rare classes are left out")
    .option(
      "--min-count <n>",
      "fewest instances of a class, and fewest images of a pair seen together",
      toNumber,
      MIN_COUNT,
    )
    .option("--parts <folder>", "count which part belongs to what in ADE20K annotations under this folder")
    .option("--wordnet <folder>", "kinds and parts from WordNet's dict folder (index.noun, data.noun)")
    .option("--vectors <file>", "word vectors in fastText's text format (.vec)")
    .option("--similar <cosine>", "join classes whose vectors are at least so near; needs --vectors", toNumber)
    .option("--cooccurrence", "join classes seen together in the training images of the data set")
    .option("--own", "the graph the data set itself comes with, as the context scenes do, nothing else")
    .action(async (flags) => {
      if ((flags.dataset === undefined) === (flags.vocabulary === undefined)) {
        throw new UserError("graph build: give the classes by --dataset or by --vocabulary");
      }
      if (flags.similar !== undefined && flags.vectors === undefined) {
        throw new UserError("--similar needs --vectors FILE");
      }
      if (flags.cooccurrence && !flags.dataset) throw new UserError("--cooccurrence needs --dataset");
      const dataset = flags.dataset && await openShown(flags.dataset, "train", flags);
      const classes = dataset ? dataset.classes : await readVocabulary(flags.vocabulary!, flags.counts, flags.minCount);
      const knowledge = flags.own ? ownKnowledge(flags.dataset) : await build(classes, dataset || null, flags);
      await writeFileAtomic(flags.out, new TextEncoder().encode(encodeKnowledge(knowledge, classes)));
      show(knowledge, classes.length - 1);
      line(`written to ${flags.out}; train with it: itera train --graph ${flags.out}`);
    });
  graph.command("show")
    .description("list edge types and counts")
    .copyInheritedSettings(program)
    .argument("<file>", "a graph")
    .action(async (path) => {
      const file = await readKnowledgeFile(path);
      show(file, file.classes.length - 1);
    });
}

/** Knowledge that a set comes with. */
function ownKnowledge(set: DatasetName | undefined): Knowledge {
  const knowledge = set && DATASET_ROWS[set].knowledge?.();
  if (knowledge) return knowledge;
  const able = DATASETS.filter((name) => DATASET_ROWS[name].knowledge);
  throw new UserError(`--own needs --dataset ${able.join(" or ")}`);
}

/** One graph from all the sources given. */
async function build(
  classes: readonly string[],
  dataset: RegionDataset | null,
  { parts, wordnet, vectors, similar, cooccurrence, minCount }: {
    readonly parts?: string | undefined;
    readonly wordnet?: string | undefined;
    readonly vectors?: string | undefined;
    readonly similar?: number | undefined;
    readonly cooccurrence?: true | undefined;
    readonly minCount: number;
  },
): Promise<Knowledge> {
  const builder = new KnowledgeBuilder(classes);
  notice(`${addMirrors(builder)} left and right pairs`);
  const plurals = Object.entries(addPlurals(builder)).map(([rule, count]) => `${count} by -${rule}`);
  notice(`plurals: ${plurals.join(", ")}`);
  if (parts !== undefined) {
    using progress = new Progress("counting parts", "images");
    addParts(builder, await minePartCounts(parts, (done, of) => progress.update(done, of)));
  }
  if (wordnet !== undefined) {
    notice(`WordNet knows ${await addWordNet(builder, wordnet)} of ${classes.length - 1} classes`);
  }
  if (cooccurrence && dataset) addCooccurrence(builder, dataset, { minCount });
  let own: ClassVectors | undefined;
  if (vectors !== undefined) {
    own = await readClassVectors(vectors, classes);
    const { unknown } = own;
    const some = unknown.slice(0, 5).join(", ");
    notice(
      `word vectors: ${classes.length - 1 - unknown.length} classes found${
        some ? `; random for ${unknown.length}, such as ${some}` : ""
      }`,
    );
    if (similar !== undefined) addSimilar(builder, own, similar);
  }
  return builder.build(own?.vectors, own?.dim);
}

function show(knowledge: Knowledge, classes: number): void {
  const rows = edgeCounts(knowledge).map(({ type, edges }) => [type, edges]);
  table({ columns: ["edge type", "edges"], rows, counts: ["edges"] });
  line(
    `${classes} classes, ${knowledge.edges.length} edges, ${
      knowledge.dim > 0 ? `vectors of ${knowledge.dim}` : "no vectors"
    }`,
  );
}
