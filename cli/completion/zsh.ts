/** Completion for zsh. */
import type { Place, Values } from "./words.ts";

/** The script, to be sourced or to lie as `_itera` in a folder of `fpath`. */
export function zshScript(places: readonly Place[]): string {
  const paths = places.slice(1).map(({ path }) => `"${path}"`).join(" | ");
  const offer = (values: Values): string =>
    values === "files" ? "_files" : values === "unknown" ? "_message value" : `compadd -- ${values.join(" ")}`;
  const valued = places.flatMap(({ path, flags }) =>
    flags.flatMap(({ name, short, values }) =>
      values === undefined ? [] : [
        `    ${[name, ...short ? [short] : []].map((flag) => `"${path}:${flag}"`).join(" | ")}) ${
          offer(values)
        }; return ;;`,
      ]
    )
  );
  const many = places.flatMap(({ path, flags }) =>
    flags.flatMap(({ name, values, many }) => many && values ? [`    "${path}:${name}") ${offer(values)} ;;`] : [])
  );
  const free = places.map(({ path, commands, flags, values }) => {
    const described = (list: readonly { name: string; description: string }[]): string =>
      list.map(({ name, description }) => quoted(`${name}:${description}`)).join(" ");
    const words = commands.length > 0 ? `commands=(${described(commands)}); ` : "";
    const own = values && commands.length === 0 ? `[[ $word == -* ]] || ${offer(values)}; ` : "";
    return `    "${path}") ${words}flags=(${described(flags)}); ${own};;`.replace("; ;;", " ;;");
  });
  return `#compdef itera
# zsh completion for itera, written by: itera completion zsh
_itera() {
  local word=\${words[CURRENT]} before=\${words[CURRENT-1]} at="" flag="" i
  local -a commands flags
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      ${paths}) at="$at \${words[i]}" ;;
      *" -"*) flag=\${words[i]} ;;
    esac
  done
  # --flag=value: the flag is the word before.
  if [[ $word == --*=* ]]; then before=\${word%%=*}; compset -P '*='; fi
  case "$at:$before" in
${valued.join("\n")}
  esac
  case "$at" in
${free.join("\n")}
  esac
  case "$at:$flag" in
${many.join("\n")}
  esac
  ((\${#commands} == 0)) || _describe -t commands command commands
  if [[ $word == -* || \${#commands} == 0 ]]; then _describe -t flags flag flags; fi
}
if [ "\${funcstack[1]}" = _itera ]; then _itera "$@"; else compdef _itera itera; fi
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
