/** `sessions.json` of a run: when it was worked on, how far, on which adapter and by which version. */
import { z } from "../../engine/base/packages/zod.ts";
import { writeJsonAtomic } from "../../engine/base/atomic.ts";
import { duration } from "../../engine/base/duration.ts";
import { readJsonFile } from "./layers.ts";
import { exists } from "./run_names.ts";
import { VERSION } from "./version.ts";

const FILE = "sessions.json";

const schema = z.array(z.object({
  began: z.iso.datetime(),
  /** The last checkpoint, or the end. */
  ended: z.iso.datetime(),
  adapter: z.string(),
  version: z.string(),
  from: z.int(),
  to: z.int(),
}));

/** One process's work on a run: times as ISO dates, steps done before and after it. */
export type Session = z.infer<typeof schema>[number];

/** Folder of a run. */
interface Folder {
  file(name: string): string;
}

/** The sessions of a run, oldest first; none where it has no list, as runs of earlier versions. */
export function readSessions(folder: Folder): Session[] {
  const path = folder.file(FILE);
  if (!exists(path)) return [];
  const parsed = schema.safeParse(readJsonFile(path));
  return parsed.success ? parsed.data : [];
}

/** Begins a session after `from` steps; the function that it returns notes how far it came. */
export function beginSession(folder: Folder, adapter: string, from: number): (step: number) => Promise<void> {
  const before = readSessions(folder), began = new Date().toISOString();
  return (to) => {
    const own: Session = { began, ended: new Date().toISOString(), adapter, version: VERSION, from, to };
    return writeJsonAtomic(folder.file(FILE), [...before, own]);
  };
}

/** Facts of a run's sessions for its report: date, time spent, adapters, versions. */
export function sessionFacts(folder: Folder): [name: string, value: string][] {
  return factsOf(readSessions(folder));
}

/** Facts of sessions, of one run or of several one after the other. */
export function factsOf(sessions: readonly Session[]): [name: string, value: string][] {
  if (sessions.length === 0) return [];
  const each = (key: "adapter" | "version"): string => [...new Set(sessions.map((session) => session[key]))].join(", ");
  const seconds = sessions.reduce((sum, { began, ended }) => sum + (Date.parse(ended) - Date.parse(began)) / 1000, 0);
  const times = sessions.length > 1 ? ` in ${sessions.length} sessions` : "";
  return [
    [
      "trained",
      `${sessions.map(({ ended }) => ended).sort().at(-1)!.slice(0, 16).replace("T", " ")} UTC, ${
        duration(seconds)
      }${times}`,
    ],
    ["adapter", each("adapter")],
    ["version", each("version")],
  ];
}
