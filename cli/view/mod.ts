/** `itera view`: a page on which a run's model answers, in any browser with WebGPU. */
import type { Command } from "@commander-js/extra-typings";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { readPicture } from "../../datasets/images/read_picture.ts";
import { openingMessages } from "../../datasets/index/cache.ts";
import { matchClasses } from "../../datasets/match_classes.ts";
import { refPlusFiles } from "../../datasets/refplus/files/layout.ts";
import { checkedRefplus, type RefplusCheckpoint } from "../../model/refplus/checkpoint.ts";
import { REFPLUS_RUNS } from "../../model/refplus/training/config.ts";
import { imageScale } from "../../model/regions/build.ts";
import { checkedRegions, type Checkpoint } from "../../model/regions/checkpoint.ts";
import { REGION_RUNS } from "../../model/regions/config.ts";
import { openSplit } from "../../model/regions/trainer.ts";
import { readRunCheckpoint } from "../../model/run/checkpoint.ts";
import { kindOf } from "../../model/run/kind.ts";
import { sayNewRules } from "../../model/run/version.ts";
import { toSize } from "../terminal/flags.ts";
import { bytes, fact, notice, Progress } from "../terminal/output.ts";
import { type PageKind, renderPage } from "./build_page.ts";
import { programPayload } from "./program/build.ts";
import { regionPayload } from "./regions.ts";
import { photograph, type Pictured, scenesOf } from "./scenes.ts";
import { encodePayload, type Payload } from "./payload.ts";
import { servePage } from "./serve.ts";

/** Flags that say what is on the page. */
interface Contents {
  readonly images: number;
  readonly image?: string | undefined;
  readonly data?: string | undefined;
  readonly half?: true | undefined;
  readonly generator?: string | undefined;
  readonly pictures?: string | undefined;
}

/** Adds the command. */
export function addView(program: Command): void {
  program.command("view")
    .description("write a page on which the model answers: move things in a picture and watch; opens in any browser")
    .argument("<run>", "folder of the run, such as runs/final-context-1, or a checkpoint")
    .option("--out <file>", "the page to write; by default view-RUN.html here")
    .option("--images <n>", "pictures of the test split on the page", toSize, 6)
    .option("--image <file>", "a photograph of yours instead, on which boxes can be drawn")
    .option("--data <folder>", "where the data set is, if it is not where it was in training")
    .option("--generator <run>", "module network: run with the program generator, if the run has none itself")
    .option("--pictures <folder>", "module network: the held-out pictures, if they are not beside the scenes")
    .option("--half", "keep weights in 16 bits: a page of half the size, whose model answers a little otherwise")
    .option("--serve", "also serve the page, to this machine alone, until Ctrl-C")
    .option("--port <n>", "port to serve at; by default one that is free", toSize)
    .action(async (run, { out: given, serve, port, ...contents }) => {
      const name = basename(resolve(run)).replace(/\.safetensors$/, ""), out = given ?? `view-${name}.html`;
      const onBroken = (path: string, reason: string): void => notice(`passed over ${path}: ${reason}`);
      const read = await readRunCheckpoint(run, [REGION_RUNS, REFPLUS_RUNS], onBroken);
      const regions = kindOf(read.config, [REGION_RUNS]) !== undefined;
      const [kind, payload]: readonly [PageKind, Payload<{ readonly run: string }>] = regions
        ? ["regions", await ofRegions(name, checkedRegions(read), contents)]
        : ["program", await ofPrograms(name, checkedRefplus(read), contents)];
      const title = `Itera: ${payload.facts.run}`;
      const page = await renderPage(kind, { title, payload: await encodePayload(payload) });
      const written = new TextEncoder().encode(page);
      await writeFileAtomic(out, written);
      fact("page", out);
      fact("size", bytes(written.length));
      if (serve) await servePage(written, port);
    });
}

async function ofRegions(name: string, checkpoint: Checkpoint, contents: Contents) {
  const { config } = checkpoint, { images, image, data, half = false } = contents;
  sayNewRules(notice, checkpoint.path, config);
  const pictures = image === undefined
    ? await testPictures(checkpoint, images, data)
    : [await photograph(image, await readPicture(image, config.pictures), [], imageScale(config))];
  using computing = new Progress("computing", "pictures");
  return await regionPayload(name, checkpoint, pictures, {
    half,
    onPicture: (done) => computing.update(done, pictures.length),
    onMessage: (text) => computing.notice(text),
  });
}

async function testPictures(checkpoint: Checkpoint, count: number, data: string | undefined): Promise<Pictured[]> {
  const { config } = checkpoint;
  const dataset = data === undefined ? config.dataset : { ...config.dataset, data };
  const opened = await openSplit({ ...config, dataset }, config.dataset.testSplit, openingMessages(notice));
  return await scenesOf(matchClasses(opened, checkpoint.classes, checkpoint.path, notice), count, imageScale(config));
}

async function ofPrograms(name: string, checkpoint: RefplusCheckpoint, contents: Contents) {
  const { images, half = false, generator, pictures = heldOut(checkpoint) } = contents;
  sayNewRules(notice, checkpoint.path, checkpoint.config);
  using computing = new Progress("computing", "pictures");
  return await programPayload(name, checkpoint, {
    generator,
    pictures,
    images,
    half,
    onPicture: (done) => computing.update(done, images),
    onMessage: (text) => computing.notice(text),
  });
}

/** Folder of the held-out pictures of the set whose scenes a run was trained with. */
function heldOut({ path, config: { data: { trainScenes } } }: RefplusCheckpoint): string {
  const folder = trainScenes === null ? null : refPlusFiles(join(dirname(trainScenes), ".."), "val").images;
  if (folder !== null && existsSync(folder)) return folder;
  throw new UserError(`${path}: does not say where its held-out pictures are; name their folder by --pictures`);
}
