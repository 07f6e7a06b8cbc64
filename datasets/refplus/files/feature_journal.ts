/**
 * Journal of a file of features: rows are appended to it, each followed by its checksum, so that what a kill or a power cut
 * spoilt shows; in the end all are copied into the HDF5 file, which an interruption must not damage.
 */
import { basename, dirname, join } from "node:path";
import { explainWriteError } from "../../../engine/base/atomic.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { Hdf5 } from "../../formats/hdf5.ts";
import { appendFeatures, createFeatureFile, FeatureFile, type FeatureSettings } from "./feature_file.ts";
import { OutputLock } from "./output_lock.ts";
import { rowChecksum } from "./row_checksum.ts";

/** Bytes of the line that names the settings of the rows after it. */
const HEADER = 512;

/** Bytes of a row's checksum. */
const SUM = 4;

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
    const header = new TextEncoder().encode(
      JSON.stringify({ ...settings, after: whole, checksums: true }).padEnd(HEADER),
    );
    const found = new Uint8Array(HEADER);
    await file.read(found);
    const own = header.every((byte, i) => byte === found[i]);
    if (!own) {
      file.truncateSync(0);
      file.seekSync(0, Deno.SeekMode.Start);
      writeAll(file, header);
    }
    const rows = own ? soundRows(file, settings, whole) : 0;
    file.truncateSync(HEADER + rows * entryOf(settings));
    file.seekSync(0, Deno.SeekMode.End);
    return new FeatureJournal(output, path, settings, file, resources.move(), whole, rows);
  }

  /** Rows of the whole file and of the journal. */
  get rows(): number {
    return this.whole + this.#rows;
  }

  /** Appends the rows of the next pictures, [count, channels, rows, columns]. */
  append(data: Float32Array<ArrayBuffer>): void {
    const length = lengthOf(this.#settings), entry = entryOf(this.#settings), count = data.length / length;
    const bytes = new Uint8Array(count * entry), view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) {
      const values = data.subarray(i * length, (i + 1) * length);
      bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), i * entry);
      view.setUint32((i + 1) * entry - SUM, rowChecksum(values, this.#settings, this.rows + i), true);
    }
    try {
      writeAll(this.#file, bytes);
    } catch (error) {
      throw explainWriteError(this.#output, error);
    }
    this.#rows += count;
  }

  /** Brings all rows into the output and removes the journal. */
  async publish(): Promise<void> {
    const working = join(dirname(this.#output), `.${basename(this.#output)}.working`);
    try {
      if (this.whole > 0) await Deno.copyFile(this.#output, working);
      else await createFeatureFile(working, this.#settings, this.#output);
      {
        using file = await Hdf5.open(working, "a", this.#output);
        for (const rows of this.#batches()) appendFeatures(file, rows, this.#settings);
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
    const length = lengthOf(this.#settings);
    this.#file.seekSync(HEADER, Deno.SeekMode.Start);
    for (let row = 0; row < this.#rows; row += BATCH) {
      const count = Math.min(this.#rows - row, BATCH), batch = new Float32Array(count * length);
      for (let i = 0; i < count; i++) {
        const values = soundRow(this.#file, this.#settings, this.whole + row + i);
        if (!values) throw new UserError(`${this.#path}: was changed meanwhile; run this again`);
        batch.set(values, i * length);
      }
      yield batch;
    }
  }

  /** Throws where the file does not give back the journal's rows: only then may the journal go. */
  async #readBack(working: string): Promise<void> {
    using file = await FeatureFile.open(working, this.#output);
    const length = lengthOf(this.#settings);
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

/** Rows of a journal, opened behind its header, up to the first that does not fit its checksum or is cut short. */
function soundRows(file: Deno.FsFile, settings: FeatureSettings, whole: number): number {
  let rows = 0;
  while (soundRow(file, settings, whole + rows)) rows++;
  return rows;
}

/** The next row of a journal; null where there is none that fits its checksum. */
function soundRow(file: Deno.FsFile, settings: FeatureSettings, index: number): Float32Array<ArrayBuffer> | null {
  const bytes = new Uint8Array(entryOf(settings));
  for (let at = 0; at < bytes.length;) {
    const count = file.readSync(bytes.subarray(at));
    if (count === null) return null;
    at += count;
  }
  const values = new Float32Array(bytes.buffer, 0, lengthOf(settings));
  const sum = new DataView(bytes.buffer).getUint32(bytes.length - SUM, true);
  return rowChecksum(values, settings, index) === sum ? values : null;
}

/** Numbers of a row. */
function lengthOf({ shape }: FeatureSettings): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Bytes of a row and its checksum in a journal. */
function entryOf(settings: FeatureSettings): number {
  return 4 * lengthOf(settings) + SUM;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
