/** Runs the command line: in this process, or as its user does in one of its own. */
import { main } from "../../cli/main.ts";
import { withTerminal } from "../../cli/terminal/output.ts";
import { shareDevices } from "./share_devices.ts";
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

/** Runs `itera` with `args` to its end, in a process of its own. */
export async function spawned(...args: string[]): Promise<Ended> {
  return await ended(start(args));
}

shareDevices();

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs `itera` with `args` to its end in this process, which spares starting one; calls that overlap wait for each other.
 * Signals, exit statuses of the system and what a process leaves behind need {@link spawned} or {@link start}.
 */
export function itera(...args: string[]): Promise<Ended> {
  let out = "", err = "";
  const terminal = {
    out: (text: string): void => void (out += text),
    err: (text: string): void => void (err += text),
    interactive: false,
    columns: null,
    colour: false,
  };
  const run = last.then(() => withTerminal(terminal, () => main(args))).then((code) => ({ code, out, err }));
  last = run.catch(() => {});
  return run;
}
