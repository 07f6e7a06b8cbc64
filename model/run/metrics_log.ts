/** `metrics.jsonl`: one JSON record a line, in the order of steps. */
import { crc32c, hexadecimal } from "../../engine/base/crc32c.ts";
import { explainReadError } from "../../engine/base/files.ts";
import { readJson } from "../../engine/base/json_text.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { explainWriteError } from "../../engine/base/atomic.ts";

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

  private constructor(path: string, file: Deno.FsFile, kept: Uint8Array) {
    this.#path = path;
    this.#file = file;
    this.#bytes = kept.length;
    this.#crc = crc32c(kept);
  }

  /** Opens `path` for appending after dropping a line cut short and every record of a step beyond `step`. */
  static open(path: string, step: number): MetricsLog {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path, { write: true, read: true, create: true });
    } catch (error) {
      throw explainWriteError(path, error);
    }
    const bytes = bytesOf(path);
    let end = 0;
    for (const { record, next } of lines(path, bytes)) {
      if (record.step > step) break;
      end = next;
    }
    file.truncateSync(end);
    file.seekSync(end, Deno.SeekMode.Start);
    return new MetricsLog(path, file, bytes.subarray(0, end));
  }

  /** The whole records of a file. Throws {@link UserError} naming file and line where one is not a record. */
  static read(path: string): MetricsRecord[] {
    return lines(path, bytesOf(path)).map(({ record }) => record);
  }

  /** Appends records. */
  append(...records: readonly MetricsRecord[]): void {
    const bytes = new TextEncoder().encode(records.map((record) => JSON.stringify(record) + "\n").join(""));
    try {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    } catch (error) {
      throw explainWriteError(this.#path, error);
    }
    this.#bytes += bytes.length;
    this.#crc = crc32c(bytes, this.#crc);
  }

  /** Length and checksum of all records, by which a checkpoint knows the log that it goes with. */
  get state(): string {
    return `${this.#bytes} ${hexadecimal(this.#crc)}`;
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

function bytesOf(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw explainReadError(path, error);
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
