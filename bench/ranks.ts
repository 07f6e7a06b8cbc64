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

/** Seconds of each row and turn, and turns. */
const SECONDS = 12, TURNS = 3;

/** The row whose step the model takes. */
const ALONE = "two processes that know nothing of each other";

/** Launchers, and the words that each needs. */
const LAUNCHERS = [
  ["mpirun.mpich"],
  ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"],
];

/** A kind of row: its name, and what runs it once. */
interface Kind {
  readonly name: string;
  run(): Promise<readonly Reached[]>;
}

/** The rows, taken in turns, as machines change their speed; `left` is called with the reason where some are left out. */
export async function rankRows(left: (why: string) => void): Promise<RankRow[]> {
  const taken = new Map<Kind, (readonly Reached[])[]>();
  for (let turn = 0; turn < TURNS; turn++) {
    for (const kind of turn === 0 ? kinds() : [...taken.keys()]) {
      try {
        taken.set(kind, [...taken.get(kind) ?? [], await kind.run()]);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        left(`${kind.name}: taskset or the launcher is not installed`);
      }
    }
  }
  const rows: RankRow[] = [];
  for (const [{ name }, turns] of taken) {
    const all = turns.map((reached) => rowOf(name, reached, rows.find((row) => row.name === ALONE)));
    rows.push(all.toSorted((a, b) => a.imagesPerSecond - b.imagesPerSecond)[Math.floor(all.length / 2)]);
  }
  return rows;
}

function kinds(): Kind[] {
  const child = [
    Deno.execPath(),
    "run",
    "-A",
    "--no-lock",
    fileURLToPath(new URL("./ranks_child.ts", import.meta.url)),
  ];
  const own = (core: number): string[] => ["taskset", "-c", String(core), ...child, String(SECONDS)];
  const pinned = `exec taskset -c "\${PMI_RANK:-$OMPI_COMM_WORLD_RANK}" "$@"`;
  return [
    { name: "one process", run: async () => [await run(own(0))] },
    { name: ALONE, run: () => Promise.all([run(own(0)), run(own(1))]) },
    ...LAUNCHERS.map((launcher): Kind => ({
      name: `two ranks, ${launcher[0]}`,
      run: async () => {
        const first = await run([...launcher, "-n", "2", "sh", "-c", pinned, "sh", ...child, String(SECONDS)]);
        return [first, first];
      },
    })),
  ];
}

function rowOf(name: string, reached: readonly Reached[], alone: RankRow | undefined): RankRow {
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
