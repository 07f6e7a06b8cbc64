/** `itera predict`: names the regions of a picture. */
import type { Command } from "@commander-js/extra-typings";
import { basename, dirname, join } from "node:path";
import { z } from "../engine/base/packages/zod.ts";
import { adeRegions, readAdeAnnotation } from "../datasets/ade/annotation.ts";
import { cocoBoxes } from "../datasets/coco/boxes.ts";
import { UserError } from "../engine/base/user_error.ts";
import { BOX_COLOURS, labelPicture } from "../datasets/images/label_picture.ts";
import type { RgbImage } from "../datasets/images/preprocess.ts";
import { sizeComplaint } from "../datasets/images/picture_size.ts";
import { readPicture } from "../datasets/images/read_picture.ts";
import { predictions } from "../model/regions/evaluation/metrics.ts";
import { predictRegions, preparedRegions, type RegionScores } from "../model/regions/evaluation/predict.ts";
import { writeFileAtomic, writeJsonAtomic } from "../engine/base/atomic.ts";
import { openDevice } from "../model/run/run_config.ts";
import { readJsonFile } from "../model/run/layers.ts";
import { sayNewRules } from "../model/run/version.ts";
import { modelOf, readCheckpoint } from "../model/regions/checkpoint.ts";
import { toSize } from "./terminal/flags.ts";
import { fact, notice, table } from "./terminal/output.ts";

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const boxesSchema = z.union([z.array(box), z.object({ boxes: z.array(box) }).transform(({ boxes }) => boxes)]);

/** A region to be named, and what an annotation says it is. */
interface Region {
  readonly box: readonly [number, number, number, number];
  readonly truth?: string;
}

/** Adds the command. */
export function addPredict(program: Command): void {
  program.command("predict")
    .description("name the regions of a picture: writes the labelled picture and the scores of every class")
    .requiredOption(
      "--checkpoint <file>",
      "a checkpoint, or a run's folder for its best one, or its newest if it keeps no best",
    )
    .option("--newest", "take the newest checkpoint where the run keeps a best one")
    .requiredOption("--image <file>", "the picture")
    .option("--boxes <file>", "JSON: a list of [x1, y1, x2, y2] in pixels of the picture, or { boxes: that list }")
    .option(
      "--annotations <file>",
      "COCO instances to take the picture's boxes from; else ADE20K files beside the picture",
    )
    .option("--out <folder>", "where the results go", ".")
    .option("--top <n>", "classes listed for a region", toSize, 5)
    .action(async ({ checkpoint: file, newest = false, image, boxes, annotations, out, top }) => {
      const onBroken = (path: string, reason: string): void => notice(`passed over ${path}: ${reason}`);
      const checkpoint = await readCheckpoint(file, onBroken, { newest });
      const { config, classes } = checkpoint;
      const picture = await readPicture(image, config.pictures);
      const regions = check(await regionsOf(image, picture, boxes, annotations), picture, boxes ?? image);
      sayNewRules(notice, checkpoint.path, config);
      sayUnknown(regions, classes, checkpoint.path);
      await using device = await openDevice(config);
      using model = modelOf(device, checkpoint);
      const flat = Float32Array.from(regions.flatMap((region) => [...region.box]));
      const scores = await predictRegions(model, preparedRegions(picture, flat, config));
      const named = scores.map((all) => {
        const { probabilities } = all.at(-1)!;
        const [best] = predictions(probabilities, 1, classes.length);
        return { name: classes[best], score: probabilities[best] };
      });
      const stem = join(out, basename(image).replace(/\.[^.]+$/, ""));
      const labelled = regions.map((region, r) => ({
        box: region.box,
        label: `${named[r].name} ${named[r].score.toFixed(2)}`,
        colour: BOX_COLOURS[r % BOX_COLOURS.length],
      }));
      await writeFileAtomic(`${stem}.labelled.png`, await labelPicture(picture, labelled));
      await writeJsonAtomic(`${stem}.scores.json`, {
        image,
        checkpoint: checkpoint.path,
        regions: regions.map((region, r) => ({ ...region, ...named[r], predictions: ranked(scores[r], classes, top) })),
      });
      table({
        columns: ["region", "box", "named", "score", "truth"],
        rows: regions.map(({ box, truth }, r) => [
          r + 1,
          box.map((v) => Math.round(v)).join(", "),
          named[r].name,
          named[r].score,
          truth ?? null,
        ]),
        counts: ["region"],
      });
      fact("picture", `${stem}.labelled.png`);
      fact("scores", `${stem}.scores.json`);
    });
}

/** Says which of the annotation's names the model cannot give. */
function sayUnknown(regions: readonly Region[], classes: readonly string[], whose: string): void {
  const known = new Set(classes), unknown = new Set(regions.flatMap(({ truth }) => truth === undefined ? [] : [truth]));
  const names = [...unknown].filter((name) => !known.has(name));
  if (names.length > 0) notice(`annotated as what is no class of ${whose}: ${names.slice(0, 5).join(", ")}`);
}

/** The `top` most probable classes of every prediction. */
function ranked(scores: readonly RegionScores[], classes: readonly string[], top: number) {
  return Object.fromEntries(scores.map(({ name, probabilities }) => {
    const order = [...probabilities.keys()].slice(1).sort((a, b) => probabilities[b] - probabilities[a]).slice(0, top);
    return [name, order.map((c) => ({ class: classes[c], probability: probabilities[c] }))];
  }));
}

/** Boxes from the file given, from COCO annotations, or from the ADE20K annotation beside the picture. */
async function regionsOf(image: string, picture: RgbImage, boxes?: string, annotations?: string): Promise<Region[]> {
  const fits = (annotated: Pick<RgbImage, "width" | "height">): void => {
    const complaint = sizeComplaint(picture, annotated);
    if (complaint) throw new UserError(`${image}: ${complaint}`);
  };
  if (boxes !== undefined) {
    const parsed = boxesSchema.safeParse(readJsonFile(boxes));
    if (parsed.success) return parsed.data.map((box) => ({ box }));
    throw new UserError(`${boxes}: holds no boxes; wanted [[x1, y1, x2, y2], …] or { "boxes": [[x1, y1, x2, y2], …] }`);
  }
  if (annotations !== undefined) {
    const found = await cocoBoxes(annotations, image);
    fits(found);
    return found.regions.map(({ box, name }) => ({ box, truth: name }));
  }
  const stem = join(dirname(image), basename(image).replace(/\.[^.]+$/, ""));
  if (!await Deno.stat(`${stem}_seg.png`).then(() => true, () => false)) {
    throw new UserError(
      `${image}: no regions are known; give --boxes, or COCO --annotations, or put ${stem}_seg.png there`,
    );
  }
  const annotation = await readAdeAnnotation(image);
  fits(annotation);
  return adeRegions(annotation).map(({ box, name }) => ({ box, truth: name }));
}

/** Refuses boxes that are empty or outside. */
function check(regions: Region[], { width, height }: RgbImage, source: string): Region[] {
  regions.forEach(({ box: [x1, y1, x2, y2] }, r) => {
    if (!(x1 <= x2 && y1 <= y2 && x1 >= 0 && y1 >= 0 && x2 <= width && y2 <= height)) {
      throw new UserError(
        `${source}: box ${
          r + 1
        } (${x1}, ${y1}, ${x2}, ${y2}) is empty or reaches out of the picture of ${width}×${height}`,
      );
    }
  });
  if (regions.length === 0) notice(`${source}: no regions; only the picture is written`);
  return regions;
}
