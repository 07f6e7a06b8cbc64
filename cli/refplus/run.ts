/** `itera refplus run` and `inspect`: one expression on one picture, and every node of programs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { basename, join } from "node:path";
import { maskPng, overlayMask, picturePng } from "../../datasets/refplus/files/overlay.ts";
import { readPicture } from "../../datasets/images/read_picture.ts";
import { extractorNamed } from "../../model/refplus/extractor/extractors.ts";
import { inspectExpressions } from "../../model/refplus/evaluation/inspect.ts";
import { runOne } from "../../model/refplus/evaluation/run_one.ts";
import { type NodeMask, scoreNodes } from "../../model/refplus/evaluation/node_masks.ts";
import { writeFileAtomic, writeJsonAtomic } from "../../engine/base/atomic.ts";
import { makeFolder } from "../../model/run/run_folder.ts";
import { line, table } from "../terminal/output.ts";
import { toSize } from "../terminal/flags.ts";
import { Phases } from "./common.ts";
import { openModels } from "./models.ts";

const adapter = () =>
  new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const).default("auto" as const);

/** Adds the commands. */
export function addRefplusRun(refplus: Command, program: Command): void {
  refplus.command("run")
    .description("find what an expression refers to on a picture: prints the program, writes the mask")
    .copyInheritedSettings(program)
    .requiredOption("--program_generator <run>", "run or checkpoint that holds a program generator")
    .requiredOption("--execution_engine <run>", "run or checkpoint that holds an execution engine")
    .requiredOption("--image <file>", "the picture")
    .requiredOption("--refexp <text>", "the expression")
    .option(
      "--weights <file>",
      "weights of the extractor whose features the engine was trained on: a run of itera refplus extractor, a run's checkpoint, or a ResNet's",
    )
    .option("--out <folder>", "where the results go", ".")
    .addOption(adapter())
    .action(async (flags) => {
      const picture = await readPicture(flags.image);
      await using models = await openModels(flags);
      const { generator, engine, vocabulary, checkpoint: { spec } } = models;
      await using extractor = await extractorNamed(spec!.extractor, flags);
      const facts = { vocabulary, spec: spec! };
      const answer = await runOne({ generator: generator!, engine }, extractor, facts, picture, flags.refexp);
      const stem = join(flags.out, basename(flags.image).replace(/\.[^.]+$/, ""));
      await writeFileAtomic(`${stem}.mask.png`, await maskPng(answer.mask, picture.width, picture.height));
      await writeFileAtomic(`${stem}.overlay.png`, await picturePng(overlayMask(picture, answer.mask)));
      line(answer.program.join("; "));
      const found = answer.mask.data as Float32Array, pixels = found.reduce((sum, set) => sum + set, 0);
      line(`foreground: ${(100 * pixels / found.length).toFixed(2)} % of the picture`);
      for (const kind of ["mask", "overlay"]) line(`${stem}.${kind}.png`);
    });
  refplus.command("inspect")
    .description("the mask of every node of annotated programs, compared with the node's true output")
    .copyInheritedSettings(program)
    .requiredOption("--execution_engine <run>", "run or checkpoint that holds an execution engine")
    .requiredOption("--input_refexps_json <file>", "expressions with their programs")
    .requiredOption("--input_scenes_json <file>", "their scenes")
    .requiredOption("--input_features_h5 <file>", "their pictures' features")
    .option("--input_image_dir <folder>", "their pictures, to draw on")
    .option("--num_samples <n>", "only the first n expressions", toSize, 20)
    .option("--out <folder>", "where the results go", "inspect")
    .addOption(adapter())
    .action(async (flags) => {
      const nodes: NodeMask[] = [];
      await using models = await openModels(flags);
      const files = {
        refexps: flags.input_refexps_json,
        scenes: flags.input_scenes_json,
        features: flags.input_features_h5,
        pictures: flags.input_image_dir ?? null,
      };
      makeFolder(flags.out);
      using phases = new Phases();
      let done = 0;
      for await (const one of inspectExpressions(models.engine, models.checkpoint, files)) {
        nodes.push(...one.nodes);
        if (one.chain) {
          await writeFileAtomic(join(flags.out, `${String(done).padStart(5, "0")}.png`), await one.chain());
        }
        phases.update("inspecting", "expressions", ++done, flags.num_samples);
        if (done === flags.num_samples) break;
      }
      phases[Symbol.dispose]();
      const [byFunction, byDepth] = [scoreNodes(nodes, "type"), scoreNodes(nodes, "depth")];
      for (const [what, rows] of [["function", byFunction], ["depth", byDepth]] as const) {
        table({
          columns: [what, "nodes", "cumulative IoU"],
          rows: rows.map(({ name, nodes, iou }) => [name, nodes, iou ?? null]),
          counts: ["nodes"],
        });
      }
      await writeJsonAtomic(join(flags.out, "nodes.json"), {
        by_function: byFunction,
        by_depth: byDepth,
        nodes: nodes.map(({ mask: _, ...node }) => node),
      });
      line(join(flags.out, "nodes.json"));
    });
}
