/** Completion for fish. */
import type { Place, Values } from "./words.ts";

/** The script. */
export function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, flags, values }) => {
    const at = `complete -c itera -n ${quoted(`__itera_at ${quoted(path)}`)}`;
    return [
      ...commands.map(({ name, description }) => `${at} -a ${name} -d ${quoted(description)}`),
      ...flags.map(({ name, short, description, values }) =>
        `${at} -l ${name.slice(2)}${short ? ` -s ${short.slice(1)}` : ""}${taken(values)} -d ${quoted(description)}`
      ),
      ...flags.flatMap(({ name, values, many }) =>
        many && values && typeof values !== "string"
          ? [
            `complete -c itera -n ${quoted(`__itera_at ${quoted(path)}; and __itera_after ${name}`)} -a ${
              quoted(values.join(" "))
            }`,
          ]
          : []
      ),
      ...values && commands.length === 0
        ? [`${at}${values === "files" ? " -F" : values === "unknown" ? "" : ` -a ${quoted(values.join(" "))}`}`]
        : [],
    ];
  });
  const paths = places.slice(1).map(({ path }) => quoted(path)).join(" ");
  return `# fish completion for itera, written by: itera completion fish
function __itera_at
    set -l at ""
    for word in (commandline -opc)[2..]
        if contains -- "$at $word" ${paths}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
# True where words after the last flag, which takes many, are its values.
function __itera_after
    set -l last ""
    for word in (commandline -opc)[2..]
        if string match -q -- "-*" $word
            set last $word
        end
    end
    test "$last" = "$argv[1]"
end
complete -c itera -e
complete -c itera -f
${lines.join("\n")}
`;
}

function taken(values: Values | undefined): string {
  if (values === undefined) return "";
  return values === "files" ? " -r -F" : values === "unknown" ? " -x" : ` -x -a ${quoted(values.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
