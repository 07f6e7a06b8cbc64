/** Models with weights by formula, and their tensors by PyTorch's names and axes. */
import type { Module, Tensor } from "../../../engine/mod.ts";
import type { Sequences } from "../../../model/refplus/generator/program_generator.ts";
import { type Banks, fromTorchState } from "../../../model/refplus/reference/torch_names.ts";
import type { StoredTensor, WeightFile } from "../../../model/weights/stored.ts";
import { numbers } from "./formula.ts";
import type { Shapes } from "./golden.ts";

/** Number of values of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Largest value of a weight, as in make/formula.py. */
function reach(name: string, shape: readonly number[]): number {
  if (name.includes("embed")) return 1;
  if (name.includes("_rnn") || name.includes("_linear")) return 0.12;
  if (name.endsWith("bias")) return 0.05;
  return Math.sqrt(6 / sizeOf(shape.slice(1))) * (name.includes("conv2") ? 0.35 : 1);
}

/** The tensors of a model called `label`, as a reader of PyTorch's files gives them, behind `prefix`. */
export function stateTensors(label: string, shapes: Shapes, scale: number, prefix = ""): [string, StoredTensor][] {
  return Object.entries(shapes).map(([name, shape]) => {
    const b = reach(name, shape) * scale;
    return [prefix + name, { shape, read: () => numbers(`${label} ${name}`, sizeOf(shape), -b, b) }];
  });
}

/** A file of such tensors. */
export function fileOf(tensors: readonly (readonly [string, StoredTensor])[]): WeightFile {
  return { format: "made", metadata: {}, tensors: new Map(tensors) };
}

/** Gives a model the weights that the golden file's had. */
export function fill(model: Module, label: string, shapes: Shapes, scale: number, banks: Banks = {}): void {
  const own = fromTorchState(fileOf(stateTensors(label, shapes, scale, "s.")), model.parameters(), "s.", banks);
  for (const { name, tensor } of model.parameters()) tensor.write(own.get(name)!.data);
}

/** Sequences of one length as a batch. */
export function sequences(rows: readonly (readonly number[])[]): Sequences {
  return { data: Int32Array.from(rows.flat()), count: rows.length, length: rows[0].length };
}

/** The same back. */
export function rowsOf({ data, count, length }: Sequences): number[][] {
  return Array.from({ length: count }, (_, i) => [...data.subarray(i * length, (i + 1) * length)]);
}

/** Pictures [N, C, H, W] with their channels last. */
export function channelsLast(
  data: Float32Array,
  [count, channels, height, width]: readonly [number, number, number, number],
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length), cells = height * width;
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < channels; c++) {
      for (let at = 0; at < cells; at++) out[(i * cells + at) * channels + c] = data[(i * channels + c) * cells + at];
    }
  }
  return out;
}

/** Our axes to PyTorch's: filters [kH, kW, I, O] → [O, I, kH, kW]; matrices transposed; embeddings as they are. */
function toTorch(name: string, data: ArrayLike<number>, shape: readonly number[]): ArrayLike<number> {
  if (shape.length !== 4 && (shape.length !== 2 || name.includes("_embed"))) return data;
  const outputs = shape.at(-1)!, inputs = shape.at(-2)!, cells = sizeOf(shape) / inputs / outputs;
  const out = new Float32Array(data.length);
  let at = 0;
  for (let cell = 0; cell < cells; cell++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) out[(o * inputs + i) * cells + cell] = data[at++];
    }
  }
  return out;
}

function torchName(name: string): string {
  const lstm = /^(\w+_rnn)\.(\d+)\.([xh])\.(weight|bias)$/.exec(name);
  return lstm ? `${lstm[1]}.${lstm[4]}_${lstm[3] === "x" ? "ih" : "hh"}_l${lstm[2]}` : name;
}

/** Sizes of all parameters by PyTorch's names, banks taken apart. */
export function sizesByTorchName(model: Module, banks: Banks = {}): Map<string, number> {
  return new Map([...model.parameters()].flatMap(({ name, tensor }) => {
    const [, bank, rest] = /^(\w+)\.(.+)$/.exec(name)!, tokens = banks[bank];
    if (!tokens) return [[torchName(name), tensor.size] as const];
    return tokens.map((token) => [`${token}.${rest}`, tensor.size / tokens.length] as const);
  }));
}

/** Every parameter's values, or its gradient's, by PyTorch's names and axes; null where there is none. */
export async function byTorchName(
  model: Module,
  of: (parameter: Tensor) => Tensor | null,
  banks: Banks = {},
): Promise<Map<string, ArrayLike<number> | null>> {
  const all = new Map<string, ArrayLike<number> | null>();
  // Read together: a read waits 10 ms and more, however little it reads.
  const read = [...model.parameters()].map(async ({ name, tensor }) => {
    const value = of(tensor);
    return { name, tensor, data: value && await value.data() };
  });
  for (const { name, tensor, data } of await Promise.all(read)) {
    const [, bank, rest] = /^(\w+)\.(.+)$/.exec(name)!, tokens = banks[bank];
    if (!tokens) {
      all.set(torchName(name), data && toTorch(name, data, tensor.shape));
      continue;
    }
    const shape = tensor.shape.slice(1), each = sizeOf(shape);
    tokens.forEach((token, i) => {
      all.set(`${token}.${rest}`, data && toTorch(name, data.subarray(i * each, (i + 1) * each), shape));
    });
  }
  return all;
}
