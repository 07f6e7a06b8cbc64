/** Lines of ranks and of their launcher: those of the ranks pass, from the launcher's a cause is read where they said none. */

/** Lines of MPICH's and of Open MPI's launchers, and of their libraries where all are ended. */
const LAUNCHERS_OWN = [
  /^=+$/,
  /^= {3}(BAD TERMINATION|PID \d+ RUNNING AT|EXIT CODE|EXIT STRING|CLEANING UP|YOU CAN IGNORE)/,
  /^YOUR APPLICATION TERMINATED WITH THE EXIT STRING/,
  /^This typically refers to a problem with your application/,
  /^Please see the FAQ page for debugging suggestions/,
  /^Abort\(\d+\) on node \d+/,
  /^application called MPI_Abort/,
  /^\[?(mpiexec|proxy:\d+:\d+)@[^\]]*\] /,
  /^Press Ctrl-C again to force abort/,
  /^Ctrl-C caught\.\.\. cleaning up processes/,
];

/** Open MPI frames its notices; text between frames is its own. */
const FRAME = /^-{60,}$/;
/** It also says in the log's style that more of the same came. */
const MORE = /^\[[^\]]+:\d+\] \d+ more process(es)? ha(s|ve) sent help message/;

/** Number of the signal by which a process ends itself. */
const ABORT = "6";

/** The lines of ranks and launcher. */
export class RankReport {
  #framed = false;
  #said = false;
  readonly #launcher: string[] = [];

  /** True where a line is a rank's, to be passed on; keeps those of the launcher to itself. */
  keeps(line: string): boolean {
    if (FRAME.test(line)) {
      this.#framed = !this.#framed;
      return false;
    }
    const rank = /^itera: /.test(line);
    if (rank) this.#said = true;
    if (!rank && (this.#framed || MORE.test(line) || LAUNCHERS_OWN.some((own) => own.test(line)))) {
      this.#launcher.push(line);
      return false;
    }
    // Frames are empty lines in MPICH's notices.
    return !(line === "" && this.#launcher.length > 0);
  }

  /**
   * The reason for which ranks ended with a status, by what their launcher said; null where a rank has said it. `ranks` by
   * their processes, of `count` in all; `gone` those that ended first, where that is known.
   */
  cause(
    ranks: ReadonlyMap<number, number>,
    status: number,
    { count, gone = [] }: { readonly count: number; readonly gone?: readonly number[] },
  ): string | null {
    if (this.#said) return null;
    const text = this.#launcher.join("\n");
    const [, open, openSignal] = /process rank (\d+) .*?exited on signal (\d+)/s.exec(text) ?? [];
    const [, pid, exit] = /PID (\d+) RUNNING AT [^\n]*\n= {3}EXIT CODE: (\d+)/.exec(text) ?? [];
    const signal = openSignal ?? /\(signal (\d+)\)/.exec(text)?.[1];
    const known = new Set(ranks.values()),
      unknown = Array.from({ length: count }, (_, i) => i).filter((i) => !known.has(i));
    // A process that nobody has seen is the rank's whose process was not found.
    const unseen = pid !== undefined && unknown.length === 1 ? unknown[0] : undefined;
    const named = open === undefined ? ranks.get(Number(pid)) ?? unseen : Number(open);
    // Launchers may name a rank that they have ended themselves, or that a library ended by an abort, for another was gone.
    const other = gone.find((rank) => rank !== named);
    const isOther = other !== undefined && (gone.length === 1 || (named !== undefined && signal === ABORT));
    const rank = isOther ? other : named, who = rank === undefined ? "a rank" : `rank ${rank}`;
    const how = isOther
      ? "has died"
      : signal === undefined
      ? `ended with status ${exit ?? status}`
      : `was ended by signal ${signal}`;
    return `${who} ${how}, and the others with it; checkpoints saved before are whole`;
  }
}
