/** Programs of their own that a command starts. */
import { ProgramFailed } from "./failure.ts";

/** Runs Deno to its end, at this terminal. Throws {@link ProgramFailed} with its status. */
export async function runDeno(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  // Ctrl-C is for that program; this one waits for its end.
  const ignore = (): void => {};
  Deno.addSignalListener("SIGINT", ignore);
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    env: { ...env },
  });
  const { code } = await child.spawn().status;
  Deno.removeSignalListener("SIGINT", ignore);
  if (code !== 0) throw new ProgramFailed(code);
}
