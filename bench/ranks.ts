/** Training by two ranks beside one process and two that know nothing of each other, a core each. */
import { fileURLToPath } from "node:url";
import type { Reached } from "./ranks_child.ts";

/** A row: all processes together. */
export interface RankRow {
  readonly name: string;
  readonly imagesPerSecond: number;
  readonly parts: Reached["parts"];
  readonly constants: Reached["constants"];
  /** Images a second by the model of docs/scaling.md: c is the step of the row of two processes, all else its constants. */
  readonly predicted: number | null;
}

/** Seconds of each row. */
const SECONDS = 20;

/** Launchers, and the words that each needs. */
const LAUNCHERS = [
  ["mpirun.mpich"],
  ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"],
];

/** The rows; `left` is called with the reason where some are left out. */
export async function rankRows(left: (why: string) => void): Promise<RankRow[]> {
  const child = [
    Deno.execPath(),
    "run",
    "-A",
    "--no-lock",
    fileURLToPath(new URL("./ranks_child.ts", import.meta.url)),
  ];
  const own = (core: number): string[] => ["taskset", "-c", String(core), ...child, String(SECONDS)];
  const rows: RankRow[] = [];
  try {
    rows.push(rowOf("one process", [await run(own(0))]));
    rows.push(rowOf("two processes that know nothing of each other", await Promise.all([run(own(0)), run(own(1))])));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    left("there is no taskset, which gives each process its core");
    return rows;
  }
  for (const launcher of LAUNCHERS) {
    const words = `exec taskset -c "\${PMI_RANK:-$OMPI_COMM_WORLD_RANK}" "$@"`;
    try {
      const first = await run([...launcher, "-n", "2", "sh", "-c", words, "sh", ...child, String(SECONDS)]);
      rows.push(rowOf(`two ranks, ${launcher[0]}`, [first, first], rows[1]));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      left(`${launcher[0]} is not installed`);
    }
  }
  return rows;
}

function rowOf(name: string, reached: readonly Reached[], alone?: RankRow): RankRow {
  const imagesPerSecond = reached.reduce((sum, { images, ms }) => sum + 1000 * images / ms, 0);
  const [{ parts, constants }] = reached, n = reached.length;
  const step = alone && constants &&
    1000 * n / alone.imagesPerSecond + constants.read + constants.sum + constants.write;
  return { name, imagesPerSecond, parts, constants, predicted: step ? 1000 * n / step : null };
}

/** The line that a process of those words prints first. Throws with its complaint where it fails. */
async function run([program, ...args]: readonly string[]): Promise<Reached> {
  const env = { LP_NUM_THREADS: "1", NO_COLOR: "1" };
  const { success, stdout, stderr } = await new Deno.Command(program, { args, env, stdin: "null" }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`${program}: ${err.trim().slice(-500)}`);
  return JSON.parse(out.split("\n")[0]) as Reached;
}
