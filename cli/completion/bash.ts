/** Completion for bash. */
import type { Place, Values } from "./words.ts";

/** The script. Words are a shell's own, without blanks or quotes; where it offers none, bash completes names of files. */
export function bashScript(places: readonly Place[]): string {
  const paths = places.slice(1).map(({ path }) => `"${path}"`).join(" | ");
  const valued = places.flatMap(({ path, flags }) =>
    flags.flatMap(({ name, short, values }) =>
      values === undefined
        ? []
        : [name, ...short ? [short] : []].map((flag) => `    "${path}:${flag}") words="${listed(values)}" ;;`)
    )
  );
  const many = places.flatMap(({ path, flags }) =>
    flags.flatMap(({ name, values, many }) =>
      many && values ? [`    "${path}:${name}") words="${listed(values)}" ;;`] : []
    )
  );
  const free = places.map(({ path, commands, values, flags }) => {
    const words = commands.length > 0
      ? commands.map(({ name }) => name).join(" ")
      : values
      ? listed(values)
      : names(flags);
    return `    "${path}") words="${words}" ;;`;
  });
  const flagged = places.map(({ path, flags }) => `    "${path}") words="${names(flags)}" ;;`);
  return `# bash completion for itera, written by: itera completion bash
_itera() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at="" flag="" words="" i
  # bash takes --flag=value for three words.
  if [ "$word" = "=" ]; then
    word=""
  elif [ "$before" = "=" ]; then
    before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${paths}) at="$at \${COMP_WORDS[i]}" ;;
      *" -"*) flag=\${COMP_WORDS[i]} ;;
    esac
  done
  case "$at:$before" in
${valued.join("\n")}
    *)
      case "$word" in
        -*)
          case "$at" in
${indent(flagged)}
          esac
          ;;
        *)
          case "$at" in
${indent(free)}
          esac
          case "$at:$flag" in
${indent(many)}
          esac
          ;;
      esac
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _itera itera
`;
}

function indent(lines: readonly string[]): string {
  return lines.map((text) => `        ${text}`).join("\n");
}

function names(flags: Place["flags"]): string {
  return flags.map(({ name }) => name).join(" ");
}

function listed(values: Values): string {
  return typeof values === "string" ? "" : values.join(" ");
}
