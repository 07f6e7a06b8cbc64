/** From a file's tensors to ours: other axes, other order of channels, normalisation folded. */
import { claimedSize, type StoredTensor, type WeightFile, WeightsError } from "./stored.ts";

/** A tensor ready for a model. */
export interface OwnTensor {
  /** Shape in our order of axes. */
  readonly shape: readonly number[];
  /** Values, row-major. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Takes tensors from a file by name and shape, and remembers which it took. */
export class TensorSource {
  readonly #file: WeightFile;
  readonly #prefix: string;
  readonly #taken = new Set<string>();

  /** Names are looked up behind `prefix`. */
  constructor(file: WeightFile, prefix = "") {
    this.#file = file;
    this.#prefix = prefix;
  }

  /** True where the file has the tensor. */
  has(name: string): boolean {
    return this.#file.tensors.has(this.#prefix + name);
  }

  /** The shape of a tensor that is there. */
  shape(name: string): readonly number[] {
    return this.#find(name).shape;
  }

  /** A tensor's numbers. Throws {@link WeightsError} when it is missing, of another shape, or not finite. */
  take(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
    const tensor = this.#find(name);
    if (tensor.shape.length !== shape.length || tensor.shape.some((extent, axis) => extent !== shape[axis])) {
      throw new WeightsError(
        `tensor "${name}" has the shape [${tensor.shape.join(", ")}], wanted [${shape.join(", ")}]`,
      );
    }
    claimedSize(name, shape);
    const data = tensor.read();
    // A loop: calls for each of 10^8 numbers take a second.
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(data[i])) throw new WeightsError(`tensor "${name}" holds ${data[i]} at ${i}`);
    }
    this.#taken.add(this.#prefix + name);
    return data;
  }

  /** Names of the file's tensors that nothing took. */
  left(): string[] {
    return [...this.#file.tensors.keys()].filter((name) => !this.#taken.has(name));
  }

  #find(name: string): StoredTensor {
    const tensor = this.#file.tensors.get(this.#prefix + name);
    if (!tensor) throw new WeightsError(`tensor "${this.#prefix}${name}" is missing`);
    return tensor;
  }
}

/** A filter [O, I, kH, kW], as PyTorch keeps it, as [kH, kW, I, O]. */
export function filterFromTorch(data: Float32Array, [o, i, h, w]: readonly number[]): OwnTensor {
  const out = new Float32Array(data.length);
  for (let a = 0, at = 0; a < o; a++) {
    for (let b = 0; b < i; b++) {
      for (let cell = 0; cell < h * w; cell++, at++) out[(cell * i + b) * o + a] = data[at];
    }
  }
  return { shape: [h, w, i, o], data: out };
}

/** A filter [kH, kW, I, O] as [O, I, kH, kW]. */
export function filterToTorch({ shape: [h, w, i, o], data }: OwnTensor): OwnTensor {
  const out = new Float32Array(data.length);
  for (let a = 0, at = 0; a < o; a++) {
    for (let b = 0; b < i; b++) {
      for (let cell = 0; cell < h * w; cell++, at++) out[at] = data[(cell * i + b) * o + a];
    }
  }
  return { shape: [o, i, h, w], data: out };
}

/** A matrix [rows, columns] transposed: the weight of a linear layer, [out, in] there and [in, out] here. */
export function transposed(data: Float32Array, [rows, columns]: readonly number[]): OwnTensor {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c];
  return { shape: [columns, rows], data: out };
}

/** A filter [kH, kW, 3, O] with its input channels in the opposite order: for RGB becomes for BGR. */
export function reversedInputs({ shape, data }: OwnTensor): OwnTensor {
  const [, , inputs, outputs] = shape;
  const out = new Float32Array(data.length);
  for (let row = 0; row < data.length / outputs; row++) {
    const from = row - row % inputs + inputs - 1 - row % inputs;
    out.set(data.subarray(from * outputs, (from + 1) * outputs), row * outputs);
  }
  return { shape, data: out };
}

/** The factor and the shift per channel that γ (x − mean) / √(variance + ε) + β comes to, in f64 until the end. */
export function folded(
  gamma: Float32Array,
  beta: Float32Array,
  mean: Float32Array,
  variance: Float32Array,
  epsilon: number,
): { readonly scale: Float32Array<ArrayBuffer>; readonly shift: Float32Array<ArrayBuffer> } {
  const factors = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c] + epsilon));
  return {
    scale: Float32Array.from(factors),
    shift: Float32Array.from(factors, (factor, c) => beta[c] - mean[c] * factor),
  };
}

/** Tensors of one channel side by side along the last axis. */
export function interleaved(parts: readonly OwnTensor[]): OwnTensor {
  const [{ shape, data }] = parts;
  const out = new Float32Array(parts.length * data.length);
  parts.forEach((part, p) => part.data.forEach((v, i) => out[i * parts.length + p] = v));
  return { shape: [...shape.slice(0, -1), parts.length], data: out };
}

/** Our fully connected layers keep weights of more than 128 MiB in blocks of rows. */
const BLOCK_BYTES = 2 ** 27;

/** A wide weight as the blocks our layers keep it in. */
export function rowBlocks({ shape: [rows, columns], data }: OwnTensor): [string, OwnTensor][] {
  const count = Math.max(1, Math.ceil(rows * columns * 4 / BLOCK_BYTES));
  if (count === 1) return [["weight", { shape: [rows, columns], data }]];
  const limit = Math.ceil(rows / count);
  return Array.from({ length: count }, (_, i) => {
    const size = Math.min(limit, rows - i * limit);
    const from = i * limit * columns;
    return [`${i}.weight`, { shape: [size, columns], data: data.slice(from, from + size * columns) }];
  });
}
