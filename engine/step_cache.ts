/** Work done again and again on inputs of few shapes: captured for each shape, then replayed. */
import { type CapturedStep, CapturePool, type Device } from "./device.ts";
import type { Tensor } from "./tensor.ts";

/** Work captured for inputs of one shape, with the static inputs it reads. */
interface Entry<S> {
  readonly inputs: S;
  readonly captured: CapturedStep<Tensor>;
  /** Tensors it keeps alive. */
  readonly tensors: number;
}

/** Options of {@link StepCache}. */
export interface StepCacheOptions {
  /** Captured steps kept; the one unused for longest goes. Default 64. */
  readonly maxEntries?: number;
  /**
   * Bytes of device memory of all results beyond which no shape is recorded any more; default half of the
   * device's memory limit where one is set, else 4 GiB.
   */
  readonly maxBytes?: number;
}

/**
 * Runs `body` on static inputs of type `S`. The first input of a shape runs it plainly; the second captures it
 * ({@link Device.capture}), and those after it replay the commands without the JavaScript between them. Results are the
 * same to the bit.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, StepCache, type Tensor } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using cache = new StepCache(device, (x: Tensor) => x.mul(2));
 * // One input of a shape runs plainly, the second is captured, the third replays that.
 * for (const values of [[1, 2], [3, 4], [5, 6]]) {
 *   using y = cache.run("2", () => device.zeros([2]).unscoped(), (x) => x.write(Float32Array.from(values)));
 *   deepStrictEqual([...await y.data()], values.map((v) => 2 * v));
 * }
 * ```
 */
export class StepCache<S extends Disposable> implements Disposable {
  readonly #device: Device;
  readonly #body: (inputs: S) => Tensor;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #memory: CapturePool;
  readonly #seen = new Set<string>();
  readonly #entries = new Map<string, Entry<S>>();

  /** `body` reads its inputs from `inputs`, makes nothing from host data and leaves no tensor but its result. */
  constructor(device: Device, body: (inputs: S) => Tensor, { maxEntries = 64, maxBytes }: StepCacheOptions = {}) {
    this.#device = device;
    this.#body = body;
    this.#maxEntries = maxEntries;
    const half = Number.isFinite(device.memoryLimit) ? device.memoryLimit / 2 : 4 * 2 ** 30;
    this.#maxBytes = maxBytes ?? half;
    this.#memory = new CapturePool(device);
  }

  /** Tensors that captured steps keep alive. */
  get tensors(): number {
    let sum = 0;
    for (const { tensors } of this.#entries.values()) sum += tensors;
    return sum;
  }

  /** The body's result for the inputs that `fill` writes into the static inputs made by `make` for the bucket `key`; the caller owns it. */
  run(key: string, make: () => S, fill: (inputs: S) => void): Tensor {
    const known = this.#entries.get(key);
    if (known) {
      // The order of the map is the order of use.
      this.#entries.delete(key);
      this.#entries.set(key, known);
      fill(known.inputs);
      known.captured.replay();
      return known.captured.outputs.clone().unscoped();
    }
    if (this.#entries.size >= this.#maxEntries) this.#drop(this.#entries.keys().next().value!);
    const alive = this.#device.memory.liveTensors;
    const inputs = make();
    fill(inputs);
    if (!this.#seen.has(key) || this.#memory.bytes > this.#maxBytes) {
      this.#seen.add(key);
      const result = this.#body(inputs).unscoped();
      inputs[Symbol.dispose]();
      return result;
    }
    const captured = this.#device.capture(() => this.#body(inputs).unscoped(), this.#memory);
    this.#entries.set(key, { inputs, captured, tensors: this.#device.memory.liveTensors - alive });
    return captured.outputs.clone().unscoped();
  }

  #drop(key: string): void {
    const { inputs, captured } = this.#entries.get(key)!;
    this.#entries.delete(key);
    captured.outputs.dispose();
    captured[Symbol.dispose]();
    inputs[Symbol.dispose]();
  }

  /** Frees all captured steps. */
  [Symbol.dispose](): void {
    for (const key of [...this.#entries.keys()]) this.#drop(key);
    this.#memory[Symbol.dispose]();
  }
}
