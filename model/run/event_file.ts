/**
 * TensorBoard event files: records of a length, its checksum, a protobuf `Event` and its checksum. A resumed run begins a
 * new file whose first record tells TensorBoard to forget what the killed run wrote beyond the resumed step.
 */
import { join } from "node:path";
import { explainWriteError } from "./atomic.ts";

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
  /** Where it is. */
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
    const events = new EventWriter(path, Deno.openSync(path, { write: true, createNew: true }));
    events.#event(field(3, "brain.Event:2"), 0);
    if (options.resumeStep !== undefined) {
      // SessionLog.status = START: what came before with this step or a later one is void.
      events.#event(field(7, varintField(1, 1)), options.resumeStep + 1);
    }
    events.flush();
    return events;
  }

  /** One value of a curve. */
  scalar(tag: string, value: number, step: number): void {
    this.#summary(step, concat(field(1, tag), floatField(2, value)));
  }

  /** One picture of a series. */
  image(tag: string, { width, height, png }: EventImage, step: number): void {
    const image = concat(varintField(1, height), varintField(2, width), varintField(3, 3), field(4, png));
    this.#summary(step, concat(field(1, tag), field(4, image)));
  }

  /** Writes what is pending. */
  flush(): void {
    const bytes = concat(...this.#pending);
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

  #summary(step: number, value: Uint8Array): void {
    this.#event(field(5, field(1, value)), step);
  }

  #event(payload: Uint8Array, step: number): void {
    const event = concat(doubleField(1, Date.now() / 1000), varintField(2, step), payload);
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(event.length), true);
    this.#pending.push(length, checksum(length), event, checksum(event));
  }
}

/** CRC-32C (Castagnoli) of `bytes`, unsigned. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** The record format masks its checksums, because a checksum of data that holds its own checksum says little. */
function checksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  const masked = new Uint8Array(4);
  new DataView(masked.buffer).setUint32(0, ((crc >>> 15) | (crc << 17)) + 0xa282ead8, true);
  return masked;
}

// ---- protobuf: a key (field number and wire type), then the value ---------------------------------------------------------

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

function varintField(number: number, value: number): Uint8Array {
  return concat(varint(number << 3), varint(value));
}

function doubleField(number: number, value: number): Uint8Array {
  return concat(varint(number << 3 | 1), new Uint8Array(new Float64Array([value]).buffer));
}

function floatField(number: number, value: number): Uint8Array {
  return concat(varint(number << 3 | 5), new Uint8Array(new Float32Array([value]).buffer));
}

/** A string, bytes or nested message. */
function field(number: number, value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return concat(varint(number << 3 | 2), varint(bytes.length), bytes);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
