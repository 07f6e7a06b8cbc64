/** `itera refplus test` and `false-premise`: how good trained models are. */
import { type Command, Option } from "@commander-js/extra-typings";
import { UserError } from "../datasets/errors.ts";
import { type Evaluated, evaluateSamples } from "../model/refplus/evaluation.ts";
import { programTokens, sameFrame } from "../model/refplus/models.ts";
import { resultOf, scoreByCategory, scoreMasks, scoreNothing } from "../model/refplus/scoring.ts";
import { Samples } from "../model/refplus/samples.ts";
import { writeJsonAtomic } from "../datasets/atomic.ts";
import { line, table } from "./output.ts";
import { toNumber, toSize } from "./flags.ts";
import { Stages, SWITCH } from "./refplus_common.ts";
import { type ModelFlags, openModels } from "./refplus_models.ts";

/** What both commands are given. */
interface Flags extends ModelFlags {
  readonly input_refexp_h5: string;
  readonly input_features_h5: string;
  readonly batch_size: number;
  readonly num_samples?: number | undefined;
  readonly use_gt_programs: "0" | "1";
  readonly sample_argmax: "0" | "1";
  readonly temperature: number;
  readonly seed: number;
}

/** Adds the commands. */
export function addRefplusEvaluate(refplus: Command, program: Command): void {
  common(refplus.command("test"), program)
    .description("evaluate on held-out expressions: masks by category, programs token by token")
    .option("--result_output_path <file>", "where intersections, unions and all measures go", "result.json")
    .action(async (flags) => {
      const { evaluated, samples } = await evaluate(flags);
      using _samples = samples;
      const { overlaps, exact, illFormed } = evaluated;
      const rows = [...scoreByCategory(overlaps!, samples.categories), ["all", scoreMasks(overlaps!)] as const];
      table(
        ["expressions", "n", "cumulative IoU", "mean IoU", "IoU ≥ 0.5", "≥ 0.7", "≥ 0.9"],
        rows.map(([name, { samples: n, cumulativeIou, meanIou, precision }]) => [
          name,
          String(n),
          cumulativeIou ?? "–",
          meanIou ?? "–",
          precision["0.5"],
          precision["0.7"],
          precision["0.9"],
        ]),
      );
      const { empty } = scoreMasks(overlaps!);
      if (empty > 0) line(`${empty} expressions refer to nothing, and nothing was found; they are not in the measures`);
      if (exact) {
        const right = exact.filter(Boolean).length;
        line(`programs: ${right} of ${exact.length} exact, ${illFormed} ill-formed`);
      }
      await writeJsonAtomic(flags.result_output_path, resultOf(evaluated, samples.categories));
      line(flags.result_output_path);
    });
  common(refplus.command("false-premise"), program)
    .description("how often nothing is found where nothing is referred to")
    .action(async (flags) => {
      const { evaluated, samples } = await evaluate(flags);
      using _samples = samples;
      const [height, width] = samples.maskSize;
      const meant = Array.from({ length: samples.size }, (_, i) => i).find((i) => samples.masks([i]).includes(1));
      if (meant !== undefined) {
        throw new UserError(`${flags.input_refexp_h5}: expression ${meant} refers to something; give false premises`);
      }
      const scores = scoreNothing(evaluated.overlaps!, samples.categories, height * width);
      table(
        ["expressions", "n", "nothing found", "foreground"],
        scores.map(({ name, samples: n, nothing, foreground }) => [name, String(n), nothing, foreground]),
      );
    });
}

function common(command: Command, program: Command) {
  return command
    .copyInheritedSettings(program)
    .requiredOption("--execution_engine <run>", "run or checkpoint that holds an execution engine")
    .option("--program_generator <run>", "run or checkpoint that holds a program generator")
    .requiredOption("--input_refexp_h5 <file>", "expressions, as itera refplus preprocess writes them")
    .requiredOption("--input_features_h5 <file>", "their pictures' features")
    .addOption(
      new Option("--use_gt_programs <0|1>", "run the annotated programs").choices(SWITCH).default("0" as const),
    )
    .option("--num_samples <n>", "only the first so many", toSize)
    .option("--batch_size <n>", "expressions at once", toSize, 24)
    .addOption(
      new Option("--sample_argmax <0|1>", "take the likeliest tokens, or draw them").choices(SWITCH).default(
        "1" as const,
      ),
    )
    .option("--temperature <t>", "of drawn tokens", toNumber, 1)
    .option("--seed <n>", "of drawn tokens", toNumber, 1)
    .addOption(
      new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const).default("auto" as const),
    );
}

/** Evaluates; the samples are the caller's to close. */
async function evaluate(flags: Flags): Promise<{ evaluated: Evaluated; samples: Samples }> {
  const truth = flags.use_gt_programs === "1";
  if (!truth && flags.program_generator === undefined) {
    throw new UserError("give --program_generator, or --use_gt_programs 1 to run the annotated programs");
  }
  await using models = await openModels(flags);
  const { checkpoint: { vocabulary, frame, path } } = models;
  const { input_refexp_h5, input_features_h5, num_samples, batch_size, temperature, seed } = flags;
  const samples = await Samples.open(input_refexp_h5, input_features_h5, vocabulary, num_samples ?? null);
  try {
    sameFrame({ features: samples.shape!, extractor: samples.extractor, masks: samples.maskSize }, { frame, path });
    using stages = new Stages();
    const evaluated = await evaluateSamples(models, samples, {
      programs: truth ? "truth" : "predicted",
      batch: batch_size,
      tokens: programTokens(vocabulary),
      ...flags.sample_argmax === "0" ? { draw: { seed, temperature } } : {},
      onProgress: (done, of) => stages.update("evaluating", "expressions", done, of),
    });
    return { evaluated, samples };
  } catch (error) {
    samples[Symbol.dispose]();
    throw error;
  }
}
