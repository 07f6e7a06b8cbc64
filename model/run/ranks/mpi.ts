/** Calls of MPI by FFI: the one file that makes them. */
import type { MpiLibrary } from "./library.ts";

/** `MPI_THREAD_MULTIPLE`: several threads call. */
const MULTIPLE = 3;

/** Root of what one rank collects or gives. */
const ROOT = 0;

/** Ms in which a launcher passes on what a rank has printed: with the ranks it ends that too. */
const FORWARDED = 500;

/** Tag of a beat. */
const BEAT = 7;

const symbolsFor = <H extends "i32" | "usize">(handle: H) => ({
  MPI_Init_thread: { parameters: ["pointer", "pointer", "i32", "buffer"], result: "i32" },
  MPI_Comm_set_errhandler: { parameters: [handle, handle], result: "i32" },
  MPI_Comm_rank: { parameters: [handle, "buffer"], result: "i32" },
  MPI_Comm_size: { parameters: [handle, "buffer"], result: "i32" },
  MPI_Get_library_version: { parameters: ["buffer", "buffer"], result: "i32" },
  MPI_Error_string: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  MPI_Allreduce: {
    parameters: ["buffer", "buffer", "i32", handle, handle, handle],
    result: "i32",
    nonblocking: true,
  },
  MPI_Allgather: {
    parameters: ["buffer", "i32", handle, "buffer", "i32", handle, handle],
    result: "i32",
    nonblocking: true,
  },
  MPI_Allgatherv: {
    parameters: ["buffer", "i32", handle, "buffer", "buffer", "buffer", handle, handle],
    result: "i32",
    nonblocking: true,
  },
  MPI_Gatherv: {
    parameters: ["buffer", "i32", handle, "buffer", "buffer", "buffer", handle, "i32", handle],
    result: "i32",
    nonblocking: true,
  },
  MPI_Bcast: { parameters: ["buffer", "i32", handle, "i32", handle], result: "i32", nonblocking: true },
  MPI_Isend: { parameters: ["buffer", "i32", handle, "i32", "i32", handle, "buffer"], result: "i32" },
  MPI_Request_free: { parameters: ["buffer"], result: "i32" },
  MPI_Iprobe: { parameters: ["i32", "i32", handle, "buffer", "buffer"], result: "i32" },
  MPI_Recv: { parameters: ["buffer", "i32", handle, "i32", "i32", handle, "buffer"], result: "i32" },
  MPI_Finalize: { parameters: [], result: "i32" },
  MPI_Abort: { parameters: [handle, "i32"], result: "i32" },
} as const);

type Symbols = ReturnType<typeof symbolsFor<"usize">>;

/** A call that failed, in MPI's words. */
export class MpiError extends Error {
  override readonly name = "MpiError";
}

/** MPI's calls on all ranks. Waits for other ranks are promises, of which one at a time may be open. */
export class Mpi {
  readonly #lib: Deno.DynamicLibrary<Symbols>;
  /** Numbers where the library has them so: types are those of addresses for both. */
  readonly #handles: Readonly<Record<keyof MpiLibrary["handles"], bigint>>;
  readonly #beat = new Uint8Array(8);
  readonly #request = new Uint8Array(8);
  /** Space for a status of any family. */
  readonly #status = new Uint8Array(256);
  readonly #flag = new Int32Array(1);

  /** Opens the library; {@link Mpi.begin} comes first, once in the process. */
  constructor({ path, handle, handles }: MpiLibrary) {
    this.#lib = Deno.dlopen(path, symbolsFor(handle) as unknown as Symbols);
    this.#handles = handles as Readonly<Record<keyof MpiLibrary["handles"], bigint>>;
  }

  /** Begins, with errors that are returned; false where the library lets one thread alone call. */
  begin(): boolean {
    const { symbols: mpi } = this.#lib, provided = new Int32Array(1);
    this.#check("MPI_Init_thread", mpi.MPI_Init_thread(null, null, MULTIPLE, provided));
    const { world, errorsReturn } = this.#handles;
    this.#check("MPI_Comm_set_errhandler", mpi.MPI_Comm_set_errhandler(world, errorsReturn));
    return provided[0] >= MULTIPLE;
  }

  /** This process's number, from 0 on. */
  get rank(): number {
    return this.#number((out) => this.#lib.symbols.MPI_Comm_rank(this.#handles.world, out));
  }

  /** Number of processes. */
  get size(): number {
    return this.#number((out) => this.#lib.symbols.MPI_Comm_size(this.#handles.world, out));
  }

  /** The library's own words on itself, their first line. */
  get version(): string {
    const text = new Uint8Array(8192), length = new Int32Array(1);
    this.#check("MPI_Get_library_version", this.#lib.symbols.MPI_Get_library_version(text, length));
    return textOf(text).split("\n")[0].replace(/\s+/g, " ").trim();
  }

  /** Sums of the numbers of all ranks, written into `to`, which has the length of `from`. */
  async sum(from: Float32Array<ArrayBuffer>, to: Float32Array<ArrayBuffer>): Promise<void> {
    const { world, float, sum } = this.#handles;
    this.#check("MPI_Allreduce", await this.#lib.symbols.MPI_Allreduce(from, to, from.length, float, sum, world));
  }

  /** Puts the bytes of all ranks, equally many of each, one behind the other into `to`. */
  async all(from: Uint8Array<ArrayBuffer>, to: Uint8Array<ArrayBuffer>): Promise<void> {
    const { world, byte } = this.#handles, { length } = from;
    this.#check(
      "MPI_Allgather",
      await this.#lib.symbols.MPI_Allgather(from, length, byte, to, length, byte, world),
    );
  }

  /** Puts the bytes of all ranks, `counts` of each, at their `places` in `to`: on every rank, or on rank 0 alone. */
  async gather(
    from: Uint8Array<ArrayBuffer>,
    to: Uint8Array<ArrayBuffer>,
    counts: Int32Array<ArrayBuffer>,
    places: Int32Array<ArrayBuffer>,
    { everywhere }: { readonly everywhere: boolean },
  ): Promise<void> {
    const { symbols: mpi } = this.#lib, { world, byte } = this.#handles, { length } = from;
    this.#check(
      everywhere ? "MPI_Allgatherv" : "MPI_Gatherv",
      await (everywhere
        ? mpi.MPI_Allgatherv(from, length, byte, to, counts, places, byte, world)
        : mpi.MPI_Gatherv(from, length, byte, to, counts, places, byte, ROOT, world)),
    );
  }

  /** Replaces bytes by those of rank 0. */
  async broadcast(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { world, byte } = this.#handles;
    this.#check("MPI_Bcast", await this.#lib.symbols.MPI_Bcast(bytes, bytes.length, byte, ROOT, world));
  }

  /** Sends a beat to a rank, and waits for nothing. */
  beat(rank: number): void {
    const { symbols: mpi } = this.#lib, { world, byte } = this.#handles;
    this.#check("MPI_Isend", mpi.MPI_Isend(this.#beat, 1, byte, rank, BEAT, world, this.#request));
    this.#check("MPI_Request_free", mpi.MPI_Request_free(this.#request));
  }

  /** Takes the beats that have come from a rank; returns their number. */
  received(rank: number): number {
    const { symbols: mpi } = this.#lib, { world } = this.#handles;
    for (let count = 0;; count++) {
      this.#check("MPI_Iprobe", mpi.MPI_Iprobe(rank, BEAT, world, this.#flag, this.#status));
      if (this.#flag[0] === 0) return count;
      this.receive(rank);
    }
  }

  /** Takes one beat of a rank, which it has sent. */
  receive(rank: number): void {
    const { symbols: mpi } = this.#lib, { world, byte } = this.#handles;
    this.#check("MPI_Recv", mpi.MPI_Recv(new Uint8Array(8), 1, byte, rank, BEAT, world, this.#status));
  }

  /** Ends; every rank does, by the thread that began. */
  finish(): void {
    this.#check("MPI_Finalize", this.#lib.symbols.MPI_Finalize());
  }

  /** Ends all ranks with an exit status, once a line that was printed has come through; does not come back. */
  abort(status: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FORWARDED);
    this.#lib.symbols.MPI_Abort(this.#handles.world, status);
  }

  #number(ask: (out: Int32Array<ArrayBuffer>) => number): number {
    const out = new Int32Array(1);
    this.#check("MPI_Comm_rank", ask(out));
    return out[0];
  }

  #check(call: string, code: number): void {
    if (code === 0) return;
    const text = new Uint8Array(8192), length = new Int32Array(1);
    this.#lib.symbols.MPI_Error_string(code, text, length);
    throw new MpiError(`${call}: ${textOf(text).replace(/\s+/g, " ").trim() || `error ${code}`}`);
  }
}

/** Text up to its zero. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
}
