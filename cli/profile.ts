/** `itera profile`: where the time of a training step goes. */
import { type Command, Option } from "@commander-js/extra-typings";
import { join } from "node:path";
import { writeJsonAtomic } from "../engine/base/atomic.ts";
import type { KernelSet } from "../engine/gpu/adapter.ts";
import { PRESETS } from "../model/regions/experiments/presets.ts";
import { RUN_KINDS } from "../model/kinds.ts";
import { MODEL_NAMES } from "../model/regions/models.ts";
import { REGION_TRAINING } from "../model/regions/trainer.ts";
import { kindOf } from "../model/run/kind.ts";
import { fileLayer, type Json, type Layer, merge, settingLayer } from "../model/run/layers.ts";
import { settingsLayer } from "../model/run/settings/file.ts";
import { requireRun } from "../model/run/run_names.ts";
import type { Learner } from "../model/run/loop.ts";
import type { TrainingKind } from "../model/run/open_run.ts";
import { chromeTrace, kernelTimes, profileUpdates, type UpdateProfile } from "../model/run/profile.ts";
import { collect, toSize } from "./terminal/flags.ts";
import { bytes, line, notice, table } from "./terminal/output.ts";
import { type Limits, measureLimits } from "./time/measure.ts";

/** Adds the command. */
export function addProfile(program: Command): void {
  program.command("profile")
    .description("run a few training steps of a run's settings and show where their time goes, kernel by kernel")
    .argument("[run]", "folder of a run, whose settings are taken; by default those of a new run")
    .option(
      "--config <file>",
      "JSON or YAML file of settings; may be repeated, later ones win",
      collect,
      [] as string[],
    )
    .option("--set <key=value>", "one setting; may be repeated", collect, [] as string[])
    .addOption(new Option("--preset <name>", "an experiment of the paper's tables").choices([...PRESETS.keys()]))
    .addOption(new Option("--model <name>", "what to train").choices(MODEL_NAMES))
    .addOption(new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const))
    .addOption(
      new Option("--kernels <set>", "whose kernels, whatever the adapter; by default its own").choices(
        ["gpu", "cpu"] as const,
      ),
    )
    .option("--steps <n>", "steps measured, after two that compile and allocate", toSize, 5)
    .option("--trace <file>", "write every dispatch to a file that ui.perfetto.dev opens", "trace.json")
    .action(async (run, flags) => {
      const layers: Layer[] = [
        ...run === undefined ? [] : [settingsOf(run)],
        ...flags.preset === undefined ? [] : [{ source: "--preset", value: PRESETS.get(flags.preset)!.settings }],
        ...await Promise.all(flags.config.map(settingsLayer)),
        ...flags.model === undefined ? [] : [{ source: "--model", value: { model: { name: flags.model } } }],
        ...flags.adapter === undefined ? [] : [{ source: "--adapter", value: { adapter: flags.adapter } }],
        ...flags.set.map(settingLayer),
      ];
      await using learner = await open(layers, flags.kernels);
      notice(`adapter: ${learner.device.title}`);
      const found = await profileUpdates(learner, { updates: flags.steps, repeated: REPEATED });
      print(found, await measureLimits(learner.device, { roundMs: 100 }));
      if (!found.timings) return notice("this adapter has no timestamp queries: there is nothing to trace");
      await writeJsonAtomic(flags.trace, chromeTrace(found));
      line(`trace: ${flags.trace}`);
    });
}

/** Updates of different data that are profiled in turns: what came once comes again, as in a long training. */
const REPEATED = 3;

/** The settings of a run's folder. */
function settingsOf(run: string): Layer {
  requireRun(run);
  return fileLayer(join(run, "config.json"));
}

/** The learner of the kind of run that the settings are of; by default the whole region classifier's. */
async function open(layers: readonly Layer[], kernels: KernelSet | undefined): Promise<Learner> {
  const given = layers.reduce<Json>((value, layer) => merge(value, layer.value), {});
  const kind: TrainingKind = kindOf(given, RUN_KINDS) ?? REGION_TRAINING;
  const whole: Layer = { source: "profile", value: { model: { name: "final" } } };
  const config = kind.begin(kind === REGION_TRAINING ? [whole, ...layers] : layers);
  return await kind.open(config, null, { repeat: REPEATED, kernels });
}

function print(
  { title, updates, wallMs, hostMs, submitMs, submits, dispatches, timings, memory, buffersMade }: UpdateProfile,
  { side, compute, bandwidth }: Limits,
): void {
  line(`${title}: ${updates} steps of ${wallMs.toFixed(1)} ms`);
  const share = (ms: number): string => `${ms.toFixed(1)} ms (${(100 * ms / wallMs).toFixed(0)} %)`;
  line(
    `JavaScript ${share(hostMs)}, the driver's submits ${
      share(submitMs)
    }; ${dispatches} dispatches in ${submits} submits`,
  );
  const { peakBytes, pooledBytes, liveTensors } = memory;
  line(
    `memory: peak ${bytes(peakBytes)}, ${
      bytes(pooledBytes)
    } kept for reuse, ${buffersMade} buffers made, ${liveTensors} tensors live`,
  );
  line(
    `limits: ${(compute / 1e6).toPrecision(3)} GFLOP/s (product of ${side}³), ${
      (bandwidth / 1e6).toPrecision(3)
    } GB/s (copy)`,
  );
  if (!timings) return;
  const kernels = kernelTimes(timings, updates);
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  line(`on the device, each dispatch on its own: ${total.toFixed(1)} ms a step`);
  table({
    columns: ["kernel", "dispatches", "ms", "share", "GFLOP/s", "GB/s", "of limit"],
    rows: kernels.map(({ kernel, dispatches, ms, share, gflops, gbps }) => [
      kernel,
      Number(dispatches.toFixed(1)),
      ms,
      share,
      gflops,
      gbps,
      1e6 * Math.max((gflops ?? 0) / compute, gbps / bandwidth),
    ]),
    // A mean over steps: whole but where captures differ.
    counts: ["dispatches"],
  });
}
