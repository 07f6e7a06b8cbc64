/** Models with the weights of a PyTorch fixture, and their gradients held against it. */
import { ok, strictEqual } from "node:assert/strict";
import type { Module } from "../../../engine/mod.ts";
import { type Banks, fromTorchState } from "../../../model/refplus/reference/torch_names.ts";
import { filterFromTorch, transposed } from "../../../model/weights/convert.ts";
import type { WeightFile } from "../../../model/weights/stored.ts";
import { numbers } from "../formula.ts";

/** Of values and gradients, relative to the largest of the tensor. */
const TOLERANCE = 2e-5;

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The state dict the script made, and the model with its weights. */
export function withState<M extends Module>(
  model: M,
  prefix: string,
  { state, reach }: { readonly state: Readonly<Record<string, number[]>>; readonly reach: number },
  banks: Banks = {},
): M {
  const taken = new Set<string>();
  const file: WeightFile = {
    format: "made",
    metadata: {},
    tensors: new Map(
      Object.entries(state).map(([name, shape]) => [
        `saved.${name}`,
        {
          shape,
          read: () => {
            taken.add(name);
            return numbers(`${prefix} ${name}`, product(shape), -reach, reach);
          },
        },
      ]),
    ),
  };
  const own = fromTorchState(file, model.parameters(), "saved.", banks);
  strictEqual(taken.size, file.tensors.size);
  for (const { name, tensor } of model.parameters()) tensor.write(own.get(name)!.data);
  return model;
}

/** Fails where a value is off by more than a share of the largest. */
export function near(name: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  strictEqual(got.length, want.length, name);
  const values = Array.from(want);
  const size = values.reduce((max, v) => Math.max(max, Math.abs(v)), 1e-6);
  values.forEach((v, i) => ok(Math.abs(got[i] - v) <= TOLERANCE * size, `${name}[${i}]: ${got[i]}, not ${v}`));
}

/** A gradient of PyTorch's by our axes. */
function ours(gradient: number[], shape: readonly number[], name: string): ArrayLike<number> {
  const data = Float32Array.from(gradient);
  if (shape.length === 4) return filterFromTorch(data, shape).data;
  return shape.length === 2 && !name.includes("_embed.") ? transposed(data, shape).data : data;
}

/** Holds every gradient of a model against the fixture's. */
export async function gradientsAgree(
  model: Module,
  { gradients, state }: {
    readonly gradients: Readonly<Record<string, number[] | undefined>>;
    readonly state: Readonly<Record<string, number[]>>;
  },
  banks: Banks = {},
): Promise<void> {
  const torch = (name: string): string =>
    name.replace(/_rnn\.(\d)\.([xh])\.(weight|bias)/, (_, l, side, kind) => `_rnn.${kind}_${side}h_l${l}`)
      .replace("_xh_", "_ih_");
  for (const { name, tensor } of model.parameters()) {
    const [, bank, rest] = /^(\w+)\.(.+)$/.exec(name)!;
    if (banks[bank]) {
      const all = await tensor.grad!.data(), size = all.length / banks[bank].length;
      banks[bank].forEach((token, i) => {
        const own = all.subarray(i * size, (i + 1) * size), key = `${token}.${rest}`, want = gradients[key];
        if (want) near(`gradient of ${key}`, own, ours(want, state[key], key));
        else ok(own.every((v) => v === 0), `${key} took no part and has a gradient`);
      });
      continue;
    }
    const want = gradients[torch(name)];
    strictEqual(tensor.grad !== null, want !== undefined, `gradient of ${name}`);
    if (want) near(`gradient of ${name}`, await tensor.grad!.data(), ours(want, state[torch(name)], name));
  }
}
