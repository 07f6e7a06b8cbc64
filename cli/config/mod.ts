/** `itera config`: every setting with its meaning, its range and its default, or with its value in a run. */
import { type Command, Option } from "@commander-js/extra-typings";
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { DATASETS } from "../../datasets/registry.ts";
import { kindOfRun, RUN_KINDS } from "../../model/kinds.ts";
import { REFPLUS_PRESETS, STAGES } from "../../model/refplus/training/config.ts";
import { resnetNames } from "../../model/regions/config.ts";
import type { RunKind } from "../../model/run/kind.ts";
import { fileLayer, type Json, lookup, merge, nest } from "../../model/run/layers.ts";
import { requireRun } from "../../model/run/run_names.ts";
import { changedSettings, listSettings } from "../../model/run/settings/list.ts";
import { line, lines, table } from "../terminal/output.ts";
import { configPage, valueText } from "./page.ts";

/** Flags that make choices on which defaults depend, the setting of each, and the kind of run that has it. */
const CHOICES = {
  dataset: { path: "dataset.dataset", kind: "regions" },
  resnet: { path: "model.resnet", kind: "regions" },
  stage: { path: "stage", kind: "refplus" },
  preset: { path: "preset", kind: "refplus" },
} as const;

/** Adds the command. */
export function addConfig(program: Command): void {
  program.command("config")
    .description("list every setting with its meaning, its range and its default, or the settings of a run")
    .argument("[part]", "only settings whose name has this in it, such as optimiser")
    .addOption(new Option("--kind <kind>", "kind of run; by default that of the other flags").choices(kindNames()))
    .addOption(new Option("--dataset <set>", "defaults for this data set").choices(DATASETS))
    .addOption(new Option("--resnet <net>", "defaults for this backbone").choices(resnetNames))
    .addOption(new Option("--stage <name>", "defaults of this stage of the module network").choices(STAGES))
    .addOption(new Option("--preset <name>", "defaults of its preset").choices(REFPLUS_PRESETS))
    .option("--run <folder>", "values of this run, beside the defaults")
    .option("--changed", "of a run, only settings that differ from the defaults")
    .option("--markdown", "print the page docs/config.md")
    .action((part = "", { run, changed = false, markdown = false, kind, ...choices }) => {
      if (markdown) return lines(configPage(RUN_KINDS).trimEnd());
      if (run !== undefined) return showRun(run, part, changed);
      if (changed) throw new UserError("--changed: name the run by --run");
      showDefaults(part, kind, choices);
    });
}

function kindNames(): string[] {
  return RUN_KINDS.map(({ kind }) => kind);
}

/** Prints the settings of a kind with their defaults. */
function showDefaults(
  part: string,
  named: string | undefined,
  flags: { readonly [key in keyof typeof CHOICES]?: string | undefined },
): void {
  let given: Json = {}, name = named;
  for (const [flag, { path, kind }] of Object.entries(CHOICES)) {
    const value = flags[flag as keyof typeof CHOICES];
    if (value === undefined) continue;
    if (name !== undefined && name !== kind) throw new UserError(`--${flag}: runs of the kind ${name} have none`);
    name = kind;
    given = merge(given, nest(path.split("."), value));
  }
  const kind = RUN_KINDS.find(({ kind }) => kind === (name ?? kindNames()[0]))!;
  const settings = listSettings(kind, given).filter(({ name }) => name.includes(part));
  if (settings.length === 0) throw noSuch(kind, part);
  table({
    columns: ["setting", "default", "range", "meaning"],
    rows: settings.map(({ name, default: value, range, meaning }) => [name, valueText(value), range, meaning]),
  });
}

/** Prints the settings of a run beside the defaults. */
function showRun(run: string, part: string, changed: boolean): void {
  requireRun(run);
  const { value: config, source } = fileLayer(join(run, "config.json"));
  const kind = RUN_KINDS.find(({ kind }) => kind === kindOfRun(run));
  if (!kind) throw new UserError(`${source}: is of no kind of run that this version knows`);
  const differing = new Set(changedSettings(kind, config).map(({ name }) => name));
  const settings = listSettings(kind, config).filter(({ name }) =>
    name.includes(part) && (!changed || differing.has(name))
  );
  if (settings.length === 0) {
    if (changed) return line("every setting is at its default");
    throw noSuch(kind, part);
  }
  table({
    columns: ["setting", "value", "default", "meaning"],
    rows: settings.map(({ name, default: usual, meaning }) => [
      name,
      valueText(lookup(config, name.split("."))),
      valueText(usual),
      meaning,
    ]),
  });
}

function noSuch({ kind }: RunKind, part: string): UserError {
  return new UserError(
    `${part}: is in no name of a setting of the kind ${kind}; itera config --kind ${kind} lists all`,
  );
}
