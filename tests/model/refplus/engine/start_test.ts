/** Initial weights of the execution engine's modules, and their receptive fields. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SPECIAL_TOKENS } from "../../../../datasets/refplus/encoding/tokens.ts";
import { Device } from "../../../../engine/mod.ts";
import { ExecutionEngine } from "../../../../model/refplus/engine/execution_engine.ts";
import { parsePrefix, ProgramTokens } from "../../../../model/refplus/engine/program_tree.ts";
import { withRandom } from "../../../support/random.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const NAMES = [...SPECIAL_TOKENS, "filter_color[red]", "intersect", "relate[left]", "scene", "union"];
const tokens = new ProgramTokens(NAMES), [red, both, left, scene, union] = [4, 5, 6, 7, 8];

Deno.test("with the identity start, every program passes on its scene's features", async () => {
  await withRandom("identity start", async (random) => {
    await using device = await Device.open();
    const options = { tokens, features: 6, dim: 8, size: [10, 14], start: "identity" } as const;
    using engine = new ExecutionEngine(device, { ...options, stemLayers: 2, dilations: [2, 6], seed: 3 });
    using _scope = device.scope();
    const image = device.tensor(random.reals(5 * 7 * 6, -1, 2), [1, 5, 7, 6]);
    const map = async (...program: number[]): Promise<Float32Array> =>
      await engine.forward(image, [parsePrefix(program, tokens)]).data() as Float32Array;
    const shown = await map(scene);
    ok(shown.some((v) => v > 0));
    for (const program of [[red, scene], [left, red, left, scene], [union, scene, red, scene], [both, scene, scene]]) {
      deepStrictEqual(await map(...program), shown, program.map((token) => NAMES[token]).join());
    }
  });
});

Deno.test("the identity start's stem passes on its channels, with noise added", async () => {
  await using device = await Device.open();
  using engine = new ExecutionEngine(device, {
    tokens,
    features: 20,
    dim: 24,
    size: [8, 8],
    start: "identity",
    seed: 4,
  });
  const { tensor } = [...engine.parameters()].find(({ name }) => name === "stem.0.weight")!;
  const weight = await tensor.data(), middle = 4 * 20 * 24;
  let passed = 0, noise = 0;
  weight.forEach((value, at) => {
    const input = Math.floor(at / 24) % 20, own = at >= middle && at < middle + 480 && input === at % 24;
    if (own) passed += value / 20;
    else noise += value * value / (weight.length - 20);
  });
  const deviation = 0.3 * Math.sqrt(2 / 180);
  ok(Math.abs(passed - 1) < 5 * deviation / Math.sqrt(20), `passed on ${passed}`);
  ok(Math.abs(Math.sqrt(noise) / deviation - 1) < 0.1, `noise ${Math.sqrt(noise)}, not ${deviation}`);
});

Deno.test("with the identity start, the channels before the scores are pairs of opposites, for and against foreground", async () => {
  await using device = await Device.open();
  const sizes = { features: 3, dim: 8, headWidth: 32, size: [8, 8] } as const;
  using engine = new ExecutionEngine(device, { tokens, ...sizes, start: "identity", seed: 6 });
  const weights = async (layer: number): Promise<Float32Array> =>
    await [...engine.parameters()].find(({ name }) => name === `classifier.${layer}.weight`)!.tensor
      .data() as Float32Array;
  const narrow = await weights(9), deviation = Math.sqrt(narrow.reduce((sum, v) => sum + v * v, 0) / narrow.length);
  narrow.forEach((v, at) => strictEqual(v, -narrow[at ^ 1]));
  ok(Math.abs(deviation / Math.sqrt(2 / 32) - 1) < 0.35, `${deviation}`);
  // [4 inputs, background and foreground].
  deepStrictEqual([...await weights(11)], [-1.5, 1.5, 1.5, -1.5, -1.5, 1.5, 1.5, -1.5]);
});

Deno.test("unary modules see as far as their dilations reach, binary ones only around a cell", async () => {
  const side = 25,
    centre = 12,
    reached = (offsets: readonly number[]): Set<number> =>
      offsets.reduce((all, d) => new Set([...all].flatMap((v) => [v - d, v, v + d])), new Set([centre]));
  await withRandom("dilations", async (random) => {
    await using device = await Device.open();
    using engine = new ExecutionEngine(device, {
      tokens,
      features: 3,
      dim: 8,
      size: [side, side],
      stemLayers: 1,
      dilations: [2, 5],
      seed: 5,
    });
    using _scope = device.scope();
    const values = random.reals(side * side * 3, 0, 1), other = values.slice();
    other.fill(3, (centre * side + centre) * 3, (centre * side + centre + 1) * 3);
    const image = device.tensor(Float32Array.from([...values, ...other]), [2, side, side, 3]);
    // Stem, then scene; then a module with one input, or one with two.
    for (
      const [program, offsets] of [[[scene], [1, 2, 5]], [[red, scene], [1, 2, 5, 2, 5]], [[union, scene, scene], [
        1,
        2,
        5,
        1,
        1,
      ]]] as const
    ) {
      const tree = parsePrefix([...program], tokens), maps = await engine.forward(image, [tree, tree]).data();
      const half = maps.length / 2, changed = new Set<number>(), wanted = reached(offsets);
      for (let at = 0; at < half; at++) {
        if (maps[at] !== maps[at + half]) changed.add(Math.floor(at / 8) % side);
      }
      ok([...changed].every((column) => wanted.has(column)), `${program}: ${[...changed]} beyond ${[...wanted]}`);
      strictEqual(Math.max(...changed), Math.min(side - 1, Math.max(...wanted)), `${program}`);
    }
  });
});
