/** Runs one op on one sample on a device and starts reading all it gives. */
import type { Device } from "../../device.ts";
import { hostArray, type TypedArray } from "../../dtype.ts";
import type { AnyOp, Sample } from "../../op.ts";
import { mul, sum } from "../../ops/mod.ts";
import type { Tensor } from "../../tensor.ts";
import type { Random } from "../random.ts";
import { elements } from "../float64/ndarray64.ts";
import type { Attrs, Values } from "../reference/mod.ts";

/** An input on the host. */
export interface HostInput extends Values {
  readonly data: TypedArray;
}

/** A sample with its random inputs drawn. */
export interface Drawn {
  readonly inputs: readonly (HostInput | null)[];
  readonly attrs: Attrs;
}

/** Draws the inputs a sample describes. */
export function draw(sample: Sample<unknown>, random: Random): Drawn {
  const inputs = sample.inputs.map((input): HostInput | null => {
    if (!input) return null;
    const { shape, dtype = "f32", range: [low, high] = [-1, 1] } = input;
    const size = elements(shape);
    const real = dtype === "f32" || dtype === "f16";
    return { shape, data: hostArray(dtype, real ? random.reals(size, low, high) : random.integers(size, low, high)) };
  });
  return { inputs, attrs: sample.attrs as Attrs };
}

/** Results of a run; `grads` has null for an input that got no gradient. */
export interface Ran {
  readonly shapes: readonly (readonly number[])[];
  readonly outputs: readonly TypedArray[];
  readonly grads: readonly (TypedArray | null)[];
  /** True for each output that carries a gradient. */
  readonly tracked: readonly boolean[];
}

/** Options of a run. */
export interface RunOptions {
  /** Inputs that want a gradient. */
  readonly needs: readonly boolean[];
  /** Gradient of each output; null leaves that output out of the backward pass. */
  readonly seeds: readonly (Float32Array<ArrayBuffer> | null)[];
  /** Run forward and backward once more, so that each gradient is added to what its input has collected. */
  readonly twice?: boolean;
}

function seedBackward(device: Device, outputs: readonly Tensor[], seeds: RunOptions["seeds"]): void {
  const used = outputs.map((output, k) => ({ output, seed: seeds[k] })).filter(({ output, seed }) =>
    seed && output.requiresGrad
  );
  const seedOf = ({ output, seed }: typeof used[number]): Tensor => device.tensor(seed!, output.shape);
  if (used.length === 0) return;
  if (used.length === 1) return used[0].output.backward(seedOf(used[0]));
  // d(sum(output * seed))/d(output) is seed exactly, so the sum adds no rounding of its own.
  const totals = used.map((pair) => sum(mul(pair.output, seedOf(pair))));
  totals.reduce((a, b) => a.add(b)).backward();
}

/** Tensors of a run, alive while they are looked at. */
interface Recorded {
  readonly inputs: readonly (Tensor | null)[];
  readonly outputs: readonly Tensor[];
}

/** Records `op`, forwards and backwards, and looks at its tensors before they are freed. */
function recorded<T>(
  device: Device,
  op: AnyOp,
  sample: Drawn,
  options: RunOptions,
  look: (tensors: Recorded, backward: () => void) => T,
): T {
  using _scope = device.scope();
  const inputs = sample.inputs.map((input, i) => {
    if (!input) return null;
    const tensor = device.tensor(input.data, input.shape);
    if (options.needs[i]) tensor.requiresGrad = true;
    return tensor;
  });
  const outputs = op.run(inputs, sample.attrs);
  return look({ inputs, outputs }, () => {
    seedBackward(device, outputs, options.seeds);
    if (options.twice) seedBackward(device, op.run(inputs, sample.attrs), options.seeds);
  });
}

/** Records `op` and reads nothing. */
export function record(device: Device, op: AnyOp, sample: Drawn, options: RunOptions): void {
  recorded(device, op, sample, options, (_, backward) => backward());
}

/** Runs `op`; everything is recorded and freed before this returns, only the values are awaited. */
export function run(device: Device, op: AnyOp, sample: Drawn, options: RunOptions): Promise<Ran> {
  return recorded(device, op, sample, options, ({ inputs, outputs }, backward) => {
    const tracked = outputs.map((t) => t.requiresGrad);
    const shapes = outputs.map((t) => [...t.shape]);
    const values = outputs.map((t) => t.data() as Promise<TypedArray>);
    // Where what follows throws, nobody waits for them.
    for (const value of values) value.catch(() => {});
    backward();
    const grads = inputs.map((t) => t?.grad ? t.grad.data() as Promise<TypedArray> : Promise.resolve(null));
    // All at once: where the device fails, every one of them rejects.
    return Promise.all([Promise.all(values), Promise.all(grads)])
      .then(([outputs, grads]) => ({ shapes, tracked, outputs, grads }));
  });
}
