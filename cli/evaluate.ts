/** `itera evaluate`: scores a run's newest checkpoint again. */
import type { Command } from "@commander-js/extra-typings";
import { Device, loadTensors, tensorsOf } from "../engine/mod.ts";
import { resultsTable } from "../model/results.ts";
import { RunFolder } from "../model/run/run_folder.ts";
import { buildModel } from "../model/setup.ts";
import { evaluateModel, openSplit } from "../model/trainer.ts";
import { UserError } from "../datasets/errors.ts";
import { line, notice, Progress, table } from "./output.ts";

/** Adds the command. */
export function addEvaluate(program: Command): void {
  program.command("evaluate")
    .description("score the newest checkpoint of a run on its test split and rewrite its results and report")
    .argument("<run>", "folder of the run, such as runs/context-1")
    .action(async (path) => {
      using folder = await RunFolder.resume(path);
      const { config } = folder;
      const checkpoint = await folder.newestCheckpoint((file, reason) => notice(`passed over ${file}: ${reason}`));
      if (!checkpoint) throw new UserError(`${path}: there is no checkpoint yet`);
      const test = await openSplit(config, config.dataset.testSplit);
      await using device = await Device.open({ adapter: config.adapter });
      using model = buildModel(device, config, test.classes.length);
      loadTensors(await Deno.readFile(checkpoint), tensorsOf(model.parameters(), "model."), checkpoint, {
        allowExtra: true,
      });
      using evaluating = new Progress("evaluating", "images");
      const results = await evaluateModel(model, test, folder, {
        onMessage: (text) => evaluating.notice(text),
        onEvaluate: (done, of) => evaluating.update(done, of),
      });
      evaluating[Symbol.dispose]();
      const { title, columns, rows } = resultsTable(results);
      line(title);
      table(columns, rows.map((row) => row.map((value) => value ?? "")));
    });
}
