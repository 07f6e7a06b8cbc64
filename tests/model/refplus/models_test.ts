/** The program generator and the execution engine against PyTorch's (tests/fixtures/refplus_models.py). */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Device, type Module } from "../../../engine/mod.ts";
import { ExecutionEngine } from "../../../model/refplus/execution_engine.ts";
import { ProgramGenerator, type Sequences } from "../../../model/refplus/program_generator.ts";
import { parsePrefix, ProgramTokens } from "../../../model/refplus/program_tree.ts";
import { type Banks, fromTorchState } from "../../../model/refplus/torch_names.ts";
import { filterFromTorch, transposed } from "../../../model/weights/convert.ts";
import type { WeightFile } from "../../../model/weights/stored.ts";
import fixture from "../../fixtures/refplus_models.json" with { type: "json" };
import { numbers } from "../../support/formula.ts";

/** Of values and gradients, relative to the largest of the tensor. */
const TOLERANCE = 2e-5;

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The state dict the script made, and the model with its weights. */
function withState<M extends Module>(
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

function near(name: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  strictEqual(got.length, want.length, name);
  const values = Array.from(want);
  const size = values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-6);
  values.forEach((v, i) => ok(Math.abs(got[i] - v) <= TOLERANCE * size, `${name}[${i}]: ${got[i]}, not ${v}`));
}

/** A gradient of PyTorch's by our axes. */
function ours(gradient: number[], shape: readonly number[], name: string): ArrayLike<number> {
  const data = Float32Array.from(gradient);
  if (shape.length === 4) return filterFromTorch(data, shape).data;
  return shape.length === 2 && !name.includes("_embed.") ? transposed(data, shape).data : data;
}

async function gradientsAgree(
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

const sequences = (rows: readonly (readonly number[])[]): Sequences => ({
  data: Int32Array.from(rows.flat()),
  count: rows.length,
  length: rows[0].length,
});

Deno.test("the program generator has PyTorch's logits, loss and gradients", async () => {
  const { words, tokens, wordDim, hidden, x, y, logits, loss } = fixture.generator;
  await using device = await Device.open();
  using made = new ProgramGenerator(device, { words, tokens, wordDim, hidden, seed: 1 });
  const model = withState(made, "generator", fixture.generator);
  {
    using _scope = device.scope();
    const got = model.logits(model.encode(sequences(x)), sequences(y.map((row) => row.slice(0, -1))));
    near("logits", await got.reshape([4, 3, tokens]).transpose([1, 0, 2]).data(), logits);
    const total = model.loss(sequences(x), sequences(y));
    near("loss", [await total.item()], [loss]);
    total.backward();
    await gradientsAgree(model, fixture.generator);
    model.zeroGrad();
  }
  strictEqual(device.memory.liveTensors, [...model.parameters()].length);
});

Deno.test("the execution engine runs whole and broken programs as PyTorch does, batched by level and chunk by chunk", async () => {
  const { names, dim, features, grid, size, programs, scores, loss, overlaps } = fixture.engine;
  await using device = await Device.open();
  for (const headChunk of [1, 2, 5]) {
    const tokens = new ProgramTokens(names);
    using made = new ExecutionEngine(device, { tokens, features, dim, size: [size, size], headChunk, seed: 1 });
    const model = withState(made, "engine", fixture.engine, made.banks);
    const image = numbers("features", programs.length * grid * grid * features, -1, 1);
    const masks = Int32Array.from(numbers("masks", programs.length * size * size, 0, 1), (v) => v < 0.4 ? 1 : 0);
    const trees = programs.map((program) => parsePrefix(program, tokens));
    {
      using _scope = device.scope();
      const x = device.tensor(image, [programs.length, grid, grid, features]);
      const maps = model.forward(x, trees);
      for (const commuted of [true, false]) near("scores", await model.scores(maps, { commuted }).data(), scores);
      const outcome = model.evaluate(x, trees, masks, { learn: true });
      near("loss", [await outcome.loss.item()], [loss]);
      deepStrictEqual([...await outcome.overlaps.data()], overlaps.flat());
      await gradientsAgree(model, fixture.engine, made.banks);
      model.zeroGrad();
      const found = await model.masks(maps).data();
      const foreground = Array.from({ length: found.length }, (_, i) => scores[2 * i + 1] > scores[2 * i] ? 1 : 0);
      deepStrictEqual([...found], foreground);
    }
    strictEqual(device.memory.liveTensors, [...model.parameters()].length);
  }
});
