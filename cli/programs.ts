/**
 * `itera run` and `bench`: programs of their own. `./itera` starts them itself; here they stand for help, for
 * corrections of mistyped words, and for whoever calls `deno task itera`.
 */
import type { Command } from "@commander-js/extra-typings";
import { fileURLToPath } from "node:url";
import { UserError } from "../engine/base/user_error.ts";
import { runDeno } from "./terminal/run_deno.ts";

/** Adds `itera run`. */
export function addRun(program: Command): void {
  program.command("run")
    .description("run a script of yours with the right Deno; it imports the library as @itera/itera")
    .argument("<file>", "the script")
    .argument("[words...]", "its own words and flags")
    .passThroughOptions()
    .action(async (file, words) =>
      await runDeno(["run", "-A", "--config", inProject("deno.json"), "--no-lock", file, ...words])
    );
}

/** Adds `itera bench`. */
export function addBench(program: Command): void {
  own(program, "bench", "measure kernels beside the peers and the device's limit");
}

/** A task of `deno.json`, with words of its own. */
function own(program: Command, name: string, description: string): void {
  program.command(name)
    .description(description)
    .argument("[words...]", "its own words and flags")
    .helpOption(false)
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (words) => await runDeno(["task", "--quiet", "--config", inProject("deno.json"), name, ...words]));
}

/** Path of a file of the project. Throws {@link UserError} where only the library was imported. */
function inProject(name: string): string {
  const url = new URL(`../${name}`, import.meta.url);
  if (url.protocol === "file:") return fileURLToPath(url);
  throw new UserError("this needs the project's folder; clone it and call ./itera there");
}
