/** The command line's program: its commands, help and complaints. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { VERSION } from "../model/run/version.ts";
import { COMMANDS } from "./commands.ts";
import { gatherJson, terminal } from "./terminal/output.ts";

/** The program with all its commands. */
export function program(): Command {
  const itera = new Command("itera")
    .description("Train and run models that reason about images, on any GPU that speaks WebGPU")
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError()
    // Flags behind `run FILE` are the script's.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => terminal().out(text),
      writeErr: (text) => terminal().err(text),
      outputError: (text, write) => write(`itera: ${oneLine(text)}\n`),
    });
  for (const add of Object.values(COMMANDS)) add(itera);
  for (const command of itera.commands) command.copyInheritedSettings(itera);
  for (const command of itera.commands) if (!PROGRAMS.includes(command.name())) addJson(command);
  return itera.hook("preAction", (_, command) => {
    if (command.opts().json) gatherJson();
  });
}

/** Programs of their own and scripts, which print no results. */
const PROGRAMS: readonly string[] = ["run", "test", "bench", "completion"];

/** Adds `--json` to a command, or to those of a group. */
function addJson(command: CommandUnknownOpts): void {
  if (command.commands.length === 0) command.option("--json", "print the results as one JSON object");
  else command.commands.forEach(addJson);
}

/** Commander's complaint and its suggestion on one line. */
function oneLine(text: string): string {
  return text.replace(/^error: /, "").trim().replace(/\s*\n\s*/g, " ").replace("(Did", "(did");
}
