/**
 * Trains in a process that is made to be killed: prints on standard output what it is about to do, and stops dead at the step it is given.
 * Arguments: the run's folder, its settings as JSON, and optionally the step whose checkpoint is never finished and how many
 * bytes of it are written.
 */
import { REGION_RUNS } from "../../model/regions/config.ts";
import { RunFolder } from "../../model/run/run_folder.ts";
import { trainModel } from "../../model/regions/trainer.ts";

const [path, settings, pauseStep, pauseBytes] = Deno.args;
const say = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));

const begun = await Deno.stat(`${path}/config.json`).then(() => true, () => false);
using folder = begun
  ? await RunFolder.resume(path, [], REGION_RUNS)
  : await RunFolder.create(path, [{ source: "test", value: JSON.parse(settings) }], REGION_RUNS);

const save = folder.saveCheckpoint.bind(folder);
folder.saveCheckpoint = (step, bytes) =>
  save(step, bytes, {
    onProgress: async (written, total) => {
      say(`writing ${step} ${written} of ${total}`);
      if (step !== Number(pauseStep) || written < Number(pauseBytes)) return;
      say("paused");
      setInterval(() => {}, 1000);
      await new Promise(() => {});
    },
  });

await trainModel(folder, { onStep: (done) => say(`step ${done}`), onMessage: say });
say("finished");
