/** The execution engine whose modules pass attention, against PyTorch's (tests/fixtures/refplus_masks.py). */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Device } from "../../../../engine/mod.ts";
import type { StemOutput } from "../../../../model/refplus/engine/blocks.ts";
import {
  ExecutionEngine,
  type ExecutionEngineOptions,
  type Message,
} from "../../../../model/refplus/engine/execution_engine.ts";
import { parsePrefix, ProgramTokens } from "../../../../model/refplus/engine/program_tree.ts";
import fixture from "../../../fixtures/refplus_masks.json" with { type: "json" };
import { numbers } from "../../../support/formula.ts";
import { gradientsAgree, near, withState } from "../../../support/files/torch_state.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const { names, dim, features, grid, size, dilations, programs } = fixture;
const tokens = new ProgramTokens(names), pixels = size * size;
const trees = programs.map((program) => parsePrefix(program, tokens));
const options: Omit<ExecutionEngineOptions, "seed"> = {
  tokens,
  features,
  dim,
  headWidth: 32,
  stemLayers: 1,
  size: [size, size],
  grid: [grid, grid],
  dilations,
  message: "attention",
};

/** A mask of 0 and 1 as the script draws it. */
const drawn = (name: string, count: number): number[] =>
  Array.from(numbers(name, count * pixels, 0, 1), (v) => v < 0.4 ? 1 : 0);

/** The engine with PyTorch's weights. */
function engineOf(device: Device, headChunk: number, stemOutput: StemOutput = "relu"): ExecutionEngine {
  const made = new ExecutionEngine(device, { ...options, headChunk, stemOutput, seed: 1 });
  return withState(made, "engine", fixture, made.banks);
}

const image = numbers("features", trees.length * grid * grid * features, -1, 1);
const answers = Int32Array.from(drawn("masks", trees.length));

Deno.test("modules that pass attention run programs as PyTorch does, by levels and chunks, and learn through all of them, with every activation after the stem", async () => {
  await using device = await Device.open();
  for (const [headChunk, stemOutput] of [[1, "relu"], [2, "relu"], [9, "relu"], [2, "none"]] as const) {
    const expected = stemOutput === "relu" ? fixture.own : fixture.linear;
    using engine = engineOf(device, headChunk, stemOutput);
    using scope = device.scope();
    const x = scope.keep(device.tensor(image, [trees.length, grid, grid, features]));
    near("scores", await engine.scores(engine.forward(x, trees)).data(), expected.scores);
    near("loss", [await engine.evaluate(x, trees, answers, { learn: true }).loss.item()], [expected.loss]);
    await gradientsAgree(engine, { ...expected, state: fixture.state }, engine.banks);
  }
});

Deno.test("under teacher forcing each node learns on its own, as in PyTorch", async () => {
  const { nodes: all, weight, loss, nodeLoss } = fixture.teacherForcing;
  const nodes = all.slice(trees.length).map(([program, node]) => ({ program: Number(program), node: Number(node) }));
  const inputs = all.map(([, , given]) => [...String(given)].map((name) => Uint8Array.from(drawn(`input ${name}`, 1))));
  const masks = Int32Array.from(drawn("inner", nodes.length));
  await using device = await Device.open();
  for (const headChunk of [2, 9]) {
    using engine = engineOf(device, headChunk);
    using scope = device.scope();
    const x = scope.keep(device.tensor(image, [trees.length, grid, grid, features]));
    const outcome = engine.evaluate(x, trees, answers, { learn: true, nodes: { nodes, masks, weight, inputs } });
    near("losses", [await outcome.loss.item(), await outcome.nodeLoss!.item()], [loss, nodeLoss]);
    await gradientsAgree(engine, { ...fixture.teacherForcing, state: fixture.state }, engine.banks);
    strictEqual(engine.message, "attention");
  }
});

Deno.test("a picture's answer does not depend on what else is in the batch, nor on the order of its programs", async () => {
  await using device = await Device.open();
  using engine = engineOf(device, 9);
  using _scope = device.scope();
  const each = grid * grid * features, order = [2, 0, 1];
  const values = Float32Array.from(order.flatMap((n) => [...image.subarray(n * each, (n + 1) * each)]));
  const all = await engine.forward(device.tensor(image, [3, grid, grid, features]), trees).data();
  const moved = await engine.forward(device.tensor(values, [3, grid, grid, features]), order.map((n) => trees[n]))
    .data();
  const map = all.length / 3;
  order.forEach((n, at) =>
    deepStrictEqual(moved.subarray(at * map, (at + 1) * map), all.subarray(n * map, (n + 1) * map))
  );
});

Deno.test("attention is passed only where a cell is a whole number of its pixels; teacher forcing needs attention", async () => {
  await using device = await Device.open();
  const make = (message: Message, around: readonly [number, number] | undefined): ExecutionEngine => {
    const { grid: _, ...rest } = options;
    return new ExecutionEngine(device, { ...rest, message, ...around ? { grid: around } : {}, seed: 1 });
  };
  for (const around of [[4, 5], [3, 5], undefined] as const) {
    throws(() => make("attention", around), /does not fit features of (4 × 5|3 × 5|unknown size)/);
  }
  using engine = make("features", undefined);
  strictEqual(engine.message, "features");
  using _scope = device.scope();
  const x = device.tensor(image, [3, grid, grid, features]);
  const nodes = { nodes: [], masks: new Int32Array(), weight: 1, inputs: trees.map(() => []) };
  throws(() => engine.evaluate(x, trees, answers, { learn: false, nodes }), /these modules pass features/);
});
