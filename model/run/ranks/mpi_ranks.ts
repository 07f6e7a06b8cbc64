/** Ranks that MPI connects: sums, bytes in parts that its counts can say, beats, and the end. */
import { UserError } from "../../../engine/base/user_error.ts";
import { findLibrary } from "./library.ts";
import { watchEdge } from "./edges.ts";
import type { Launched } from "./launched.ts";
import { Mpi } from "./mpi.ts";
import { type Pulse, startPulse } from "./pulse.ts";
import { allOf, type Ranks } from "./ranks.ts";

/** Bytes, and numbers, of one call: counts are of 31 bits, for the parts of all ranks together. */
const MOST = 2 ** 30;

/** Options of {@link MpiRanks.open}. */
export interface RanksOptions {
  /** Seconds of a rank's silence after which all are ended. */
  readonly timeout: number;
}

/** Ranks by MPI. */
export class MpiRanks implements Ranks, AsyncDisposable {
  readonly rank: number;
  readonly size: number;
  /** The library's words on itself. */
  readonly version: string;
  readonly #mpi: Mpi;
  readonly #pulse: Pulse;
  readonly #timeout: number;
  #last: Promise<unknown> = Promise.resolve();
  #sums = new Float32Array();

  private constructor(mpi: Mpi, timeout: number, pulse: (rank: number, size: number) => Pulse) {
    this.#mpi = mpi;
    this.#timeout = timeout;
    [this.rank, this.size, this.version] = [mpi.rank, mpi.size, mpi.version];
    this.#pulse = pulse(this.rank, this.size);
  }

  /**
   * Joins the ranks that the launcher started. Once in a process.
   *
   * @throws {UserError} where there is no library, or it is another's than the launcher's.
   */
  static open(found: Launched, { timeout }: RanksOptions): MpiRanks {
    const { family, size } = found;
    const library = findLibrary(family), mpi = new Mpi(library);
    using _watch = watchEdge(found, timeout, "begin");
    const threads = mpi.begin();
    if (mpi.size !== size) {
      throw new UserError(
        `${size} ranks were started, but ${library.path} sees ${mpi.size}: it is not the launcher's MPI; ` +
          "name that one's library by ITERA_MPI, or give srun --mpi=pmi2 (MPICH) or --mpi=pmix (Open MPI)",
      );
    }
    if (!threads) throw new UserError(`${library.path}: lets no two threads call; install MPICH or Open MPI`);
    return new MpiRanks(mpi, timeout, (rank, of) => startPulse({ library, rank, size: of, timeout }));
  }

  async sum(values: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>> {
    return await this.#alone(async () => {
      if (this.#sums.length < values.length) this.#sums = new Float32Array(values.length);
      const sums = this.#sums.subarray(0, values.length);
      for (let at = 0; at < values.length; at += MOST / 4) {
        await this.#mpi.sum(values.subarray(at, at + MOST / 4), sums.subarray(at, at + MOST / 4));
      }
      return sums;
    });
  }

  async all(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>[]> {
    return await this.#alone(() => this.#gathered(bytes, true));
  }

  async toFirst(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>[] | null> {
    const all = await this.#alone(() => this.#gathered(bytes, false));
    return this.rank === 0 ? all : null;
  }

  async fromFirst(bytes: Uint8Array<ArrayBuffer> | null): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#alone(async () => {
      const length = new Float64Array([bytes?.length ?? 0]);
      await this.#mpi.broadcast(new Uint8Array(length.buffer));
      const whole = this.rank === 0 ? bytes! : new Uint8Array(length[0]);
      for (let at = 0; at < whole.length; at += MOST) await this.#mpi.broadcast(whole.subarray(at, at + MOST));
      return whole;
    });
  }

  /** Ends all ranks, with an exit status, once the line that says why has come through; does not come back. */
  abort(status: number): void {
    this.#mpi.abort(status);
  }

  /** The bytes of each rank, everywhere or on rank 0 alone; elsewhere they are zeros. */
  async #gathered(bytes: Uint8Array<ArrayBuffer>, everywhere: boolean): Promise<Uint8Array<ArrayBuffer>[]> {
    const lengths = new Float64Array(this.size);
    await this.#mpi.all(new Uint8Array(Float64Array.of(bytes.length).buffer), new Uint8Array(lengths.buffer));
    const takes = everywhere || this.rank === 0, part = Math.floor(MOST / this.size);
    const whole = Array.from(lengths, (length) => new Uint8Array(takes ? length : 0));
    for (let at = 0; at < Math.max(...lengths); at += part) {
      const counts = Int32Array.from(lengths, (length) => Math.max(0, Math.min(part, length - at)));
      const places = counts.map((_, i) => counts.subarray(0, i).reduce((a, b) => a + b, 0));
      const to = new Uint8Array(takes ? places.at(-1)! + counts.at(-1)! : 0);
      await this.#mpi.gather(bytes.subarray(at, at + counts[this.rank]), to, counts, places, { everywhere });
      if (takes) whole.forEach((own, i) => own.set(to.subarray(places[i], places[i] + counts[i]), at));
    }
    return whole;
  }

  /** Makes calls one after the other: MPI has them in one order on all ranks. */
  #alone<T>(call: () => Promise<T>): Promise<T> {
    const done = this.#last.then(call);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Waits for all ranks to come here, and ends MPI. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.all(new Uint8Array());
    using _watch = watchEdge(this, this.#timeout, "end");
    const { sent, received } = await this.#pulse.stop(), before = (this.rank + this.size - 1) % this.size;
    // Some libraries complain of messages that nobody took.
    const due = (await allOf(this, sent))[before];
    for (let i = received; i < due; i++) this.#mpi.receive(before);
    this.#mpi.finish();
  }
}
