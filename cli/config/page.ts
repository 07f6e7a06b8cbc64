/** The page of all settings, `docs/config.md`. */
import type { RunKind } from "../../model/run/kind.ts";
import type { Json } from "../../model/run/layers.ts";
import { listSettings, type Setting } from "../../model/run/settings/list.ts";

/** Commands that train the runs of each kind. */
const COMMANDS: Readonly<Record<string, string>> = {
  regions: "itera train",
  refplus: "itera refplus train",
  "refplus-extractor": "itera refplus extractor",
};

/** A value as `--set` takes it; a dash for none. */
export function valueText(value: Json | undefined): string {
  return value === undefined ? "–" : JSON.stringify(value).replace(/([,:])(?=\S)/g, "$1 ");
}

/** The page as Markdown. */
export function configPage(kinds: readonly RunKind[]): string {
  return `# Settings

Every setting of a run stands in the \`config.json\` of its folder. \`--set optimiser.rate=0.001\` gives one, \`--config FILE\`
many: JSON, which may have comments, or YAML, nested as the names are. Later ones win over earlier ones, and all of them
over the defaults. \`itera config\` prints these tables, \`itera config optimiser\` the part of them, and
\`itera config --run runs/NAME --changed\` what a run has otherwise. What is marked with \\* may change when a run is
resumed.

This page is written by \`itera config --markdown\` from the schemas that check the settings.

${kinds.map(kindText).join("\n")}`;
}

function kindText(kind: RunKind): string {
  const settings = listSettings(kind, kind.choices[0]?.value ?? {});
  const usual = kind.choices[0] ? ` Defaults are those of \`${kind.choices[0].flags}\`.` : "";
  const table = markdown(
    ["setting", "default", "range", "meaning"],
    settings.map(({ name, free, default: value, range, meaning }) => [
      `\`${name}\`${free ? " \\*" : ""}`,
      value === undefined ? "must be given" : code(valueText(value)),
      cell(range),
      cell(meaning),
    ]),
  );
  return `## ${
    COMMANDS[kind.kind]
  }\n\nRuns of the kind \`${kind.kind}\` (\`itera config --kind ${kind.kind}\`).${usual}\n\n${table}\n${
    otherDefaults(kind, settings)
  }`;
}

/** Tables of the defaults that other choices have, where they differ; at most four choices beside each other. */
function otherDefaults(kind: RunKind, usual: readonly Setting[]): string {
  const others = kind.choices.slice(1), tables: string[] = [];
  for (let at = 0; at < others.length; at += 4) {
    const some = others.slice(at, at + 4), lists = some.map(({ value }) => listSettings(kind, value));
    const rows = usual.flatMap(({ name, default: value }, i) => {
      const values = lists.map((list) => valueText(list[i].default));
      return values.every((text) => text === valueText(value)) ? [] : [[`\`${name}\``, ...values.map(code)]];
    });
    tables.push(markdown(["other defaults", ...some.map(({ flags }) => `\`${flags}\``)], rows));
  }
  return tables.map((table) => `\n${table}\n`).join("");
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
