/**
 * Kills ranks of a training at random times, looks that one line names each and that all end, goes on with the run, and compares
 * what it leaves with that of one never killed: `deno task test:kills:ranks [--kills n] [--seed n] [--ranks n]`. Every third rank
 * is stopped instead, so that it hangs.
 */
import { join } from "node:path";
import { RandomStream } from "../../engine/base/random.ts";
import { listCheckpoints } from "../../model/run/run_folder.ts";
import { readRunCheckpoint } from "../../model/run/checkpoint.ts";
import { REGION_RUNS } from "../../model/regions/config.ts";
import { ended, start } from "../support/command.ts";
import { TINY, writeTinyCoco } from "../support/files/tiny_coco.ts";
import { parsed } from "../support/parsed.ts";
import { rankProcesses, waitForRanks } from "../support/ranks/processes.ts";
import { contentsOf, differences } from "./contents.ts";

const USAGE = `deno task test:kills:ranks
  --kills n  in all (50)
  --ranks n  processes of the training (2)
  --seed n   the same times again (1)`;

const { values } = parsed({
  options: {
    kills: { type: "string", default: "50" },
    ranks: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean" },
  },
}, USAGE);

/** Seconds of silence that end a run: short, for here nothing is slow. */
const TIMEOUT = "5";

const print = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
const kills = Number(values.kills), size = Number(values.ranks);
const folder = await Deno.makeTempDir({ prefix: "itera-kills-ranks-" });
const random = new RandomStream(Number(values.seed), 0x1c112);
const settings = { ...TINY, steps: 60, batch: size, displayEvery: 3, checkpointEvery: 4 };

await writeTinyCoco(join(folder, "data"), 5);
const config = join(folder, "config.json");
await Deno.writeTextFile(
  config,
  JSON.stringify({ ...settings, dataset: { ...TINY.dataset, data: join(folder, "data") } }),
);

/** Words that begin a run, or go on with it. */
function words(name: string): string[] {
  const begun = listCheckpoints(join(folder, name)).length > 0;
  const own = begun ? ["--resume"] : ["--model", "baseline", "--config", config];
  return ["train", ...own, "--runs", folder, "--name", name, "--ranks", String(size), "--rank-timeout", TIMEOUT];
}

/** Removes a run that has no checkpoint to go on from. */
async function forget(name: string): Promise<void> {
  if (listCheckpoints(join(folder, name)).length > 0) return;
  await Deno.remove(join(folder, name), { recursive: true }).catch(() => {});
}

/** Faults of a kill of one rank; null where the run ended before it came. */
async function kill(name: string): Promise<string[] | null> {
  await forget(name);
  const rank = Math.floor(random.unit() * size), hangs = random.unit() < 1 / 3, after = random.unit() * 9000;
  const child = start(words(name)), end = ended(child);
  let over = false;
  end.finally(() => over = true);
  await waitForRanks(folder, size, () => over);
  await Promise.race([end, new Promise((resolve) => setTimeout(resolve, after))]);
  const pid = rankProcesses(folder)[rank];
  if (pid === undefined) {
    await end;
    return null;
  }
  const at = performance.now();
  Deno.kill(pid, hangs ? "SIGSTOP" : "SIGKILL");
  const { code, err } = await end, seconds = (performance.now() - at) / 1000;
  const lines = err.split("\n").filter((line) => line.startsWith("itera: ")), faults: string[] = [];
  // One that has done all its work may be gone before it is noticed.
  if (code === 0) return null;
  if (lines.length !== 1 || !lines[0].startsWith(`itera: rank ${rank} `)) faults.push(`it says: ${lines.join(" / ")}`);
  // One that is stopped before all have begun has the time of starting, too.
  if (seconds > Number(TIMEOUT) + 40) faults.push(`it took ${seconds.toFixed(0)} s`);
  if (rankProcesses(folder).length > 0) faults.push("ranks are left");
  if (listCheckpoints(join(folder, name)).length > 0) {
    await readRunCheckpoint(join(folder, name), [REGION_RUNS], (path, reason) => faults.push(`${path}: ${reason}`));
  }
  print(
    `${hangs ? "stopped" : "killed"} rank ${rank} after ${(after / 1000).toFixed(1)} s: ended in ${
      seconds.toFixed(1)
    } s`,
  );
  return faults;
}

async function whole(name: string): Promise<Map<string, string>> {
  await forget(name);
  const { code, err } = await ended(start(words(name)));
  if (code !== 0) throw new Error(err);
  return await contentsOf(join(folder, name));
}

let wrong = 0, made = 0;
try {
  const never = await whole("run");
  while (made < kills) {
    await Deno.remove(join(folder, "run"), { recursive: true });
    for (let life = 0; life < 5 && made < kills; life++) {
      const faults = await kill("run");
      if (faults === null) break;
      made++;
      for (const fault of faults) print(`WRONG: ${fault}`);
      wrong += Number(faults.length > 0);
    }
    const other = differences(await whole("run"), never);
    if (other.length > 0) print(`WRONG: ${other.join(", ")}`);
    wrong += Number(other.length > 0);
  }
  print(`${made} kills, ${wrong} wrong`);
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(wrong === 0 ? 0 : 1);
