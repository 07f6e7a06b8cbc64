/** `itera completion`: scripts by which shells complete commands, flags and their values. */
import { type Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { lines } from "../terminal/output.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { placesOf } from "./words.ts";
import { zshScript } from "./zsh.ts";

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** Adds the command. */
export function addCompletion(program: Command): void {
  const names = Object.keys(SHELLS) as (keyof typeof SHELLS)[];
  program.command("completion")
    .description("print a script by which a shell completes commands: source <(itera completion bash)")
    .addArgument(program.createArgument("<shell>", "which shell").choices(names))
    .action((shell) => lines(completionScript(program as CommandUnknownOpts, shell as keyof typeof SHELLS).trimEnd()));
}

/** The script of a shell for all commands of a program. */
export function completionScript(program: CommandUnknownOpts, shell: keyof typeof SHELLS): string {
  return SHELLS[shell](placesOf(program));
}
