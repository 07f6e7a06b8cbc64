/** `itera view`: a page on which a run's model answers, in any browser with WebGPU. */
import type { Command } from "@commander-js/extra-typings";
import { basename, resolve } from "node:path";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import { readPicture } from "../../datasets/images/read_picture.ts";
import { openingMessages } from "../../datasets/index/cache.ts";
import { matchClasses } from "../../datasets/match_classes.ts";
import { imageScale } from "../../model/regions/build.ts";
import { type Checkpoint, readCheckpoint } from "../../model/regions/checkpoint.ts";
import { openSplit } from "../../model/regions/trainer.ts";
import { sayNewRules } from "../../model/run/version.ts";
import { toSize } from "../terminal/flags.ts";
import { bytes, fact, notice, Progress } from "../terminal/output.ts";
import { bundlePage, renderPage } from "./build_page.ts";
import { regionPayload } from "./regions.ts";
import { photograph, type Pictured, scenesOf } from "./scenes.ts";
import { encodePayload } from "./payload.ts";
import { servePage } from "./serve.ts";

/** Adds the command. */
export function addView(program: Command): void {
  program.command("view")
    .description("write a page on which the model answers: move things in a picture and watch; opens in any browser")
    .argument("<run>", "folder of the run, such as runs/final-context-1, or a checkpoint")
    .option("--out <file>", "the page to write; by default view-RUN.html here")
    .option("--images <n>", "pictures of the test split on the page", toSize, 6)
    .option("--image <file>", "a photograph of yours instead, on which boxes can be drawn")
    .option("--data <folder>", "where the data set is, if it is not where it was in training")
    .option("--half", "keep weights in 16 bits: a page of half the size, whose model answers a little otherwise")
    .option("--serve", "also serve the page, to this machine alone, until Ctrl-C")
    .option("--port <n>", "port to serve at; by default one that is free", toSize)
    .action(async (run, { out: given, images, image, data, half, serve, port }) => {
      const checkpoint = await readCheckpoint(run, (path, reason) => notice(`passed over ${path}: ${reason}`));
      sayNewRules(notice, checkpoint.path, checkpoint.config);
      const name = basename(resolve(run)).replace(/\.safetensors$/, ""), out = given ?? `view-${name}.html`;
      const pictures = image === undefined
        ? await testPictures(checkpoint, images, data)
        : [await ownPicture(image, checkpoint)];
      using computing = new Progress("computing", "pictures");
      const payload = await regionPayload(name, checkpoint, pictures, {
        half: half ?? false,
        onPicture: (done) => computing.update(done, pictures.length),
        onMessage: (text) => computing.notice(text),
      });
      computing[Symbol.dispose]();
      const title = `Itera: ${payload.facts.run}`;
      const page = await renderPage({
        title,
        script: await bundlePage("main.ts"),
        payload: await encodePayload(payload),
      });
      const written = new TextEncoder().encode(page);
      await writeFileAtomic(out, written);
      fact("page", out);
      fact("size", bytes(written.length));
      if (serve) await servePage(written, port);
    });
}

async function testPictures(checkpoint: Checkpoint, count: number, data: string | undefined): Promise<Pictured[]> {
  const { config } = checkpoint;
  const dataset = data === undefined ? config.dataset : { ...config.dataset, data };
  const opened = await openSplit({ ...config, dataset }, config.dataset.testSplit, openingMessages(notice));
  return await scenesOf(matchClasses(opened, checkpoint.classes, checkpoint.path, notice), count, imageScale(config));
}

async function ownPicture(path: string, { config }: Checkpoint): Promise<Pictured> {
  return await photograph(path, await readPicture(path, config.pictures), [], imageScale(config));
}
