/** `itera refplus test` and `false-premise`: evaluation of trained models. */
import { type Command, Option } from "@commander-js/extra-typings";
import { UserError } from "../../engine/base/user_error.ts";
import { type Evaluated, evaluateSamples } from "../../model/refplus/evaluation/evaluation.ts";
import { assertSameSpec } from "../../model/refplus/data_spec.ts";
import { programTokens } from "../../model/refplus/build.ts";
import {
  QUANTILES,
  resultOf,
  scoreByCategory,
  scoreMasks,
  scoreNothing,
} from "../../model/refplus/evaluation/scoring.ts";
import { Samples } from "../../model/refplus/training/samples.ts";
import { type MaskResult, maskResults, maskResultsText } from "../../model/refplus/evaluation/mask_results.ts";
import { writeFileAtomic, writeJsonAtomic } from "../../engine/base/atomic.ts";
import { line, table } from "../terminal/output.ts";
import { toPositive, toSize, toWhole } from "../terminal/flags.ts";
import { Phases, SWITCH } from "./common.ts";
import { type ModelFlags, openModels } from "./models.ts";

/** Flags of both commands. */
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
    .option("--result_output_path <file>", "file of intersections, unions and all metrics", "result.json")
    .option("--mask_output_path <file>", "file of the masks that were found, as COCO's results have them")
    .addOption(
      new Option("--mask_rle <form>", "run lengths of these masks: packed into text, or plain numbers").choices(
        ["compressed", "uncompressed"] as const,
      ).default("compressed" as const),
    )
    .action(async (flags) => {
      const masks: MaskResult[] = [], wanted = flags.mask_output_path;
      const { evaluated, samples } = await evaluate(
        flags,
        undefined,
        wanted === undefined ? undefined : (...found) => {
          masks.push(...maskResults(...found, flags.mask_rle === "compressed"));
        },
      );
      using _samples = samples;
      const { overlaps, exact, illFormed, overLong } = evaluated;
      const rows = [...scoreByCategory(overlaps!, samples.categories), ["all", scoreMasks(overlaps!)] as const];
      table({
        columns: ["expressions", "n", "cumulative IoU", "mean IoU", "IoU ≥ 0.5", "≥ 0.7", "≥ 0.9"],
        rows: rows.map(([name, { samples: n, cumulativeIou, meanIou, precision }]) => [
          name,
          n,
          cumulativeIou ?? null,
          meanIou ?? null,
          precision["0.5"],
          precision["0.7"],
          precision["0.9"],
        ]),
        counts: ["n"],
      });
      const { empty } = scoreMasks(overlaps!);
      if (empty > 0) {
        line(`${empty} expressions refer to nothing, and nothing was found; they are left out of the metrics`);
      }
      if (exact) {
        const right = exact.filter(Boolean).length;
        line(`programs: ${right} of ${exact.length} exact, ${illFormed} ill-formed, of which ${overLong} had no end`);
      }
      await writeJsonAtomic(flags.result_output_path, resultOf(evaluated, samples.categories));
      line(flags.result_output_path);
      if (wanted === undefined) return;
      await writeFileAtomic(wanted, maskResultsText(masks));
      line(wanted);
    });
  common(refplus.command("false-premise"), program)
    .description("evaluate on expressions that refer to nothing: how often nothing is found")
    .option("--result_output_path <file>", "file of foreground pixels and all metrics")
    .action(async (flags) => {
      const { evaluated, samples } = await evaluate(flags, refersToNothing);
      using _samples = samples;
      const [height, width] = samples.maskSize, pixels = height * width;
      const scores = scoreNothing(evaluated.overlaps!, samples.categories, pixels);
      const quantiles = QUANTILES.map((share) => `${100 * share} % have ≤`);
      table({
        columns: ["expressions", "n", "nothing found", "foreground", ...quantiles],
        rows: scores.map(({ name, samples: n, nothing, foreground, pixels }) => [
          name,
          n,
          nothing,
          foreground,
          ...QUANTILES.map((share) => pixels[share]),
        ]),
        counts: ["n", ...quantiles],
      });
      line(`foreground: share of a mask's ${pixels} pixels; the last columns are pixels`);
      const path = flags.result_output_path;
      if (path === undefined) return;
      const found = Array.from({ length: samples.size }, (_, n) => evaluated.overlaps![2 * n + 1]);
      await writeJsonAtomic(path, { mask_pixels: pixels, foreground_pixels: found, scores });
      line(path);
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
    .option("--num_samples <n>", "only the first n expressions", toSize)
    .option("--batch_size <n>", "expressions at once", toSize, 24)
    .addOption(
      new Option("--sample_argmax <0|1>", "take the likeliest tokens, or draw them").choices(SWITCH).default(
        "1" as const,
      ),
    )
    .option("--temperature <t>", "of drawn tokens", toPositive, 1)
    .option("--seed <n>", "of drawn tokens", toWhole, 1)
    .addOption(
      new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const).default("auto" as const),
    );
}

/** Throws {@link UserError} where an expression refers to something. */
function refersToNothing(path: string, samples: Samples): void {
  const meant = Array.from({ length: samples.size }, (_, i) => i).find((i) => samples.masks([i]).includes(1));
  if (meant !== undefined) throw new UserError(`${path}: expression ${meant} refers to something; give false premises`);
}

/** Evaluates samples after `check`; they are the caller's to close. */
async function evaluate(
  flags: Flags,
  check: (path: string, samples: Samples) => void = () => {},
  onMasks?: (samples: Samples, indices: readonly number[], masks: Float32Array) => void,
): Promise<{ evaluated: Evaluated; samples: Samples }> {
  const truth = flags.use_gt_programs === "1";
  if (!truth && flags.program_generator === undefined) {
    throw new UserError("give --program_generator, or --use_gt_programs 1 to run the annotated programs");
  }
  await using models = await openModels(flags);
  const { vocabulary, checkpoint: { spec, path } } = models;
  const { input_refexp_h5, input_features_h5, num_samples, batch_size, temperature, seed } = flags;
  const samples = await Samples.open(input_refexp_h5, input_features_h5, vocabulary, num_samples ?? null);
  try {
    check(input_refexp_h5, samples);
    assertSameSpec({ features: samples.shape!, extractor: samples.extractor, masks: samples.maskSize }, { spec, path });
    using phases = new Phases();
    const evaluated = await evaluateSamples(models, samples, {
      programs: truth ? "truth" : "predicted",
      batch: batch_size,
      tokens: programTokens(vocabulary),
      ...flags.sample_argmax === "0" ? { draw: { seed, temperature } } : {},
      ...onMasks ? { onMasks: (indices, masks) => onMasks(samples, indices, masks) } : {},
      onProgress: (done, of) => phases.update("evaluating", "expressions", done, of),
    });
    return { evaluated, samples };
  } catch (error) {
    samples[Symbol.dispose]();
    throw error;
  }
}
