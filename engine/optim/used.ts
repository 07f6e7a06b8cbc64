/** Flags of the parameters that a step gave a gradient, as the optimisers' kernels read them. */
import type { Device } from "../device.ts";
import { contextOf, gradEntriesOf } from "../friends.ts";
import type { NamedParameter } from "../nn/parameter.ts";
import type { Tensor } from "../tensor.ts";

/** Places of the parameters' counts: one each, or one for each entry of a bank. */
export interface Layout {
  /** First count of each parameter, and how many it has. */
  readonly places: ReadonlyMap<NamedParameter, { readonly entry: number; readonly entries: number }>;
  /** All counts. */
  readonly size: number;
}

/** The layout of parameters' counts, in their order. */
export function layoutOf(parameters: readonly NamedParameter[]): Layout {
  let size = 0;
  const places = new Map(parameters.map((parameter) => {
    const entries = parameter.bank ? parameter.tensor.shape[0] : 1;
    const place = { entry: size, entries };
    size += entries;
    return [parameter, place];
  }));
  return { places, size };
}

/** Flags u32 [n] on the device, 1 for each count whose parameter has a gradient. */
export class UsedFlags implements Disposable {
  readonly #device: Device;
  readonly #layout: Layout;
  /** Ones, for the usual step that uses every parameter. */
  readonly #all: Tensor;
  #some: Tensor;
  #written: Uint32Array<ArrayBuffer> | null = null;
  /** Flags that captured steps read: they stay as they are. */
  readonly #captured: Tensor[] = [];

  constructor(device: Device, layout: Layout) {
    this.#device = device;
    this.#layout = layout;
    this.#all = device.tensor(new Uint32Array(layout.size).fill(1)).unscoped();
    this.#some = device.tensor(new Uint32Array(layout.size)).unscoped();
  }

  /** The flags of this step's gradients. Only records work. */
  of(parameters: readonly NamedParameter[]): Tensor {
    const flags = new Uint32Array(this.#layout.size);
    for (const parameter of parameters) {
      const { tensor } = parameter, { entry, entries } = this.#layout.places.get(parameter)!;
      if (!tensor.grad) continue;
      const touched = parameter.bank ? gradEntriesOf(tensor) : null;
      if (!touched) flags.fill(1, entry, entry + entries);
      else for (const used of touched) flags[entry + used] = 1;
    }
    if (!flags.includes(0)) return this.#all;
    if (!this.#written || flags.some((flag, i) => flag !== this.#written![i])) {
      if (this.#captured.includes(this.#some)) this.#some = this.#device.tensor(flags).unscoped();
      else this.#some.write(flags);
      this.#written = flags;
    }
    if (contextOf(this.#device).recording && !this.#captured.includes(this.#some)) this.#captured.push(this.#some);
    return this.#some;
  }

  /** Frees the flags. */
  [Symbol.dispose](): void {
    for (const tensor of new Set([this.#all, this.#some, ...this.#captured])) tensor.dispose();
  }
}
