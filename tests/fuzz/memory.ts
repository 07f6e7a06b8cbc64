/** Memory and processor time of a process, from Linux's own tables; elsewhere as near as may be. */

function proc(pid: number | "self", file: string): string | null {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return null;
  }
}

/** Forgets the peak of this process's memory; returns the bytes it holds now. */
export function resetPeak(): number {
  try {
    Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Another system, or one that does not let it be forgotten: the memory after reading must do.
  }
  return held("self", "VmRSS") ?? Deno.memoryUsage().rss;
}

/** The most bytes that this process held since then. */
export function peakMemory(): number {
  return held("self", "VmHWM") ?? Deno.memoryUsage().rss;
}

/** Bytes that a process holds; null where it is gone. */
export function memoryOf(pid: number): number | null {
  return held(pid, "VmRSS");
}

function held(pid: number | "self", field: string): number | null {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(proc(pid, "status") ?? "");
  return found ? 1024 * Number(found[1]) : null;
}

/** Linux counts processor time in hundredths of a second. */
const TICKS = 100;

/** Seconds of processor time that a process took; null where that is not known. */
export function processorTime(pid: number): number | null {
  const fields = proc(pid, "stat")?.replace(/^.*\) /, "").split(" ");
  return fields ? (Number(fields[11]) + Number(fields[12])) / TICKS : null;
}
