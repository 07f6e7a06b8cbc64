/** Work done again and again on inputs of few shapes: recorded for each shape, then replayed. */
import { type Captured, CaptureMemory, type Device } from "./device.ts";
import type { Tensor } from "./tensor.ts";

/** Work recorded for inputs of one shape, with the room its inputs are written to. */
interface Recording<S> {
  readonly room: S;
  readonly captured: Captured<Tensor>;
  /** Tensors it keeps alive. */
  readonly tensors: number;
}

/** Options of {@link Replays}. */
export interface ReplaysOptions {
  /** Recordings kept; the one unused for longest goes. Default 64. */
  readonly most?: number;
  /**
   * Bytes of device memory of all recordings' results beyond which no shape is recorded any more; default half of the
   * device's memory limit where one is set, else 4 GiB.
   */
  readonly mostBytes?: number;
}

/**
 * Runs `body` on inputs that lie in room of type `S`. The first input of a shape runs it plainly; the second records it
 * ({@link Device.capture}), and those after it replay the commands without the JavaScript between them. Results are the
 * same to the bit.
 */
export class Replays<S extends Disposable> implements Disposable {
  readonly #device: Device;
  readonly #body: (room: S) => Tensor;
  readonly #most: number;
  readonly #mostBytes: number;
  readonly #memory: CaptureMemory;
  readonly #seen = new Set<string>();
  readonly #recordings = new Map<string, Recording<S>>();

  /** `body` reads its inputs from `room`, makes nothing from host data and leaves no tensor but its result. */
  constructor(device: Device, body: (room: S) => Tensor, { most = 64, mostBytes }: ReplaysOptions = {}) {
    this.#device = device;
    this.#body = body;
    this.#most = most;
    const half = Number.isFinite(device.memoryLimit) ? device.memoryLimit / 2 : 4 * 2 ** 30;
    this.#mostBytes = mostBytes ?? half;
    this.#memory = new CaptureMemory(device);
  }

  /** Tensors that recordings keep alive. */
  get tensors(): number {
    let sum = 0;
    for (const { tensors } of this.#recordings.values()) sum += tensors;
    return sum;
  }

  /** The body's result for the inputs that `fill` writes into room made by `make` for the shape `key`; the caller owns it. */
  run(key: string, make: () => S, fill: (room: S) => void): Tensor {
    const known = this.#recordings.get(key);
    if (known) {
      // The order of the map is the order of use.
      this.#recordings.delete(key);
      this.#recordings.set(key, known);
      fill(known.room);
      known.captured.replay();
      return known.captured.outputs.clone().unscoped();
    }
    if (this.#recordings.size >= this.#most) this.#drop(this.#recordings.keys().next().value!);
    const alive = this.#device.memory.liveTensors;
    const room = make();
    fill(room);
    if (!this.#seen.has(key) || this.#memory.bytes > this.#mostBytes) {
      this.#seen.add(key);
      const result = this.#body(room).unscoped();
      room[Symbol.dispose]();
      return result;
    }
    const captured = this.#device.capture(() => this.#body(room).unscoped(), this.#memory);
    this.#recordings.set(key, { room, captured, tensors: this.#device.memory.liveTensors - alive });
    return captured.outputs.clone().unscoped();
  }

  #drop(key: string): void {
    const { room, captured } = this.#recordings.get(key)!;
    this.#recordings.delete(key);
    captured.outputs.dispose();
    captured[Symbol.dispose]();
    room[Symbol.dispose]();
  }

  /** Frees all recordings. */
  [Symbol.dispose](): void {
    for (const key of [...this.#recordings.keys()]) this.#drop(key);
    this.#memory[Symbol.dispose]();
  }
}
