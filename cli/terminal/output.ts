/** The one place that writes to the terminal: results to standard output, everything else to standard error. */
import { SingleBar } from "cli-progress";
import { explainWriteError } from "../../engine/base/atomic.ts";
import { duration } from "../../engine/base/duration.ts";
import { printable, printableLine } from "../../engine/base/printable.ts";
import { drawTable, type PrintedTable } from "./table.ts";

/** The place a command writes to. */
export interface Terminal {
  /** Takes results. */
  out(text: string): void;
  /** Takes everything else. */
  err(text: string): void;
  /** True where `err` is a terminal, which shows bars. */
  readonly interactive: boolean;
  /** Columns of the terminal that `out` is; null where it is none. */
  readonly columns: number | null;
  /** True where `out` is a terminal that shows colours and bold letters, and nobody asked for none (`NO_COLOR`). */
  readonly colour: boolean;
}

/** The process's own. */
const standard: Terminal = {
  out: (text) => {
    try {
      write(Deno.stdout, text);
    } catch (error) {
      // Whoever read has enough, or the terminal is gone: the work goes on without it.
      if (isClosed(error)) return;
      throw explainWriteError("standard output", error);
    }
  },
  err: (text) => {
    try {
      write(Deno.stderr, text);
    } catch {
      // There is nowhere left to say it.
    }
  },
  get interactive() {
    return Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb";
  },
  get columns() {
    // A launcher's terminals have no size.
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns || null : null;
  },
  get colour() {
    return Deno.stdout.isTerminal() && wantsColour(Deno.env.toObject());
  },
};

/** A terminal that shows nothing, of ranks that follow another. */
export const SILENT: Terminal = { out: () => {}, err: () => {}, interactive: false, columns: null, colour: false };

/** Writes a line to standard error, whatever terminal a command writes to. */
export function complain(text: string): void {
  standard.err(printableLine(text) + "\n");
}

/** True where the environment lets a terminal have colours (https://no-color.org). */
export function wantsColour(env: Readonly<Record<string, string>>): boolean {
  return !env.NO_COLOR && env.TERM !== "dumb";
}

function write(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || (error as { readonly code?: unknown }).code === "EIO";
}

let current = standard;

/** The terminal that commands write to. */
export function terminal(): Terminal {
  return current;
}

/** Runs `body` with another terminal in place of the process's own; one `body` at a time. */
export async function withTerminal<T>(other: Terminal, body: () => Promise<T>): Promise<T> {
  const before = current;
  current = other;
  try {
    return await body();
  } finally {
    current = before;
  }
}

/** Results of a command with `--json`, gathered until its end. */
interface Results {
  readonly facts: Record<string, unknown>;
  readonly tables: unknown[];
  readonly lines: string[];
}

let results: Results | null = null;

/** From now on results are gathered, to be printed as one JSON object by {@link printJson}. */
export function gatherJson(): void {
  results = { facts: {}, tables: [], lines: [] };
}

/** Prints what was gathered, if anything was to be: facts, tables as lists of rows, lines; and why the command failed. */
export function printJson(error: string | null = null): void {
  if (results === null) return;
  const { facts, tables, lines } = results;
  results = null;
  const text = JSON.stringify({ ...facts, tables, lines, ...error === null ? {} : { error } }, null, 2);
  // Names are from files: what a terminal would act on stays a code of JSON.
  current.out(text.replace(/[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, jsonCode) + "\n");
}

function jsonCode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A line of results. Names in it may be from files: control characters and line breaks are shown, not sent. */
export function line(text = ""): void {
  if (results) results.lines.push(text);
  else current.out(printableLine(text) + "\n");
}

/** Lines of results: a text of the project's own, such as a page, in which line breaks and tabs stay. */
export function lines(text: string): void {
  if (results) results.lines.push(...text.split("\n"));
  else current.out(printable(text) + "\n");
}

/** A result with a name: `report: runs/a/report.html`; with `--json` a member of the object. */
export function fact(name: string, value: string | number): void {
  if (results) results.facts[name] = value;
  else line(`${name}: ${value}`);
}

/** A result for programs alone: with `--json` a member of the object, else nothing. Numbers that JSON lacks are in words. */
export function member(name: string, value: unknown): void {
  if (results === null) return;
  results.facts[name] = JSON.parse(
    JSON.stringify(value, (_, own) => typeof own === "number" && !Number.isFinite(own) ? String(own) : own),
  );
}

/** A line that is no result: a notice or a complaint. One line, whatever names from files are in it. */
export function notice(text: string): void {
  current.err(printableLine(text) + "\n");
}

/** Prints a table, its title above it. */
export function table(printed: PrintedTable): void {
  const { title, columns, rows } = printed;
  if (results) {
    const named = rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
    results.tables.push({ ...title === undefined ? {} : { title }, rows: named });
    return;
  }
  if (title !== undefined) current.out(`\n${emphasis(printableLine(title))}\n`);
  current.out(drawTable(printed, current.columns) + "\n");
}

function emphasis(text: string): string {
  return current.colour ? `\x1b[1m${text}\x1b[22m` : text;
}

/** Progress of a long piece of work: a bar on a terminal, a line now and then where output is piped. */
export class Progress implements Disposable {
  readonly #what: string;
  readonly #unit: string;
  readonly #bar: SingleBar | undefined;
  /** The clock starts with the first update: what came before is not this work. */
  #start = 0;
  #first: number | undefined;
  #printed = 0;
  #open = false;

  /** `what` is being done, counted in `unit`s; `interactive` defaults to whether standard error is a terminal. */
  constructor(what: string, unit: string, interactive: boolean = current.interactive) {
    this.#what = what = printableLine(what);
    this.#unit = unit;
    if (!interactive) return;
    this.#bar = new SingleBar({
      format: `${what} {bar} {value}/{total} {detail}`,
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      // Ctrl-C is ours: the step is finished and saved first.
      gracefulExit: false,
    });
  }

  /** `done` of `total` units are done; `detail`, such as the loss, stands beside. */
  update(done: number, total: number, detail = ""): void {
    if (this.#first === undefined) {
      this.#first = done;
      this.#start = this.#printed = performance.now();
    }
    const seconds = (performance.now() - this.#start) / 1000;
    const rate = (done - this.#first) / Math.max(seconds, 1e-3);
    const pace = rate > 0
      ? `${Number(rate.toPrecision(3))} ${this.#unit}/s  ${duration((total - done) / rate)} left`
      : "";
    const text = [printableLine(detail), pace].filter(Boolean).join("  ");
    if (this.#bar) {
      if (!this.#open) this.#bar.start(total, done, { detail: text });
      else this.#bar.update(done, { detail: text });
      this.#open = true;
    } else if (performance.now() - this.#printed > 5000 || done === total) {
      this.#printed = performance.now();
      notice(`${this.#what} ${done}/${total}  ${text}`);
    }
  }

  /** Prints a line without disturbing the bar. */
  notice(text: string): void {
    if (this.#bar && this.#open) current.err("\r\x1b[K");
    notice(text);
  }

  /** Ends the bar. */
  [Symbol.dispose](): void {
    if (this.#open) this.#bar?.stop();
    this.#open = false;
  }
}

/** Bytes in words. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(count, 1)) / 10)));
  return `${Number((count / 1024 ** power).toPrecision(4))} ${units[power]}`;
}
