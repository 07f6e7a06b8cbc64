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
  const found: Found[] = [], variables = touchedBy(sites);
  let interval = 0;
  for (let group = 0; group < groups; group++) {
    const own = Array.from({ length: lanes }, (_, lane) => {
      const from = (group * lanes + lane) * (capacity + 1);
      const count = Math.min(notes[HEAD + OWN * (group * lanes + lane)], capacity);
      return { events: log.subarray(from, from + count), at: 0 };
    });
    // Of workgroup memory, what another workgroup or the time before a barrier touched counts no more.
    for (;; interval++) {
      const ends = own.map((lane, number) => {
        for (; lane.at < lane.events.length; lane.at++) {
          const event = lane.events[lane.at], site = event >>> ADDRESS_BITS;
          if (site === NONE) continue;
          if (site >= sites.length) {
            if (barriers[site - sites.length].orders) return site - sites.length;
            continue;
          }
          const { name, kind, line, space } = sites[site], first = event & (2 ** ADDRESS_BITS - 1);
          const inside = space === "workgroup", touched = variables[site], since = inside ? interval : 0;
          const who = inside ? number : group * lanes + number, reads = kind !== "write", writes = kind !== "read";
          for (let at = first; at < first + sizes[site]; at++) {
            const other = touched.see(at, since, who, reads, writes);
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
    interval++;
  }
  return found;
}

/** Accesses of the variable of each place; places of one variable share them. */
function touchedBy(sites: readonly { readonly name: string }[]): Touched[] {
  const variables = new Map(sites.map(({ name }) => [name, new Touched()]));
  return sites.map(({ name }) => variables.get(name)!);
}

/** Invocations that touched each number of a variable since the last barrier: one that wrote, and two that read. */
class Touched {
  /** Of each number the interval that its other three are of, and one more than the invocations: 0 is none. */
  #numbers = new Int32Array(4 * 64);

  /** Notes an access; an access of another invocation that it races with, or null. */
  see(
    number: number,
    interval: number,
    who: number,
    reads: boolean,
    writes: boolean,
  ): { readonly who: number; readonly wrote: boolean } | null {
    const at = 4 * number;
    if (at >= this.#numbers.length) {
      const more = new Int32Array(2 ** Math.ceil(Math.log2(at + 4)));
      more.set(this.#numbers);
      this.#numbers = more;
    }
    const own = this.#numbers;
    if (own[at] !== interval + 1) {
      own[at] = interval + 1;
      own[at + 1] = own[at + 2] = own[at + 3] = 0;
    }
    const writer = own[at + 1] - 1, reader = own[at + 2] - 1, other = own[at + 3] - 1;
    if (writes) own[at + 1] = who + 1;
    if (reads) {
      if (reader < 0) own[at + 2] = who + 1;
      else if (reader !== who) own[at + 3] = who + 1;
    }
    if (writer >= 0 && writer !== who) return { who: writer, wrote: true };
    if (!writes) return null;
    const read = reader >= 0 && reader !== who ? reader : other >= 0 && other !== who ? other : -1;
    return read >= 0 ? { who: read, wrote: false } : null;
  }
}
