/** The thread of {@link watchEdge}. */
import { join } from "node:path";

/** Facts for the thread. */
export interface EdgeSetup {
  readonly rank: number;
  readonly size: number;
  /** Seconds of silence after which all ranks are ended. */
  readonly timeout: number;
  /** The thing that ranks do together. */
  readonly edge: "begin" | "end";
  /** Folder that ranks of one host leave notes in. */
  readonly notes: string | null;
}

const scope = globalThis as unknown as { onmessage: ((event: MessageEvent<EdgeSetup>) => void) | null };

/** Ms between notes, and after which one is old. */
const BETWEEN = 500, OLD = 5000;

/** Ms beyond the time-out in which programs begin. */
const STARTING = 30_000;

/** Ms in which a launcher passes on a line. */
const FORWARDED = 500;

/** Ms that ranks let those before them speak first. */
const turn = (rank: number): number => Math.min(200 * rank, 5000);

function begin({ rank, size, timeout, edge, notes }: EdgeSetup): void {
  const note = (of: number): string => join(notes!, `${of}.${edge}`);
  setInterval(() => notes !== null && Deno.writeTextFileSync(note(rank), ""), BETWEEN);
  setTimeout(() => {
    const missing = notes === null
      ? []
      : Array.from({ length: size }, (_, i) => i).filter((other) => other !== rank && age(note(other)) > OLD);
    const who = missing.length === 0 ? "a rank" : `rank ${missing.join(" and rank ")}`;
    const seconds = timeout + STARTING / 1000;
    const line = `itera: ${who} did not ${edge} with the others in ${seconds} s: it hangs, or is not there\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(line));
    // MPI cannot end what it has not begun; its launcher does where one process is gone.
    setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), FORWARDED);
  }, 1000 * timeout + STARTING + turn(rank));
}

/** Ms since a file was written; Infinity where there is none. */
function age(path: string): number {
  try {
    return Date.now() - Deno.statSync(path).mtime!.getTime();
  } catch {
    return Infinity;
  }
}

scope.onmessage = ({ data }) => begin(data);
