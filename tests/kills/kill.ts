/** Works killed and gone on with, and what became of them. */
import { join, resolve } from "node:path";
import { ROOT } from "../support/command.ts";
import type { RandomStream } from "../../engine/base/random.ts";
import { contentsOf, differences } from "./contents.ts";
import type { Work } from "./kinds.ts";

/** A kill. */
export interface Kill {
  readonly work: string;
  /** Milliseconds after its start. */
  readonly after: number;
  /** True where it waited for something to be written. */
  readonly writing: boolean;
  /** Files that were only begun when it came; gone once the work was gone on with. */
  readonly partial: readonly string[];
  /** True where it had not begun to write. */
  readonly before: boolean;
}

/** A life: a work killed once or more, then left to end. */
export interface Life {
  readonly kills: readonly Kill[];
  /** Faults of what it left; none where all is as in a work never killed. */
  readonly faults: readonly string[];
}

/** Contents that a work never killed leaves, and its time. */
export interface Whole {
  readonly contents: ReadonlyMap<string, string>;
  readonly milliseconds: number;
}

/** Files that are written under another name than they will have, or row by row. */
const PARTIAL = /\.(partial|working|saved|growing|rows)$/;

/** A file that gets its name once it is whole, in a list of paths and sizes. */
const UNNAMED = /\.(partial|working) \d+$/;

/** Milliseconds after which a work that does not end counts as stuck. */
const STUCK = 120_000;

/** Runs a work to its end in an empty folder, twice: drivers compile its kernels in the first. */
export async function whole(work: Work, out: string): Promise<Whole> {
  let milliseconds = 0;
  for (let i = 0; i < 2; i++) {
    await empty(work, out);
    const start = performance.now();
    const fault = await toTheEnd(work, out);
    if (fault) throw new Error(`${work.name}: ${fault}`);
    milliseconds = performance.now() - start;
  }
  return { contents: await contentsOf(out), milliseconds };
}

/** Kills a work up to `kills` times, at random times, every one of `writing` while something is written; then lets it end. */
export async function live(
  work: Work,
  out: string,
  never: Whole,
  random: RandomStream,
  writing: readonly boolean[],
): Promise<Life> {
  await empty(work, out);
  const kills: Kill[] = [];
  for (const waits of writing) {
    const until = waits ? random.unit() < 0.75 ? "unnamed" : "any" : null;
    const kill = await killOnce(work, out, random.unit() * never.milliseconds, until);
    if (typeof kill === "string") return { kills, faults: [kill] };
    if (!kill) break;
    kills.push(kill);
  }
  const fault = await toTheEnd(work, out);
  if (fault) return { kills, faults: [fault] };
  const wrong = differences(await contentsOf(out), never.contents);
  return { kills, faults: wrong.map((path) => `${path} differs`) };
}

/** Kills a work after some time, then `until` something is written; null where it ended before, its complaint where badly. */
async function killOnce(
  work: Work,
  out: string,
  after: number,
  until: "unnamed" | "any" | null,
): Promise<Kill | string | null> {
  const start = performance.now();
  const child = spawn(work, out);
  const output = child.output();
  let over = false;
  const end = output.finally(() => over = true);
  await Promise.race([end, wait(after)]);
  if (until && !over) await nextWrite(out, until === "unnamed", () => over);
  const at = performance.now() - start;
  if (!over) kill(child);
  const { code, signal, stderr } = await output;
  if (signal !== "SIGKILL" && code === 0) return null;
  if (signal !== "SIGKILL") return `ended with status ${code}: ${new TextDecoder().decode(stderr).trim().slice(-500)}`;
  const left = await filesIn(out);
  return {
    work: work.name,
    after: Math.round(at),
    writing: until !== null,
    partial: left.filter((path) => PARTIAL.test(path)),
    before: left.length === 0,
  };
}

/** Runs a work until it ends by itself; its complaint where it does not end well. */
async function toTheEnd(work: Work, out: string): Promise<string | null> {
  const child = spawn(work, out);
  const late = setTimeout(() => kill(child), STUCK);
  const { code, stderr } = await child.output();
  clearTimeout(late);
  if (code === 0) return null;
  return `ended with status ${code}: ${new TextDecoder().decode(stderr).trim().slice(-500)}`;
}

function spawn({ begin, goOn, script = "cli/main.ts" }: Work, out: string): Deno.ChildProcess {
  const goes = goOn !== undefined && exists(join(out, goOn.begun));
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", resolve(ROOT, script), ...goes ? goOn.args : begin],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1", ITERA_TUNING: "none" },
  }).spawn();
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Waits for the end, or until a file below a folder is half written: until one that has not its name yet is there, where
 * `unnamed`, else until any file is made, grows or goes. Looks without rest, since writing is quick.
 */
async function nextWrite(folder: string, unnamed: boolean, over: () => boolean): Promise<void> {
  const before = sizesIn(folder);
  const begun = (): boolean => {
    const now = sizesIn(folder);
    return now !== before && (!unnamed || now.split("\n").some((line) => UNNAMED.test(line) && !before.includes(line)));
  };
  while (!over()) {
    const until = performance.now() + 2;
    while (performance.now() < until) if (begun()) return;
    await wait(0);
  }
}

/** Paths and sizes of all files under a folder. */
function sizesIn(folder: string): string {
  try {
    return [...Deno.readDirSync(folder)].map(({ name, isDirectory }) => {
      const path = join(folder, name);
      return isDirectory ? sizesIn(path) : `${path} ${Deno.statSync(path).size}`;
    }).join("\n");
  } catch (error) {
    // It was renamed between listing and looking.
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function empty({ forget = [] }: Work, out: string): Promise<void> {
  for (const path of [out, ...forget]) {
    await Deno.remove(path, { recursive: true }).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  await Deno.mkdir(out, { recursive: true });
}

/** Files under a folder. */
async function filesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) found.push(...await filesIn(path));
    else found.push(path);
  }
  return found;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
