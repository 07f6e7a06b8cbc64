/** The losses of masks, against float64 numbers made from the scores. */
import { ok } from "node:assert/strict";
import { SPECIAL_TOKENS } from "../../../../datasets/refplus/encoding/tokens.ts";
import { Device } from "../../../../engine/mod.ts";
import { ExecutionEngine } from "../../../../model/refplus/engine/execution_engine.ts";
import { parsePrefix, ProgramTokens } from "../../../../model/refplus/engine/program_tree.ts";
import { withRandom } from "../../../support/random.ts";

const tokens = new ProgramTokens([...SPECIAL_TOKENS, "filter_color[red]", "scene"]), [red, scene] = [4, 5];
const GRID = 4, SIZE = 11, PIXELS = SIZE * SIZE, FEATURES = 3;

/** Mean cross-entropy and Dice loss of masks, and the derivative of each by the foreground's last bias. */
function lossOf(scores: ArrayLike<number>, masks: ArrayLike<number>, samples: number) {
  let entropy = 0, dice = 0, entropyBy = 0, diceBy = 0;
  for (let n = 0; n < samples; n++) {
    let both = 0, either = 0, bothBy = 0, eitherBy = 0;
    for (let i = n * PIXELS; i < (n + 1) * PIXELS; i++) {
      const margin = scores[2 * i + 1] - scores[2 * i], p = 1 / (1 + Math.exp(-margin)), t = masks[i];
      // -log p or -log (1 - p) by the margin: of a p near 1, 1 - p has lost its digits, and beyond a margin of 37 all of them.
      entropy += Math.log1p(Math.exp(-Math.abs(margin))) + Math.max(0, t ? -margin : margin);
      entropyBy += p - t;
      both += p * t;
      either += p + t;
      bothBy += p * (1 - p) * t;
      eitherBy += p * (1 - p);
    }
    const [up, down] = [2 * both + 1, either + 1];
    dice += 1 - up / down;
    diceBy -= (2 * bothBy * down - up * eitherBy) / (down * down);
  }
  const pixels = samples * PIXELS;
  return { value: [entropy / pixels, dice / samples], by: [entropyBy / pixels, diceBy / samples] };
}

Deno.test("the loss of masks is the cross-entropy and, times its weight, the soft Dice loss", async () => {
  await withRandom("mask losses", async (random) => {
    await using device = await Device.open();
    for (const headChunk of [2, 10]) {
      const size = [SIZE, SIZE] as const, seed = random.integer(0, 1e6), start = "identity";
      using engine = new ExecutionEngine(device, { tokens, features: FEATURES, dim: 8, size, headChunk, start, seed });
      using _scope = device.scope();
      const trees = [[red, scene], [scene], [red, red, scene]].map((program) => parsePrefix(program, tokens));
      const values = random.reals(trees.length * GRID * GRID * FEATURES, -1, 2);
      const x = device.tensor(values, [trees.length, GRID, GRID, FEATURES]);
      // The last mask is empty.
      const drawn = random.reals(trees.length * PIXELS, 0, 1);
      const masks = Int32Array.from(drawn, (v, i) => Number(i < 2 * PIXELS && v < 0.3));
      const scores = await engine.scores(engine.forward(x, trees)).data();
      const { value, by } = lossOf(scores, masks, trees.length);
      const last = [...engine.parameters()].find(({ name }) => name === "classifier.11.bias")!.tensor;
      for (const dice of [0, 1, 0.4]) {
        const { loss } = engine.evaluate(x, trees, masks, { learn: true, dice });
        const got = await loss.item(), want = value[0] + dice * value[1];
        ok(Math.abs(got - want) < 1e-5 * want, `loss ${got}, not ${want}`);
        const gradient = await last.grad!.data(),
          slope = by[0] + dice * by[1],
          reach = Math.abs(by[0]) + Math.abs(by[1]);
        for (const [channel, sign] of [[0, -1], [1, 1]]) {
          const off = Math.abs(gradient[channel] - sign * slope);
          ok(off < 1e-4 * reach, `dice ${dice}, bias ${channel}: ${gradient[channel]}, not ${sign * slope}`);
        }
        engine.zeroGrad();
      }
    }
  });
});
