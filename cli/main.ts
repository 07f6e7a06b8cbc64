/**
 * `itera`: the command line. Parses, calls, prints; the work is done elsewhere.
 *
 * @module
 */
import { launched } from "../model/run/ranks/launched.ts";
import { program } from "./program.ts";
import { currentRanks } from "./ranks/current.ts";
import { judge } from "./terminal/failure.ts";
import { complain, notice, printJson, SILENT, withTerminal } from "./terminal/output.ts";

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
  // Of ranks that train together, the first alone prints.
  const rank = TOGETHER.test(args.join(" ")) ? launched()?.rank ?? 0 : 0;
  return rank > 0 ? await withTerminal(SILENT, () => run(args, rank)) : await run(args, rank);
}

/** Commands that several ranks do together. */
const TOGETHER = /^(refplus )?train\b/;

/** Ms that other ranks let the first speak before them, and each the one before it: one line is enough. */
const turn = (rank: number): number => rank === 0 ? 0 : Math.min(1000 + 50 * (rank - 1), 3000);

async function run(args: readonly string[], rank: number): Promise<number> {
  try {
    await program().parseAsync([...args], { from: "user" });
    printJson();
    return 0;
  } catch (error) {
    const { message, status, internal } = judge(error);
    const ranks = currentRanks(), say = rank > 0 ? complain : notice;
    if (rank > 0) await new Promise((resolve) => setTimeout(resolve, turn(rank)));
    printJson(message);
    if (message !== null) {
      const line = ranks ? `itera: rank ${rank}: ${message}` : `itera: ${message}`;
      say(line);
    }
    if (internal && Deno.env.get("ITERA_DEBUG") === "1") {
      for (const text of String((error as Error)?.stack ?? error).split("\n")) say(text);
    }
    // The others wait for this one, or for each other.
    ranks?.abort(status);
    return status;
  }
}

if (import.meta.main) {
  // The graphics loader complains on standard error when this is unset; any folder will do for computing.
  if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", Deno.env.get("TMPDIR") ?? "/tmp");
  Deno.exit(await main(Deno.args));
}
