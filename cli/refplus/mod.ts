/** `itera refplus`: referring expressions in CLEVR-Ref+'s format. */
import { type Command, Option } from "@commander-js/extra-typings";
import { availableParallelism } from "node:os";
import { generateRefPlus } from "../../datasets/refplus/language/generate.ts";
import { preprocessRefexps } from "../../datasets/refplus/encoding/preprocess.ts";
import { PATIENCE } from "../../datasets/refplus/language/search.ts";
import { line } from "../terminal/output.ts";
import { toNumber, toSize, toSizeOrAll } from "../terminal/flags.ts";
import { Phases, SWITCH } from "./common.ts";
import { addRefplusDemo } from "./demo.ts";
import { addRefplusEvaluate } from "./evaluate.ts";
import { addFeatures } from "./features.ts";
import { addRefplusExtractor } from "./extractor.ts";
import { addRefplusImport } from "./import.ts";
import { addRefplusRun } from "./run.ts";
import { addRefplusTrain } from "./train.ts";

/** Adds the command group. */
export function addRefPlus(program: Command): void {
  const refplus = program.command("refplus").description("make and prepare referring expressions (CLEVR-Ref+)")
    .copyInheritedSettings(program);
  refplus.command("generate")
    .description(
      "draw scenes and write expressions about them; goes on where it stopped, and appends with more --images",
    )
    .copyInheritedSettings(program)
    .requiredOption("--out <folder>", "where the set is or is to be")
    .addOption(
      new Option("--split <name>", "which part of it").choices(["train", "val", "test"] as const).makeOptionMandatory(),
    )
    .requiredOption("--images <n>", "pictures of the split in the end", toNumber)
    .option("--refexps-per-image <k>", "expressions about each picture", toNumber, 10)
    .option("--seed <s>", "seed of the set", toNumber, 1)
    .option("--reset-counts-every <n>", "pictures after which templates are balanced anew", toNumber, 250)
    .option("--max-objects <n>", "most objects of a picture", toNumber, 10)
    .option("--zoom <factor>", "camera zoom, on ground as many times smaller", toNumber, 1)
    .option("--no-balance-counts", "many more expressions may refer to one object than to several")
    .option("--patience <n>", "tries before a template is given up on a picture", toNumber, PATIENCE)
    .option("--false-premise", "also write expressions that refer to nothing")
    .action(async ({ out, falsePremise = false, ...options }) => {
      using phases = new Phases();
      const made = await generateRefPlus(out, { ...options, falsePremise }, {
        threads: availableParallelism(),
        onProgress: (phase, done, of) => phases.update(phase, "pictures", done, of),
      });
      phases[Symbol.dispose]();
      const nothing = made.falsePremise === null ? "" : `, ${made.falsePremise} that refer to nothing`;
      line(`${out}: ${options.split} has ${made.images} pictures and ${made.refexps} expressions${nothing}`);
    });
  refplus.command("preprocess")
    .description("encode expressions, programs and masks for training; goes on where it stopped, and appends")
    .copyInheritedSettings(program)
    .requiredOption("--input_refexps_json <file>", "expressions, of CLEVR-Ref+ or generated")
    .option("--input_scenes_json <file>", "their scenes; expressions without programs need none")
    .requiredOption("--output_h5_file <file>", "what to write")
    .option("--input_vocab_json <file>", "use this vocabulary instead of building one")
    .option("--output_vocab_json <file>", "where to write the vocabulary")
    .addOption(
      new Option("--mode <order>", "order of a program's nodes").choices(["prefix", "postfix", "chain"] as const)
        .default("prefix" as const),
    )
    .option("--num_examples <n>", "expressions to encode, -1 for all", toSizeOrAll, -1)
    .option("--height <pixels>", "height of the masks", toSize, 320)
    .option("--width <pixels>", "width of the masks", toSize, 320)
    .addOption(
      new Option("--expand_vocab <0|1>", "add new words to the vocabulary read").choices(SWITCH).default("0" as const),
    )
    .addOption(
      new Option("--full_vocab <0|1>", "build a vocabulary of all words and program tokens of the format, seen or not")
        .choices(SWITCH).default("0" as const),
    )
    .option("--unk_threshold <n>", "leave words out of the vocabulary that are rarer", toSize, 1)
    .addOption(
      new Option("--encode_unk <0|1>", "encode words outside the vocabulary as <UNK>").choices(SWITCH).default(
        "0" as const,
      ),
    )
    .action(async (flags) => {
      using phases = new Phases();
      const made = await preprocessRefexps({
        mode: flags.mode,
        refexps: flags.input_refexps_json,
        scenes: flags.input_scenes_json,
        output: flags.output_h5_file,
        inputVocabulary: flags.input_vocab_json,
        outputVocabulary: flags.output_vocab_json,
        examples: flags.num_examples,
        height: flags.height,
        width: flags.width,
        expand: flags.expand_vocab === "1",
        complete: flags.full_vocab === "1",
        threshold: flags.unk_threshold,
        encodeUnknown: flags.encode_unk === "1",
        onProgress: (phase, done, of) => phases.update(phase, "expressions", done, of),
      });
      phases[Symbol.dispose]();
      const { rows, added, words, programTokens } = made;
      line(
        `${flags.output_h5_file}: ${rows} rows, ${added} of them new; ${words} words, ${programTokens} program tokens`,
      );
    });
  addRefplusExtractor(refplus, program);
  addFeatures(refplus, program);
  addRefplusTrain(refplus, program);
  addRefplusEvaluate(refplus, program);
  addRefplusRun(refplus, program);
  addRefplusImport(refplus, program);
  addRefplusDemo(refplus, program);
}
