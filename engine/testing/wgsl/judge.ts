/** Finds faults in the notes of dispatches: indices out of range, races in buffers and in workgroup memory, barriers. */
import { type KernelDeclaration, type KernelLine, lineOf } from "../../gpu/kernel.ts";
import { valueOf } from "./constants.ts";
import { ADDRESS_BITS, HEAD, NONE, OWN } from "./instrument.ts";
import type { Noted } from "./notes.ts";

/** A fault of a kernel, at a line. */
export interface KernelFault {
  readonly check: "indices" | "races" | "barriers";
  /** `file:entry`. */
  readonly kernel: string;
  readonly place: KernelLine;
  /** In words. */
  readonly text: string;
}

/** Faults of some dispatches, each line of a kernel once. */
export function judge(dispatches: readonly Noted[]): KernelFault[] {
  const found = new Map<string, KernelFault>();
  for (const noted of dispatches) {
    for (const { check, line, text } of [...indexFaults(noted), ...races(noted)]) {
      const { kernel } = noted, key = `${check} ${kernel.name} ${line}`;
      if (!found.has(key)) found.set(key, faultAt(kernel, check, line, text));
    }
  }
  return [...found.values()];
}

/** A fault at a line of a kernel's joined text. */
export function faultAt(
  kernel: KernelDeclaration,
  check: KernelFault["check"],
  line: number,
  text: string,
): KernelFault {
  return { check, kernel: kernel.name, place: lineOf(kernel, line), text };
}

interface Found {
  readonly check: KernelFault["check"];
  readonly line: number;
  readonly text: string;
}

function indexFaults({ notes, groups, lanes, instrumented: { sites } }: Noted): Found[] {
  const counts = new Map<number, { count: number; index: number; length: number }>();
  for (let own = 0; own < groups * lanes; own++) {
    const [, site, index, length] = notes.subarray(HEAD + OWN * own, HEAD + OWN * (own + 1));
    if (site === 0) continue;
    const known = counts.get(site);
    if (known) known.count++;
    else counts.set(site, { count: 1, index: index | 0, length });
  }
  return [...counts].map(([number, { count, index, length }]) => {
    const { name, kind, line } = sites[number - 1];
    const who = count === 1 ? "an invocation has" : `${count} invocations have`;
    const deed = kind === "read" ? "read" : "written";
    return { check: "indices", line, text: `${who} "${name}" ${deed} out of range, at ${index} of ${length}` };
  });
}

/** Races of a dispatch: in its buffers, and in the memory of each workgroup between two barriers that order it. */
function races(noted: Noted): Found[] {
  const { groups, lanes, capacity, notes, log, instrumented: { sites, barriers }, constants } = noted;
  const sizes = sites.map(({ size }) => valueOf(size, constants, noted.instrumented.constants) ?? 1);
  const found: Found[] = [], buffers = new Map<string, Touched>();
  for (let group = 0; group < groups; group++) {
    const shared = new Map<string, Touched>();
    const own = Array.from({ length: lanes }, (_, lane) => {
      const from = (group * lanes + lane) * (capacity + 1);
      const count = Math.min(notes[HEAD + OWN * (group * lanes + lane)], capacity);
      return { events: log.subarray(from, from + count), at: 0 };
    });
    for (let interval = 0;; interval++) {
      const ends = own.map((lane, number) => {
        for (; lane.at < lane.events.length; lane.at++) {
          const event = lane.events[lane.at], site = event >>> ADDRESS_BITS;
          if (site === NONE) continue;
          if (site >= sites.length) {
            if (barriers[site - sites.length].orders) return site - sites.length;
            continue;
          }
          const { name, kind, line, space } = sites[site], first = event & (2 ** ADDRESS_BITS - 1);
          const inside = space === "workgroup", all = inside ? shared : buffers;
          let touched = all.get(name);
          if (!touched) all.set(name, touched = new Touched());
          const who = inside ? number : group * lanes + number;
          for (let at = first; at < first + sizes[site]; at++) {
            const other = touched.see(at, inside ? interval : 0, who, kind);
            if (other === null) continue;
            const where = inside ? `of workgroup ${group}` : "of the dispatch";
            found.push({
              check: "races",
              line,
              text:
                `number ${at} of "${name}" is ${kind === "read" ? "read" : "written"} by invocation ${who} ${where}, ` +
                `and ${other.wrote ? "written" : "read"} by ${other.who}${inside ? " with no barrier between" : ""}`,
            });
            break;
          }
        }
        return null;
      });
      const reached = ends.find((end) => end !== null);
      if (reached === undefined || reached === null) break;
      const missing = ends.filter((end) => end !== reached).length;
      // Where there was no space for all events, some seem not to have come so far.
      if (missing > 0 && own.some(({ events }) => events.length === capacity)) break;
      if (missing > 0) {
        found.push({
          check: "barriers",
          line: barriers[reached].line,
          text: `${lanes - missing} of ${lanes} invocations of workgroup ${group} reach the barrier`,
        });
        break;
      }
      for (const lane of own) lane.at++;
    }
  }
  return found;
}

/** Who touched each number of a variable: one who wrote, and two who read. */
class Touched {
  readonly #numbers = new Map<number, { interval: number; writer: number; reader: number; other: number }>();

  /** Notes an access; an access of another invocation that it races with, or null. */
  see(
    number: number,
    interval: number,
    who: number,
    kind: string,
  ): { readonly who: number; readonly wrote: boolean } | null {
    let own = this.#numbers.get(number);
    if (!own || own.interval !== interval) {
      this.#numbers.set(number, own = { interval, writer: -1, reader: -1, other: -1 });
    }
    const { writer, reader, other } = own;
    if (kind !== "read") own.writer = who;
    if (kind !== "write") {
      if (reader < 0) own.reader = who;
      else if (reader !== who) own.other = who;
    }
    if (writer >= 0 && writer !== who) return { who: writer, wrote: true };
    if (kind === "read") return null;
    const read = reader >= 0 && reader !== who ? reader : other >= 0 && other !== who ? other : -1;
    return read >= 0 ? { who: read, wrote: false } : null;
  }
}
