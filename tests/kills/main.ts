/**
 * Kills every kind of work at random times, goes on with it, and compares what it leaves with that of one never killed:
 * `deno task test:kills [--kills n] [--seed n] [--only pattern] [--keep folder]`. Every third kill waits until something is written.
 */
import { join } from "node:path";
import { RandomStream } from "../../engine/base/random.ts";
import { copy } from "../support/folder.ts";
import { parsed } from "../support/parsed.ts";
import { trainings, writers } from "./kinds.ts";
import { type Kill, type Life, live, whole } from "./kill.ts";

const USAGE = `deno task test:kills
  --kills n       in all (500)
  --only pattern  works whose name it matches
  --seed n        the same times again (1)
  --keep folder   keeps what a life left that ended otherwise`;

const { values } = parsed({
  options: {
    kills: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    keep: { type: "string" },
    help: { type: "boolean" },
  },
}, USAGE);
/** Most kills in a life. */
const MOST = 6;

const print = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
const kills = Number(values.kills), seed = Number(values.seed);
const folder = await Deno.makeTempDir({ prefix: "itera-kills-" }), out = join(folder, "out");
const random = new RandomStream(seed, 0x1c111);
let faults = 0;
try {
  const all = [...await writers(folder, out), ...await trainings(folder, out)];
  const works = all.filter(({ name }) => new RegExp(values.only ?? "").test(name));
  let made = 0;
  for (const [i, work] of works.entries()) {
    const share = Math.floor((i + 1) * kills / works.length) - Math.floor(i * kills / works.length);
    const never = await whole(work, out);
    const lives: Life[] = [];
    for (let done = 0; done < share;) {
      const times = Math.min(share - done, random.integer(1, MOST));
      const waits = Array.from({ length: times }, (_, k) => (made + k) % 3 === 2);
      const life = await live(work, out, never, random, waits);
      lives.push(life);
      done += life.kills.length;
      made += life.kills.length;
      if (life.faults.length === 0) continue;
      faults++;
      print(`WRONG ${work.name}: ${life.faults.join("; ")}`);
      for (const { after, writing, partial } of life.kills) {
        print(
          `  killed after ${after} ms${writing ? ", writing" : ""}: ${partial.join(", ") || "nothing half written"}`,
        );
      }
      if (values.keep) await copy(out, join(values.keep, `${work.name}-${faults}`));
      // A work that fails at once would do so for ever.
      if (life.kills.length === 0) break;
    }
    print(summary(work.name, never.milliseconds, lives));
  }
  print(`${made} kills, ${faults} lives that ended otherwise than without`);
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(faults === 0 ? 0 : 1);

function summary(name: string, milliseconds: number, lives: readonly Life[]): string {
  const all = lives.flatMap(({ kills }) => kills),
    count = (is: (kill: Kill) => boolean): number => all.filter(is).length;
  return `${name.padEnd(28)} ${(milliseconds / 1000).toFixed(1)} s: ${all.length} kills in ${lives.length} lives, ` +
    `${count((kill) => kill.writing)} while writing, ${
      count((kill) => kill.partial.length > 0)
    } left files half written, ` +
    `${count((kill) => kill.before)} before anything was; ${
      lives.filter(({ faults }) => faults.length > 0).length
    } wrong`;
}
