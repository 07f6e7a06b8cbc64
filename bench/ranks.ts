/** Training by two ranks beside one process and two that know nothing of each other, a core each. */
import { fileURLToPath } from "node:url";
import type { Reached } from "./ranks_child.ts";

/** A row: all processes together. */
export interface RankRow {
  readonly name: string;
  /** Images a step and process. */
  readonly each: number;
  readonly imagesPerSecond: number;
  /** Share of what processes that know nothing of each other reach, of ranks. */
  readonly toApart: number | null;
  readonly parts: Reached["parts"];
  readonly constants: Reached["constants"];
  /** Images a second by the model of docs/scaling.md: c is the step of processes that know nothing of each other, all else its constants. */
  readonly predicted: number | null;
}

/** Seconds of each row and turn, and turns. */
const SECONDS = 10, TURNS = 3;

/** Images a step and process. */
const EACH = [1, 4];

/** Launchers, and the words that each needs. */
const LAUNCHERS = [
  ["mpirun.mpich"],
  ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"],
];

/** A kind of row, and what runs it once. */
interface Kind {
  readonly name: string;
  readonly each: number;
  /** True for processes that know nothing of each other: what ranks are held to. */
  readonly apart?: boolean;
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
  const apart = new Map<number, readonly RankRow[]>();
  return [...taken].map(([kind, turns]) => {
    // Ranks are held to what ran in the same turn.
    const all = turns.map((reached, turn) => rowOf(kind, reached, apart.get(kind.each)?.[turn]));
    if (kind.apart) apart.set(kind.each, all);
    const order = ({ toApart, imagesPerSecond }: RankRow): number => toApart ?? imagesPerSecond;
    return all.toSorted((a, b) => order(a) - order(b))[Math.floor(all.length / 2)];
  });
}

function kinds(): Kind[] {
  const child = [
    Deno.execPath(),
    "run",
    "-A",
    "--no-lock",
    fileURLToPath(new URL("./ranks_child.ts", import.meta.url)),
  ];
  const pinned = `exec taskset -c "\${PMI_RANK:-$OMPI_COMM_WORLD_RANK}" "$@"`;
  return EACH.flatMap((each): Kind[] => {
    const words = [...child, String(SECONDS), String(each)];
    const own = (core: number): Promise<Reached> => run(["taskset", "-c", String(core), ...words]);
    return [
      { name: "one process", each, run: async () => [await own(0)] },
      { name: "two that know nothing of each other", each, apart: true, run: () => Promise.all([own(0), own(1)]) },
      ...LAUNCHERS.map((launcher): Kind => ({
        name: `two ranks, ${launcher[0]}`,
        each,
        run: async () => {
          const first = await run([...launcher, "-n", "2", "sh", "-c", pinned, "sh", ...words]);
          return [first, first];
        },
      })),
    ];
  });
}

function rowOf({ name, each }: Kind, reached: readonly Reached[], apart: RankRow | undefined): RankRow {
  const imagesPerSecond = reached.reduce((sum, { images, ms }) => sum + 1000 * images / ms, 0);
  const [{ parts, constants }] = reached, images = reached.length * each;
  const ms = apart && constants &&
    1000 * images / apart.imagesPerSecond + constants.read + constants.sum + constants.write;
  const [toApart, predicted] = [apart ? imagesPerSecond / apart.imagesPerSecond : null, ms ? 1000 * images / ms : null];
  return { name, each, imagesPerSecond, toApart, parts, constants, predicted };
}

/** The line that a process of those words prints first. Throws with its complaint where it fails. */
async function run([program, ...args]: readonly string[]): Promise<Reached> {
  const env = { LP_NUM_THREADS: "1", NO_COLOR: "1" };
  const { success, stdout, stderr } = await new Deno.Command(program, { args, env, stdin: "null" }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`${program}: ${err.trim().slice(-500)}`);
  return JSON.parse(out.split("\n")[0]) as Reached;
}
