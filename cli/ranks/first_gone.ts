/** Ranks of this host, watched for the one that ends first: the others may end by it, and be noticed before it. */

/** Ms between looks at processes, between searches for them, and after which no more are looked for: they are elsewhere. */
const LOOK = 10, SEARCH = 15, ENOUGH = 30_000;

/** Variables in which launchers give a rank its number. */
const RANK = /^(?:PMI_RANK|OMPI_COMM_WORLD_RANK)=(\d+)$/;

/** The watch. Ranks are known by a variable that they have of whoever started them. */
export class FirstGone implements Disposable {
  /** Ranks by the number of their process. */
  readonly processes = new Map<number, number>();
  readonly #mark: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #next: ReturnType<typeof setTimeout> | undefined;
  #gone: readonly number[] = [];

  /** Watches `count` ranks in whose environment the variable `name` is `value`. */
  constructor(name: string, value: string, count: number) {
    this.#mark = `${name}=${value}`;
    this.#timer = setInterval(() => this.#look(), LOOK);
    const begin = performance.now();
    const search = (): void => {
      const now = performance.now();
      this.#search();
      if (this.processes.size === count || now - begin > ENOUGH) return;
      // Where there are thousands of processes, a search is no light work.
      this.#next = setTimeout(search, Math.max(SEARCH, 4 * (performance.now() - now)));
    };
    search();
  }

  /** The ranks that were gone when one was first; several, where one look found them. */
  get ranks(): readonly number[] {
    return this.#gone;
  }

  /** Sends a signal to each. */
  ask(signal: Deno.Signal): void {
    for (const process of this.processes.keys()) {
      try {
        Deno.kill(process, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  #search(): void {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name) || this.processes.has(Number(name))) continue;
      const environment = read(`/proc/${name}/environ`).split("\0");
      if (!environment.includes(this.#mark)) continue;
      const rank = environment.flatMap((line) => RANK.exec(line)?.[1] ?? [])[0];
      // A rank's own children have its environment, too.
      const isKnown = this.processes.values().some((own) => own === Number(rank));
      if (rank !== undefined && !isKnown) this.processes.set(Number(name), Number(rank));
    }
  }

  #look(): void {
    if (this.#gone.length > 0 || this.#ending().length === 0) return;
    // The first may have ended after it was looked at, and another by it before its turn came: both have ended now.
    this.#gone = this.#ending();
  }

  #ending(): number[] {
    return [...this.processes].filter(([process]) => isEnding(process)).map(([, rank]) => rank).sort();
  }

  /** Ends the watch. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    clearTimeout(this.#next);
  }
}

/** Flags of a process that ends, and of one that a signal ends (`PF_EXITING`, `PF_SIGNALED`); the bit of signal 9, waiting. */
const ENDS = 0x4 | 0x400, KILLED = 1 << 8;

/**
 * True where a process is gone, or will be: one of many threads and much memory takes a while to end, in which a launcher may
 * have noticed and ended the others.
 */
function isEnding(process: number): boolean {
  // Behind the name: state, then numbers (proc(5), fields 3 and on).
  const [state, ...numbers] = read(`/proc/${process}/stat`).replace(/^.*\) /s, "").split(" ");
  const flags = Number(numbers[5]), waiting = Number(numbers[27]);
  return state === "" || /[ZX]/.test(state) || (flags & ENDS) !== 0 || (waiting & KILLED) !== 0;
}

/** The text of a file of the system's; empty where it is gone, or somebody else's. */
function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
