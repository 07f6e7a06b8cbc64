/** Runs the command line as its user does: a process of its own. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Top folder of the project. */
export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Exit status and output of a command. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Starts `itera` with `args`; output is piped, so no bars are drawn. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${ROOT}/cli/main.ts`, ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
  }).spawn();
}

/** Waits for the end of a started command. */
export async function ended(child: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await child.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

/** Runs `itera` with `args` to its end. */
export async function itera(...args: string[]): Promise<Ended> {
  return await ended(start(args));
}
