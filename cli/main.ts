/**
 * `itera`: the command line. Parses, calls, prints; the work is done elsewhere.
 *
 * @module
 */
import { program } from "./program.ts";
import { judge } from "./terminal/failure.ts";
import { notice, printJson } from "./terminal/output.ts";

/**
 * Runs the command of `args`; returns the exit status.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { main } from "@itera/itera/cli";
 *
 * strictEqual(await main(["no-such-command"]), 2); // a mistake of the user, said in one line
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync([...args], { from: "user" });
    printJson();
    return 0;
  } catch (error) {
    const { message, status, internal } = judge(error);
    printJson(message);
    if (message !== null) notice(`itera: ${message}`);
    if (internal && Deno.env.get("ITERA_DEBUG") === "1") {
      for (const text of String((error as Error)?.stack ?? error).split("\n")) notice(text);
    }
    return status;
  }
}

if (import.meta.main) {
  // The graphics loader complains on standard error when this is unset; any folder will do for computing.
  if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", Deno.env.get("TMPDIR") ?? "/tmp");
  Deno.exit(await main(Deno.args));
}
