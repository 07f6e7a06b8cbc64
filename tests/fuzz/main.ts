/**
 * `deno task fuzz [reader…] [--seconds n] [--seed n] [--count n]`: changed files given to every reader of files. New faults
 * are made small and written below `tests/fuzz/regressions`, which the suite reads from then on.
 */
import { fileURLToPath } from "node:url";
import { parsed } from "../support/parsed.ts";
import { fuzz, type Tally } from "./fuzz.ts";
import { FAULTS, type Outcome, SOUND } from "./reader.ts";
import { READERS } from "./readers/registry.ts";

const USAGE = `deno task fuzz [reader…]
  --seconds n     as long as this in all (60)
  --count n       at most so many inputs a reader
  --seed n        the same inputs again
  --processes n   side by side (one a core)
  --kinds         also counts by kind of change`;

const { values, positionals } = parsed({
  args: Deno.args,
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    seed: { type: "string" },
    count: { type: "string" },
    processes: { type: "string" },
    kinds: { type: "boolean" },
    help: { type: "boolean" },
  },
}, USAGE);

function print(text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** A whole number of a flag. */
function whole(name: keyof typeof values, otherwise: number): number {
  const text = values[name];
  if (text === undefined) return otherwise;
  if (typeof text === "string" && /^\d+$/.test(text)) return Number(text);
  print(`--${name} ${text}: give a whole number`);
  Deno.exit(2);
}

const names = READERS.map(({ name }) => name);
const chosen = positionals.length === 0 ? names : names.filter((name) => positionals.includes(name));
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined) {
  print(`there is no reader "${unknown}"; readers: ${names.join(", ")}`);
  Deno.exit(2);
}

/** Counts by end. */
function sums({ kinds }: Tally): Map<Outcome, number> {
  const all = new Map<Outcome, number>();
  for (const ends of kinds.values()) for (const [end, n] of ends) all.set(end, (all.get(end) ?? 0) + n);
  return all;
}

function row(name: string, ends: ReadonlyMap<Outcome, number>): string {
  const total = [...ends.values()].reduce((a, b) => a + b, 0);
  const faults = FAULTS.filter((end) => ends.has(end)).map((end) => `${ends.get(end)} ${end}`).join(", ");
  const cells = [total, ...SOUND.map((end) => ends.get(end) ?? 0)].map((n) => String(n).padStart(9));
  return `${name.padEnd(30)}${cells.join("")}  ${faults}`;
}

const seed = whole("seed", crypto.getRandomValues(new Uint32Array(1))[0]);
print(`seed ${seed}`);
print(`${"".padEnd(30)}${["inputs", ...SOUND].map((word) => word.padStart(9)).join("")}  faults`);
const { tallies, finds } = await fuzz({
  registry: new URL("./readers/registry.ts", import.meta.url).href,
  readers: chosen,
  seed,
  seconds: whole("seconds", 60),
  ...values.count === undefined ? {} : { count: whole("count", 0) },
  processes: whole("processes", navigator.hardwareConcurrency),
  finds: fileURLToPath(new URL("./regressions", import.meta.url)),
  onReader: (tally) => print(row(tally.reader, sums(tally))),
  onFind: ({ reader, index, detail, folder }) =>
    print(`  ${reader}, mutation ${index}: ${detail}\n  kept in ${folder}`),
});
if (values.kinds) {
  const all = new Map<string, Map<Outcome, number>>();
  for (const { kinds } of tallies) {
    for (const [kind, ends] of kinds) {
      const own = all.get(kind) ?? new Map<Outcome, number>();
      for (const [end, n] of ends) own.set(end, (own.get(end) ?? 0) + n);
      all.set(kind, own);
    }
  }
  print("");
  for (const [kind, ends] of [...all].sort()) print(row(kind, ends));
}
const inputs = tallies.reduce((sum, tally) => sum + [...sums(tally).values()].reduce((a, b) => a + b, 0), 0);
print(`${inputs} inputs, ${finds.length} kinds of faults`);
Deno.exit(finds.length === 0 ? 0 : 1);
