/** `itera refplus features`: extracts features of pictures, for training. */
import { type Command, Option } from "@commander-js/extra-typings";
import { UserError } from "../../engine/base/user_error.ts";
import { extractFeatures } from "../../model/refplus/extractor/extract_features.ts";
import {
  cellExtractor,
  type Extractor,
  pixelExtractor,
  resnetExtractor,
  runExtractor,
} from "../../model/refplus/extractor/extractors.ts";
import { RESNETS } from "../../model/refplus/extractor/extractor_name.ts";
import { line } from "../terminal/output.ts";
import { toSize } from "../terminal/flags.ts";
import { Phases } from "./common.ts";

/** Sides of pictures and cells of each extractor where none are given. */
const DEFAULTS = {
  pixels: { height: 160, width: 160, batch: 32 },
  // The size that pictures have in the training of such a network.
  run: { height: 128, width: 192, batch: 16 },
  resnet: { height: 320, width: 320, batch: 4 },
} as const;

/** Adds the command. */
export function addFeatures(refplus: Command, program: Command): void {
  refplus.command("features")
    .description("extract features of pictures for training; goes on where it stopped, and appends")
    .copyInheritedSettings(program)
    .requiredOption("--input_image_dir <folder>", "pictures of a split, numbered from 0")
    .requiredOption("--output_h5_file <file>", "what to write")
    .option("--max_images <n>", "only the first n pictures", toSize)
    .option("--image_height <pixels>", "height pictures are squeezed to; 320, 160 for pixels, 128 for run", toSize)
    .option("--image_width <pixels>", "width pictures are squeezed to; 320, 160 for pixels, 192 for run", toSize)
    .addOption(
      new Option(
        "--model <name>",
        "a ResNet's third stage; cells, run: a network trained here; pixels: the picture itself, cell by cell",
      )
        .choices(["pixels", "cells", "run", ...RESNETS] as const).default("resnet101" as const),
    )
    .addOption(new Option("--model_stage <n>", "stage of the ResNet").choices(["3"] as const).default("3" as const))
    .option(
      "--weights <file>",
      "the ResNet's weights, as itera weights import writes them, or the run's folder or checkpoint",
    )
    .option("--cell <pixels>", "side of a cell of the pixels", toSize, 8)
    .option("--batch_size <n>", "pictures at once", toSize)
    .addOption(
      new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const).default("auto" as const),
    )
    .action(async (flags) => {
      const { model, weights, cell, adapter } = flags;
      const { batch, ...size } =
        DEFAULTS[model === "pixels" || model === "run" ? model : model === "cells" ? "run" : "resnet"];
      const own = { height: flags.image_height ?? size.height, width: flags.image_width ?? size.width };
      await using extractor: Extractor = model === "pixels"
        ? pixelExtractor(own, cell)
        : model === "cells"
        ? await cellExtractor(given(weights, model), { adapter })
        : model === "run"
        ? await runExtractor({ ...own, weights: given(weights, model), adapter })
        : await resnetExtractor({ ...own, model, weights: given(weights, model), adapter });
      using phases = new Phases();
      const { rows, added } = await extractFeatures(extractor, {
        pictures: flags.input_image_dir,
        output: flags.output_h5_file,
        limit: flags.max_images ?? null,
        batch: flags.batch_size ?? batch,
        onProgress: (done, of) => phases.update("features", "pictures", done, of),
      });
      phases[Symbol.dispose]();
      const { shape } = extractor.settings;
      line(`${flags.output_h5_file}: ${rows} rows of ${shape.join(" × ")}, ${added} of them new`);
    });
}

function given(weights: string | undefined, model: string): string {
  if (weights !== undefined) return weights;
  throw new UserError(
    model === "run"
      ? "--model run needs --weights, the checkpoint of a run of itera train, such as one with --dataset refplus"
      : model === "cells"
      ? "--model cells needs --weights, a run of itera refplus extractor"
      : `--model ${model} needs --weights, which itera weights import makes from torchvision's; --model pixels needs none`,
  );
}
