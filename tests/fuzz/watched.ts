/** A process that reads inputs, watched: ended where one takes too long or too much, and begun anew. */
import { fileURLToPath } from "node:url";
import type { Answer, Job } from "./job.ts";
import { memoryOf, processorTime } from "./memory.ts";
import { LIMITS, type Limits, memoryFor, type Outcome, secondsFor } from "./reader.ts";

/** An input's end as the watching process sees it. */
export interface Result {
  /** Number of the mutation or sample. */
  readonly index: number;
  /** Kind of the first change; empty where the process ended in it. */
  readonly mutation: string;
  readonly outcome: Outcome;
  readonly detail: string;
}

/** Milliseconds between looks at the process. */
const LOOK = 20;

/** Seconds on the clock, for each of processor time, after which a process that waits for nothing counts as hanging. */
const PATIENCE = 10;

/** Bytes that a process holds beside what its input takes, once it has read some. */
const BESIDE = 2 ** 27;

/** Seconds in which modules are loaded and samples made, or the next input. */
const BEGINNING = 300;

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));

/** An input that is being read. */
interface Current {
  readonly index: number;
  readonly size: number;
  readonly clock: number;
  readonly processor: number;
  readonly memory: number;
}

/** A process for any number of jobs, one after the other. */
export class Watched implements AsyncDisposable {
  #child: Deno.ChildProcess | null = null;
  #lines: AsyncGenerator<Answer> | null = null;
  #errors = "";

  /** Does a job and passes on each input's end. Inputs after one in which the process ended are read by another. */
  async *run(job: Job): AsyncGenerator<Result> {
    for (let next: Job | null = job; next;) {
      const last: Result | number | null = yield* this.#once(next);
      if (last === null) return;
      const { work }: Job = next, from: number = typeof last === "number" ? last : last.index + 1;
      if (typeof last === "number") await this[Symbol.asyncDispose]();
      else yield last;
      next = work.kind === "mutations" && from < work.to && Date.now() < work.until
        ? { ...job, work: { ...work, from } }
        : null;
    }
  }

  /**
   * Does a job as far as the process lives; returns the end of the input in which it ended, if it did, or the mutation that
   * another process goes on at.
   */
  async *#once(job: Job): AsyncGenerator<Result, Result | number | null> {
    const child = this.#child ?? this.#begin();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${JSON.stringify(job)}\n`));
    writer.releaseLock();
    let current: Current | null = null, ended: Pick<Result, "outcome" | "detail"> | null = null;
    // The last time at which no input was being read.
    let idle = Date.now();
    const timer = setInterval(() => {
      ended ??= current
        ? excess(child.pid, current, job.limits)
        : Date.now() - idle > 1000 * BEGINNING
        ? { outcome: "hang", detail: "before an input" }
        : null;
      if (ended) kill(child);
    }, LOOK);
    try {
      for (;;) {
        const { value, done } = await this.#lines!.next();
        if (done) break;
        if ("done" in value) return value.more ?? null;
        if ("begin" in value) {
          const [processor, memory] = [processorTime(child.pid) ?? 0, memoryOf(child.pid) ?? 0];
          current = { index: value.begin, size: value.size, clock: Date.now(), processor, memory };
          continue;
        }
        current = null;
        idle = Date.now();
        yield { index: value.end, mutation: value.mutation, outcome: value.outcome, detail: value.detail };
      }
    } finally {
      clearInterval(timer);
    }
    const { code, signal } = await child.status;
    this.#child = this.#lines = null;
    const how = ended ??
      { outcome: "crash" as const, detail: `${signal ?? `status ${code}`}: ${this.#errors.slice(-500)}` };
    if (!current) throw new Error(`${job.reader}: no input was begun: ${how.detail}`);
    return { index: (current as Current).index, mutation: "", ...how };
  }

  #begin(): Deno.ChildProcess {
    this.#errors = "";
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", CHILD],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", ITERA_TUNING: "none" },
    }).spawn();
    this.#child = child;
    this.#lines = answers(child.stdout);
    void (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        this.#errors = (this.#errors + text).slice(-4000);
      }
    })();
    return child;
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = null;
    await child.stdin.close();
    for await (const _ of this.#lines!);
    await child.status;
  }
}

/** Time or memory that an input takes beyond its limits; null where it keeps them. */
function excess(pid: number, current: Current, limits: Limits): Pick<Result, "outcome" | "detail"> | null {
  const { size } = current, seconds = secondsFor(size, limits), most = memoryFor(size, limits) + BESIDE;
  const clock = (Date.now() - current.clock) / 1000, processor = (processorTime(pid) ?? 0) - current.processor;
  const memory = (memoryOf(pid) ?? 0) - current.memory;
  if (memory > most) return { outcome: "memory", detail: `${Math.round(memory / 2 ** 20)} MiB for ${size} bytes` };
  // An input is read twice.
  if (processor <= 2 * seconds && clock <= 2 * PATIENCE * seconds) return null;
  return { outcome: "hang", detail: `${processor.toFixed(1)} s of ${clock.toFixed(1)} s for ${size} bytes` };
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** The answers among the lines of a process; libraries may print others. */
async function* answers(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Answer> {
  let rest = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop()!;
    for (const line of parts) if (/^\{"(begin|end|done)":/.test(line)) yield JSON.parse(line) as Answer;
  }
}

/** The end of one input, the files in a folder. */
export async function judgeFolder(
  watched: Watched,
  { registry, reader, limits = LIMITS }: Pick<Job, "registry" | "reader"> & { readonly limits?: Limits },
  folder: string,
): Promise<Result> {
  let found: Result | null = null;
  // To its end: the next job's answers come after this one's.
  for await (const result of watched.run({ registry, reader, limits, work: { kind: "input", folder } })) found = result;
  if (found) return found;
  throw new Error(`${reader}: nothing came of ${folder}`);
}
