/** `itera refplus import`: imports the reference's checkpoints. */
import { type Command } from "@commander-js/extra-typings";
import { UserError } from "../../engine/base/user_error.ts";
import { readVocabulary } from "../../datasets/refplus/encoding/vocabulary_file.ts";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import { importReference } from "../../model/refplus/reference/import_reference.ts";
import { readWeights } from "../../model/weights/read_weights.ts";
import { WeightsError } from "../../model/weights/stored.ts";
import { toSize } from "../terminal/flags.ts";
import { line } from "../terminal/output.ts";

/** Adds the command. */
export function addRefplusImport(refplus: Command, program: Command): void {
  refplus.command("import")
    .description("read a checkpoint of the reference (PyTorch), for every flag that takes a run or a checkpoint")
    .copyInheritedSettings(program)
    .argument("<file>", "its .pt file, or the same tensors as safetensors")
    .requiredOption("--vocab_json <file>", "the vocabulary it was trained with")
    .requiredOption("--out <file>", "where the checkpoint goes, .safetensors")
    .option("--grid <cells>", "rows and columns of the features its engine was trained on", toSize, 20)
    .option("--masks <pixels>", "height and width of its masks", toSize, 320)
    .option(
      "--extractor <name>",
      "name of the extractor of those features, as in the attribute `extractor` of a file of features",
      "resnet101 stage 3 320x320",
    )
    .action(async (file, { vocab_json, out, grid, masks, extractor }) => {
      const vocabulary = await readVocabulary(vocab_json), stored = await readWeights(file);
      const options = { vocabulary, extractor, grid: [grid, grid], masks: [masks, masks] } as const;
      const { bytes, config, generator, engine } = await importReference(stored, options).catch((error: unknown) => {
        if (error instanceof WeightsError) throw new UserError(`${file}: ${error.message}`);
        throw error;
      });
      await writeFileAtomic(out, bytes);
      const { wordDim, hidden, layers } = config.generator, { dim, stemLayers } = config.engine;
      if (generator) line(`program generator: ${layers} layers of ${hidden} units, vectors of ${wordDim}`);
      if (engine) line(`execution engine: ${dim} channels, a stem of ${stemLayers} convolutions`);
      line(out);
    });
}
