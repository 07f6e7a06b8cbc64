/** Ranks started by a launcher of MPI's, and what becomes of them, in one line. */
import { fileURLToPath } from "node:url";
import { UserError } from "../../engine/base/user_error.ts";
import { NOTES } from "../../model/run/ranks/edges.ts";
import { ProgramFailed } from "../terminal/failure.ts";
import { notice, terminal } from "../terminal/output.ts";
import { FirstGone } from "./first_gone.ts";
import { RankReport } from "./report.ts";

/** Programs that start ranks, first choice first. */
const LAUNCHERS = ["mpirun.mpich", "mpiexec.hydra", "mpirun", "mpiexec", "mpirun.openmpi"];

/** A launcher, and the words that it needs. */
interface Launcher {
  readonly program: string;
  readonly flags: readonly string[];
}

/** Signals that ask for an orderly end. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Starts this command with `ranks` processes and waits for their end. Throws {@link ProgramFailed} with its status. */
export async function launch(ranks: number): Promise<void> {
  const { program, flags } = await findLauncher();
  const notes = await Deno.makeTempDir({ prefix: "itera-ranks-" });
  const child = new Deno.Command(program, {
    args: [...flags, "-n", String(ranks), Deno.execPath(), ...itself(), ...withoutRanks(Deno.args)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { [NOTES]: notes },
    // A terminal's Ctrl-C is for all of a group, and launchers would end ranks by force that have a step to finish.
    detached: true,
  }).spawn();
  const report = new RankReport();
  using gone = new FirstGone(NOTES, notes, ranks);
  let asked = 0;
  const ask = (): void => {
    if (asked++ === 0) gone.ask("SIGINT");
    else child.kill("SIGKILL");
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, ask);
  try {
    await Promise.all([
      passLines(child.stdout, (line) => report.keeps(line) && terminal().out(`${line}\n`)),
      passLines(child.stderr, (line) => report.keeps(line) && terminal().err(`${line}\n`)),
    ]);
    // Some launchers end with 0 where ranks were stopped.
    const code = (await child.status).code || (asked > 0 ? STOPPED : 0);
    if (code === 0) return;
    const cause = asked > 1 ? null : report.cause(gone.processes, code, { count: ranks, gone: gone.ranks });
    if (cause !== null) notice(`itera: ${cause}`);
    throw new ProgramFailed(code);
  } finally {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, ask);
    if (asked > 1) gone.ask("SIGKILL");
    await Deno.remove(notes, { recursive: true });
  }
}

/** Status of a command that was stopped. */
const STOPPED = 130;

/** Deno's words that run this program. */
function itself(): string[] {
  const [main, settings] = ["../main.ts", "../../deno.json"].map((path) => new URL(path, import.meta.url));
  if (main.protocol !== "file:") return ["run", "-A", main.href];
  return ["run", "-A", "--config", fileURLToPath(settings), "--frozen", fileURLToPath(main)];
}

/** A command's words without `--ranks n`. */
export function withoutRanks(args: readonly string[]): string[] {
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--ranks") i++;
    else if (!args[i].startsWith("--ranks=")) rest.push(args[i]);
  }
  return rest;
}

/** The first launcher that there is. */
async function findLauncher(): Promise<Launcher> {
  for (const program of LAUNCHERS) {
    try {
      const { success, stdout, stderr } = await new Deno.Command(program, { args: ["--version"], stdin: "null" })
        .output();
      if (!success) continue;
      const words = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      return { program, flags: /open ?mpi|openrte|prrte/i.test(words) ? openMpiFlags() : [] };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }
  throw new UserError(`--ranks: none of ${LAUNCHERS.join(", ")} is found; apt-get install mpich, or openmpi-bin`);
}

/** Words for Open MPI: it refuses root and more ranks than cores, and ties each rank's threads to one core. */
function openMpiFlags(): string[] {
  const root = Deno.uid() === 0 ? ["--allow-run-as-root"] : [];
  return [...root, "--oversubscribe", "--bind-to", "none"];
}

async function passLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (line: string) => unknown,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(take);
  }
  if (rest !== "") take(rest);
}
