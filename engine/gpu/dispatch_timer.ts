/** Times every dispatch by timestamp queries: each gets a pass of its own, whose begin and end the device writes down. */
import type { Pipeline } from "./kernel.ts";

/** One timed dispatch. */
export interface TimedDispatch {
  /** `file:entry`. */
  readonly kernel: string;
  readonly grid: readonly [number, number, number];
  /** Fields of the kernel's `Params`. */
  readonly params: Readonly<Record<string, number | readonly number[]>>;
  /** Bytes of everything bound, read and written. */
  readonly bytes: number;
  /** When it began and ended on the device, nanoseconds from the first dispatch's begin. */
  readonly begin: number;
  readonly end: number;
}

type Pending = Omit<TimedDispatch, "begin" | "end">;

/** Dispatches of one submit at most: two timestamps each. */
const MOST = 512;

/** Collects timings while it is attached to a stream. */
export class DispatchTimer {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #pending: Pending[] = [];
  readonly #submitted: { readonly back: GPUBuffer; readonly dispatches: readonly Pending[] }[] = [];
  #open: { readonly back: GPUBuffer; readonly times: GPUBuffer } | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * MOST });
  }

  /** True where a flush must come before the next dispatch. */
  get full(): boolean {
    return this.#pending.length === MOST;
  }

  /** Descriptor of the next dispatch's pass. */
  pass(
    pipeline: Pipeline,
    params: Pending["params"],
    bytes: number,
    grid: Pending["grid"],
  ): GPUComputePassDescriptor {
    const at = 2 * this.#pending.length;
    this.#pending.push({ kernel: pipeline.kernel.name, grid, params, bytes });
    return {
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 },
    };
  }

  /** Appends the reading of this submit's timestamps. */
  resolve(encoder: GPUCommandEncoder): void {
    if (this.#pending.length === 0) return;
    const size = 16 * this.#pending.length;
    const times = this.#device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    const back = this.#device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.resolveQuerySet(this.#queries, 0, 2 * this.#pending.length, times, 0);
    encoder.copyBufferToBuffer(times, 0, back, 0, size);
    this.#open = { back, times };
  }

  /** After the submit. */
  submitted(): void {
    if (!this.#open) return;
    this.#submitted.push({ back: this.#open.back, dispatches: this.#pending.splice(0) });
    this.#open.times.destroy();
    this.#open = undefined;
  }

  /** All timings so far, in order; everything must have been submitted. */
  async read(): Promise<TimedDispatch[]> {
    const all: TimedDispatch[] = [];
    let first: bigint | undefined;
    for (const { back, dispatches } of this.#submitted.splice(0)) {
      await back.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(back.getMappedRange().slice(0));
      back.destroy();
      first ??= times[0];
      dispatches.forEach((one, i) =>
        all.push({ ...one, begin: Number(times[2 * i] - first!), end: Number(times[2 * i + 1] - first!) })
      );
    }
    return all;
  }

  /** Frees the queries. */
  destroy(): void {
    this.#queries.destroy();
  }
}
