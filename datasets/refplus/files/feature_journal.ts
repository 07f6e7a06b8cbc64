/**
 * Journal of a file of features: whole rows are appended to it, of which a kill can spoil only the last; in the end all are
 * copied into the HDF5 file, which an interruption must not damage.
 */
import { basename, dirname, join } from "node:path";
import { explainWriteError } from "../../../engine/base/atomic.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { Hdf5 } from "../../formats/hdf5.ts";
import { appendFeatures, createFeatureFile, FeatureFile, type FeatureSettings } from "./feature_file.ts";
import { OutputLock } from "./output_lock.ts";

/** Bytes of the line that names the settings of the rows after it. */
const HEADER = 512;

/** Rows copied at once. */
const BATCH = 64;

/** The journal of one output, held by one process at a time. */
export class FeatureJournal implements Disposable {
  readonly #output: string;
  readonly #path: string;
  readonly #settings: FeatureSettings;
  readonly #file: Deno.FsFile;
  /** The file and the output's lock. */
  readonly #resources: DisposableStack;
  /** Rows of the whole file before this journal. */
  readonly whole: number;
  #rows: number;

  private constructor(
    output: string,
    path: string,
    settings: FeatureSettings,
    file: Deno.FsFile,
    resources: DisposableStack,
    whole: number,
    rows: number,
  ) {
    this.#output = output;
    this.#path = path;
    this.#settings = settings;
    this.#file = file;
    this.#resources = resources;
    this.whole = whole;
    this.#rows = rows;
  }

  /**
   * Opens the journal of `output`, with the rows of an interrupted run of the same settings on the same file.
   *
   * @throws {UserError} when `output` was made with other settings, may not be written, or is being made by another process.
   */
  static async open(output: string, settings: FeatureSettings): Promise<FeatureJournal> {
    using resources = new DisposableStack();
    resources.use(await OutputLock.take(output));
    const whole = await rowsOf(output, settings);
    const path = join(dirname(output), `.${basename(output)}.rows`);
    let file: Deno.FsFile;
    try {
      file = resources.use(await Deno.open(path, { read: true, write: true, create: true }));
    } catch (error) {
      throw explainWriteError(output, error);
    }
    const header = new TextEncoder().encode(JSON.stringify({ ...settings, after: whole }).padEnd(HEADER));
    const found = new Uint8Array(HEADER);
    await file.read(found);
    const own = header.every((byte, i) => byte === found[i]);
    const rows = own ? Math.floor((file.statSync().size - HEADER) / bytesOf(settings)) : 0;
    if (!own) {
      file.truncateSync(0);
      file.seekSync(0, Deno.SeekMode.Start);
      writeAll(file, header);
    }
    file.truncateSync(HEADER + rows * bytesOf(settings));
    file.seekSync(0, Deno.SeekMode.End);
    return new FeatureJournal(output, path, settings, file, resources.move(), whole, rows);
  }

  /** Rows of the whole file and of the journal. */
  get rows(): number {
    return this.whole + this.#rows;
  }

  /** Appends the rows of the next pictures, [count, channels, rows, columns]. */
  append(data: Float32Array<ArrayBuffer>): void {
    try {
      writeAll(this.#file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    } catch (error) {
      throw explainWriteError(this.#output, error);
    }
    this.#rows += data.byteLength / bytesOf(this.#settings);
  }

  /** Brings all rows into the output and removes the journal. */
  async publish(): Promise<void> {
    const working = join(dirname(this.#output), `.${basename(this.#output)}.working`);
    try {
      if (this.whole > 0) await Deno.copyFile(this.#output, working);
      else await createFeatureFile(working, this.#settings, this.#output);
      {
        using file = await Hdf5.open(working, "a", this.#output);
        for (const rows of this.#batches()) appendFeatures(file, rows, this.#settings.shape);
      }
      await this.#readBack(working);
      {
        using file = await Deno.open(working, { read: true, write: true });
        await file.sync();
      }
      await Deno.rename(working, this.#output);
      await Deno.remove(this.#path);
    } catch (error) {
      await Deno.remove(working).catch(() => {});
      throw explainWriteError(this.#output, error);
    }
  }

  /** The journal's rows, some at a time. */
  *#batches(): Generator<Float32Array<ArrayBuffer>> {
    this.#file.seekSync(HEADER, Deno.SeekMode.Start);
    for (let left = this.#rows; left > 0; left -= BATCH) {
      const bytes = new Uint8Array(Math.min(left, BATCH) * bytesOf(this.#settings));
      for (let at = 0; at < bytes.length;) {
        const count = this.#file.readSync(bytes.subarray(at));
        if (count === null) throw new UserError(`${this.#path}: was cut short meanwhile; run this again`);
        at += count;
      }
      yield new Float32Array(bytes.buffer);
    }
  }

  /** Throws where the file does not give back the journal's rows: only then may the journal go. */
  async #readBack(working: string): Promise<void> {
    using file = await FeatureFile.open(working, this.#output);
    const length = bytesOf(this.#settings) / 4;
    let row = this.whole;
    for (const rows of this.#batches()) {
      for (let at = 0; at < rows.length; at += length, row++) {
        const wanted = rows.subarray(at, at + length);
        if (file.stored(row).some((value, i) => !Object.is(value, wanted[i]))) {
          throw new UserError(
            `${this.#output}: features: row ${row} reads otherwise than it was written; run this again`,
          );
        }
      }
    }
    if (file.size !== row) throw new UserError(`${this.#output}: features: has ${file.size} rows, not ${row}`);
  }

  /** Closes the journal; its rows stay. */
  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** Rows of a whole file of these settings; 0 where there is none. */
async function rowsOf(output: string, settings: FeatureSettings): Promise<number> {
  if (!(await Deno.stat(output).then(() => true, () => false))) return 0;
  using file = await FeatureFile.open(output);
  const same = file.settings.extractor === settings.extractor &&
    file.settings.shape.every((n, i) => n === settings.shape[i]);
  if (same) return file.size;
  throw new UserError(
    `${output}: was made by ${file.settings.extractor}, not ${settings.extractor}; remove it or choose another name`,
    { path: output },
  );
}

function bytesOf({ shape }: FeatureSettings): number {
  return 4 * shape.reduce((a, b) => a * b, 1);
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
