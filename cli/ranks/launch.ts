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

/** Starts this command with `ranks` processes and waits for their end. Throws {@link ProgramFailed} with its status. */
export async function launch(ranks: number): Promise<void> {
  const { program, flags } = await findLauncher();
  const notes = await Deno.makeTempDir({ prefix: "itera-ranks-" });
  // Ctrl-C reaches the ranks through their launcher; this process waits for their end.
  const ignore = (): void => {};
  Deno.addSignalListener("SIGINT", ignore);
  try {
    const child = new Deno.Command(program, {
      args: [...flags, "-n", String(ranks), Deno.execPath(), ...itself(), ...withoutRanks(Deno.args)],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { [NOTES]: notes },
    }).spawn();
    const pass = (signal: Deno.Signal) => (): void => child.kill(signal);
    const [term, hup] = [pass("SIGTERM"), pass("SIGHUP")];
    Deno.addSignalListener("SIGTERM", term);
    Deno.addSignalListener("SIGHUP", hup);
    const report = new RankReport();
    using gone = new FirstGone(NOTES, notes, ranks);
    await Promise.all([
      passLines(child.stdout, (line) => report.keeps(line) && terminal().out(`${line}\n`)),
      passLines(child.stderr, (line) => report.keeps(line) && terminal().err(`${line}\n`)),
    ]);
    const { code } = await child.status;
    Deno.removeSignalListener("SIGTERM", term);
    Deno.removeSignalListener("SIGHUP", hup);
    if (code === 0) return;
    const cause = report.cause(gone.processes, code, gone.ranks);
    if (cause !== null) notice(`itera: ${cause}`);
    throw new ProgramFailed(code);
  } finally {
    Deno.removeSignalListener("SIGINT", ignore);
    await Deno.remove(notes, { recursive: true });
  }
}

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

/** Words for Open MPI: it refuses root, more ranks than cores, and ties each rank's threads to one core; its grace is short. */
function openMpiFlags(): string[] {
  const root = Deno.uid() === 0 ? ["--allow-run-as-root"] : [];
  return [...root, "--oversubscribe", "--bind-to", "none", "--mca", "odls_base_sigkill_timeout", "600"];
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
