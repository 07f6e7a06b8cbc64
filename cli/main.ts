/** `itera`: the command line. Parses, calls, prints; the work is done elsewhere. */
import { Command } from "@commander-js/extra-typings";
import { VERSION } from "../model/run/version.ts";
import { COMMANDS } from "./commands.ts";
import { judge } from "./terminal/failure.ts";
import { notice, terminal } from "./terminal/output.ts";

/** The program with all its commands. */
export function program(): Command {
  const itera = new Command("itera")
    .description("Train and run models that reason about images, on any GPU that speaks WebGPU")
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError()
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

/** Runs the command of `args`; returns the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    const { message, status, internal } = judge(error);
    if (message !== null) notice(`itera: ${message}`);
    if (internal && Deno.env.get("ITERA_DEBUG") === "1") notice(String((error as Error)?.stack ?? error));
    return status;
  }
}

if (import.meta.main) {
  // The graphics loader complains on standard error when this is unset; any folder will do for computing.
  if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", Deno.env.get("TMPDIR") ?? "/tmp");
  Deno.exit(await main(Deno.args));
}
