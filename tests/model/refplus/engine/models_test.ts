/** The program generator and the execution engine against PyTorch's (tests/fixtures/refplus_models.py). */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Device } from "../../../../engine/mod.ts";
import { ExecutionEngine } from "../../../../model/refplus/engine/execution_engine.ts";
import { ProgramGenerator, type Sequences } from "../../../../model/refplus/generator/program_generator.ts";
import { parsePrefix, ProgramTokens } from "../../../../model/refplus/engine/program_tree.ts";
import fixture from "../../../fixtures/refplus_models.json" with { type: "json" };
import { numbers } from "../../../support/formula.ts";
import { gradientsAgree, near, withState } from "../../../support/files/torch_state.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

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

Deno.test("masks of 320 × 320 go through the head in pieces that every adapter can bind, however few channels feature maps have", async () => {
  await using device = await Device.open();
  const tokens = new ProgramTokens(fixture.engine.names), size = [320, 320] as const;
  for (const [dim, headWidth] of [[2, 32], [40, null], [2, null]] as const) {
    using engine = new ExecutionEngine(device, { tokens, features: 3, dim, headWidth, size, seed: 1 });
    using _scope = device.scope();
    // The widest tensor is the head's 32 channels, then its feature maps, then the 4 channels before the scores.
    const masks = engine.masks(device.randn([11, 4, 4, dim], { seed: 2 }));
    deepStrictEqual(masks.shape, [11, 320, 320]);
  }
});

Deno.test("the execution engine runs whole and broken programs as PyTorch does, batched by level and chunk by chunk", async () => {
  const { names, dim, features, grid, size, programs, scores, loss, overlaps } = fixture.engine;
  await using device = await Device.open();
  for (const headChunk of [1, 2, 5]) {
    const tokens = new ProgramTokens(names);
    const sizes = { features, dim, headWidth: 32, size: [size, size] } as const;
    using made = new ExecutionEngine(device, { tokens, ...sizes, headChunk, seed: 1 });
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
