/** `metrics.jsonl`: one JSON record a line, in the order of steps. */
import { crc32c, hexadecimal } from "../../../engine/base/crc32c.ts";
import { explainReadError } from "../../../engine/base/files.ts";
import { readJson } from "../../../engine/base/json_text.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { explainWriteError } from "../../../engine/base/atomic.ts";

/** One record: the step it belongs to, and numbers or words by name. Times do not belong here: two runs must agree. */
export interface MetricsRecord {
  /** Steps done when it was taken. */
  readonly step: number;
  /** A number or a word by its name. */
  readonly [key: string]: number | string | null;
}

/** Appends records; a resumed run's finished file is the same as that of a run never stopped. */
export class MetricsLog implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #bytes: number;
  #crc: number;

  private constructor(path: string, file: Deno.FsFile, kept: Uint8Array, found: string) {
    this.found = found;
    this.#path = path;
    this.#file = file;
    this.#bytes = kept.length;
    this.#crc = crc32c(kept);
  }

  /** Length and checksum of the file as it was found, up to its step. */
  readonly found: string;

  /**
   * Opens `path` for appending after dropping a line cut short, every record of a step beyond `step`, and those of `step` that
   * are there because a run ended: the run goes on, and is to have the log of one that never ended there.
   */
  static open(path: string, step: number, isEnd: (record: MetricsRecord) => boolean = () => false): MetricsLog {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path, { write: true, read: true, create: true });
    } catch (error) {
      throw explainWriteError(path, error);
    }
    const bytes = bytesOf(path);
    const kept: Uint8Array[] = [];
    let end = 0;
    for (const { record, next } of lines(path, bytes)) {
      if (record.step > step) break;
      if (record.step < step || !isEnd(record)) kept.push(bytes.subarray(end, next));
      end = next;
    }
    const whole = concat(kept), log = new MetricsLog(path, file, whole, stateOf(bytes.subarray(0, end)));
    // What is kept may be no prefix, but nearly always is.
    const same = whole.findIndex((byte, i) => byte !== bytes[i]), from = same < 0 ? whole.length : same;
    file.truncateSync(from);
    file.seekSync(from, Deno.SeekMode.Start);
    log.#write(whole.subarray(from));
    return log;
  }

  /** The whole records of a file. Throws {@link UserError} naming file and line where one is not a record, or says what is `missing`. */
  static read(path: string, missing?: string): MetricsRecord[] {
    return lines(path, bytesOf(path, missing)).map(({ record }) => record);
  }

  /** Appends a record; one that `ends` a run does not count in {@link MetricsLog.state}. */
  append(record: MetricsRecord, { ends = false }: { readonly ends?: boolean } = {}): void {
    const bytes = new TextEncoder().encode(JSON.stringify(record) + "\n");
    this.#write(bytes);
    if (ends) return;
    this.#bytes += bytes.length;
    this.#crc = crc32c(bytes, this.#crc);
  }

  #write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    } catch (error) {
      throw explainWriteError(this.#path, error);
    }
  }

  /** Length and checksum of all records but those that end a run, by which a checkpoint knows the log that it goes with. */
  get state(): string {
    return stateText(this.#bytes, this.#crc);
  }

  /** Flushes to disk; done before a checkpoint, which promises the records up to its step. */
  sync(): void {
    try {
      this.#file.syncSync();
    } catch (error) {
      throw explainWriteError(this.#path, error);
    }
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  /** Same as {@link MetricsLog.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function bytesOf(path: string, missing?: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw explainReadError(path, error, missing);
  }
}

function lines(path: string, bytes: Uint8Array): { readonly record: MetricsRecord; readonly next: number }[] {
  const found: { record: MetricsRecord; next: number }[] = [];
  for (let at = 0;;) {
    const newline = bytes.indexOf(10, at);
    if (newline < 0) return found;
    const record = recordOf(bytes.subarray(at, newline));
    if (!record) {
      throw new UserError(`${path}:${found.length + 1}: this line is not a metrics record; mend or remove the file`);
    }
    at = newline + 1;
    found.push({ record, next: at });
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The record of a line; null where it is none. */
function recordOf(line: Uint8Array): MetricsRecord | null {
  let text: string;
  try {
    text = UTF8.decode(line);
  } catch {
    return null;
  }
  const read = readJson(text), record = "value" in read ? read.value as MetricsRecord | null : null;
  if (typeof record !== "object" || record === null || typeof record.step !== "number") return null;
  const sound = Object.values(record).every((value) => value === null || ["number", "string"].includes(typeof value));
  return sound ? record : null;
}

const stateText = (bytes: number, crc: number): string => `${bytes} ${hexadecimal(crc)}`;

const stateOf = (bytes: Uint8Array): string => stateText(bytes.length, crc32c(bytes));

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
