/** The command line's program: its commands, help and complaints. */
import { Command } from "@commander-js/extra-typings";
import { VERSION } from "../model/run/version.ts";
import { COMMANDS } from "./commands.ts";
import { terminal } from "./terminal/output.ts";

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
  return itera;
}

/** Commander's complaint and its suggestion on one line. */
function oneLine(text: string): string {
  return text.replace(/^error: /, "").trim().replace(/\s*\n\s*/g, " ").replace("(Did", "(did");
}
