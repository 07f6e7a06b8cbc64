/** Ranks of this host, watched for the one that ends first: the others may end by it, and be noticed before it. */
import { join } from "node:path";

/** Ms between looks. */
const BETWEEN = 10;

/** The watch. Each rank notes its process in a folder, in a file that has its number. */
export class FirstGone implements Disposable {
  readonly #folder: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #gone: readonly number[] = [];

  /** Watches the ranks that note themselves in `folder`. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#timer = setInterval(() => this.#look(), BETWEEN);
  }

  /** The ranks that were gone when one was first; several, where one look found them. */
  get ranks(): readonly number[] {
    return this.#gone;
  }

  /** Ranks by the number of their process. */
  get processes(): Map<number, number> {
    const names = [...Deno.readDirSync(this.#folder)].map(({ name }) => name).filter((name) => /^\d+$/.test(name));
    return new Map(names.map((name) => [Number(Deno.readTextFileSync(join(this.#folder, name))), Number(name)]));
  }

  #look(): void {
    if (this.#gone.length > 0) return;
    this.#gone = [...this.processes].filter(([process]) => process > 0 && !isAlive(process)).map(([, rank]) => rank)
      .sort();
  }

  /** Ends the watch. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** False where a process is gone, or only its end is left. */
function isAlive(process: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(Deno.readTextFileSync(`/proc/${process}/stat`));
  } catch {
    return false;
  }
}
