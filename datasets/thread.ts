/** A thread that is watched: whatever it is asked is answered, or fails by name. */

/** Longest time, in ms, in which a busy thread may answer nothing. */
export const SILENCE = 60_000;

/** A thread's end without an answer: its own failure, or too long a silence. Any of its requests may be the cause. */
export class ThreadError extends Error {
  override readonly name = "ThreadError";
}

/** A thread's last message. */
interface Failure {
  readonly threadFailed: string;
}

/** Has this thread, a worker's own, say why it fails: by itself the runtime prints a stack trace. */
export function tellFailures(): void {
  const scope = globalThis as unknown as { postMessage(message: Failure): void };
  const tell = (event: Event, error: unknown): void => {
    event.preventDefault();
    scope.postMessage({ threadFailed: error instanceof Error ? error.message : String(error) });
  };
  globalThis.addEventListener("error", (event) => tell(event, event.error));
  globalThis.addEventListener("unhandledrejection", (event) => tell(event, event.reason));
}

/** Options of a {@link Thread}. */
export interface ThreadOptions<Answer> {
  /** First message. */
  readonly setup?: unknown;
  /** Number of the request that an answer is to; by default answers come in the order of the requests. */
  readonly idOf?: (answer: Answer) => number;
  /** Ms; default {@link SILENCE}. */
  readonly silence?: number | undefined;
}

/** A worker. Close it, or it keeps the program alive. */
export class Thread<Answer> implements Disposable {
  readonly #worker: Worker;
  readonly #pending = new Map<number, PromiseWithResolvers<Answer>>();
  readonly #idOf: ((answer: Answer) => number) | undefined;
  readonly #silence: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next = 0;
  #failed = false;

  /** Starts the worker of a module. */
  constructor(module: URL, { setup, idOf, silence = SILENCE }: ThreadOptions<Answer> = {}) {
    this.#idOf = idOf;
    this.#silence = silence;
    this.#worker = new Worker(module, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer | Failure>) => {
      if (isFailure(data)) this.#fail(`its thread failed: ${data.threadFailed.split("\n")[0]}`);
      else this.#answered(data);
    };
    this.#worker.onerror = (event) => {
      // Otherwise the failure of a thread ends the program with a stack trace.
      event.preventDefault();
      this.#fail(`its thread failed: ${event.message.split("\n")[0]}`);
    };
    this.#worker.onmessageerror = () => this.#fail("its thread answered what cannot be read");
    if (setup !== undefined) this.#worker.postMessage(setup);
  }

  /** True once it failed: it answers nothing any more. */
  get failed(): boolean {
    return this.#failed;
  }

  /** The answer to what `requestOf` makes of a number for it. Throws {@link ThreadError} where the thread ends first. */
  ask(requestOf: (id: number) => unknown): Promise<Answer> {
    const id = this.#next++, answer = Promise.withResolvers<Answer>();
    // A failure is for whoever waits, who may not yet.
    answer.promise.catch(() => {});
    if (this.#failed) {
      answer.reject(new ThreadError("its thread ended"));
      return answer.promise;
    }
    this.#pending.set(id, answer);
    this.#worker.postMessage(requestOf(id));
    if (this.#timer === undefined) this.#watch();
    return answer.promise;
  }

  #answered(data: Answer): void {
    const id = this.#idOf ? this.#idOf(data) : [...this.#pending.keys()][0];
    const asked = this.#pending.get(id);
    this.#pending.delete(id);
    this.#watch();
    asked?.resolve(data);
  }

  /** Waits anew for the next answer, where one is due. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.size === 0) return;
    const seconds = this.#silence / 1000;
    this.#timer = setTimeout(() => {
      // Where this thread itself was busy, answers may lie ready: they come first.
      this.#timer = setTimeout(() => this.#fail(`its thread answered nothing for ${seconds} s`), this.#silence / 60);
    }, this.#silence);
  }

  #fail(reason: string): void {
    this.#failed = true;
    clearTimeout(this.#timer);
    this.#worker.terminate();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(new ThreadError(reason));
  }

  /** Ends the thread; what is not answered is lost. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#failed = true;
    this.#pending.clear();
    this.#worker.terminate();
  }
}

function isFailure(message: unknown): message is Failure {
  return typeof (message as Partial<Failure> | null)?.threadFailed === "string";
}
