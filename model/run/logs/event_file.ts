/**
 * TensorBoard event files: records of a length, its checksum, a protobuf `Event` and its checksum. A resumed run begins a
 * new file whose first record makes TensorBoard forget what the killed run wrote beyond the resumed step.
 */
import { BinaryWriter, WireType } from "../../../engine/base/packages/protobuf.ts";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { maskedCrc32c } from "../../../engine/base/crc32c.ts";
import { explainWriteError } from "../../../engine/base/atomic.ts";

/** A picture for {@link EventWriter.image}. */
export interface EventImage {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** The whole PNG file. */
  readonly png: Uint8Array;
}

/** Appends scalars and pictures to an event file of its own. */
export class EventWriter implements Disposable {
  /** Path of the file. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  #pending: Uint8Array[] = [];

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  /** Begins a new file in `folder`, sorted after those that are there. `resumeStep`: the run goes on from this step. */
  static open(folder: string, options: { readonly resumeStep?: number } = {}): EventWriter {
    // TensorBoard reads the files of a folder in the order of their names and does not come back to an earlier one.
    let second = Math.floor(Date.now() / 1000);
    for (const { name } of Deno.readDirSync(folder)) {
      const found = /^events\.out\.tfevents\.(\d{10})\./.exec(name);
      if (found) second = Math.max(second, Number(found[1]) + 1);
    }
    const path = join(folder, `events.out.tfevents.${String(second).padStart(10, "0")}.itera`);
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path, { write: true, createNew: true });
    } catch (error) {
      throw explainWriteError(path, error);
    }
    const events = new EventWriter(path, file);
    events.#event((event) => event.tag(3, WireType.LengthDelimited).string("brain.Event:2"), 0);
    if (options.resumeStep !== undefined) {
      // SessionLog.status = START: what came before with this step or a later one is void.
      events.#event((event) => message(event, 7).tag(1, WireType.Varint).int32(1).join(), options.resumeStep + 1);
    }
    events.flush();
    return events;
  }

  /** One value of a curve. */
  scalar(tag: string, value: number, step: number): void {
    this.#summary(
      step,
      (entry) => entry.tag(1, WireType.LengthDelimited).string(tag).tag(2, WireType.Bit32).float(value),
    );
  }

  /** One picture of a series. */
  image(tag: string, { width, height, png }: EventImage, step: number): void {
    this.#summary(step, (entry) => {
      message(entry.tag(1, WireType.LengthDelimited).string(tag), 4)
        .tag(1, WireType.Varint).int32(height).tag(2, WireType.Varint).int32(width).tag(3, WireType.Varint).int32(RGB)
        .tag(4, WireType.LengthDelimited).bytes(png).join();
    });
  }

  /** Writes what is pending. */
  flush(): void {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    try {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    } catch (error) {
      throw explainWriteError(this.path, error);
    }
  }

  /** Writes what is pending and closes the file. */
  close(): void {
    try {
      this.flush();
    } finally {
      this.#file.close();
    }
  }

  /** Same as {@link EventWriter.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #summary(step: number, write: (entry: BinaryWriter) => void): void {
    this.#event((event) => {
      const entry = message(message(event, 5), 1);
      write(entry);
      entry.join().join();
    }, step);
  }

  #event(write: (event: BinaryWriter) => void, step: number): void {
    const writer = new BinaryWriter().tag(1, WireType.Bit64).double(Date.now() / 1000)
      .tag(2, WireType.Varint).int64(step);
    write(writer);
    const event = writer.finish();
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(event.length), true);
    this.#pending.push(length, checksum(length), event, checksum(event));
  }
}

/** Channels of a picture: the field says "colour space", 3 is RGB. */
const RGB = 3;

/** Begins field `number`, a nested message that `join` ends. */
function message(writer: BinaryWriter, number: number): BinaryWriter {
  return writer.tag(number, WireType.LengthDelimited).fork();
}

/** A record's checksum as its bytes. */
function checksum(bytes: Uint8Array): Uint8Array {
  const masked = new Uint8Array(4);
  new DataView(masked.buffer).setUint32(0, maskedCrc32c(bytes), true);
  return masked;
}
