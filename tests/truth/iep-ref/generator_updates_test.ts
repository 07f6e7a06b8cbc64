/** Updates of the program generator by Adam, against the authors' (golden/updates.json, make/updates.py). */
import { Device } from "../../../engine/mod.ts";
import { REFPLUS_RUNS } from "../../../model/refplus/training/config.ts";
import { ProgramGenerator } from "../../../model/refplus/generator/program_generator.ts";
import { learnersOf } from "../../../model/refplus/training/training_state.ts";
import { type GeneratorUpdatesGolden, golden } from "./golden.ts";
import { Comparison } from "./comparison.ts";
import { fill, sequences } from "./models.ts";
import { compareMoves, valuesOf } from "./moves.ts";

Deno.test("the program generator learns from annotated programs as the authors' does", async () => {
  const { generator: given } = golden<{ generator: GeneratorUpdatesGolden }>("updates.json");
  const { label, words, tokens, wordDim, hidden, layers, state, scale, losses, moved } = given;
  const data = { trainRefexps: "", vocabulary: "" };
  const config = REFPLUS_RUNS.begin([{
    source: "test",
    value: { stage: "pg", data, optimiser: { rate: 1e-2 } },
  }]);
  await using device = await Device.open();
  using model = new ProgramGenerator(device, { words, tokens, wordDim, hidden, layers, seed: 1 });
  fill(model, label, state, scale);
  const comparison = new Comparison(), before = await valuesOf(model);
  using learners = learnersOf(config, { generator: model, engine: null });
  for (const [t, x] of given.x.entries()) {
    const { values } = learners.generatorUpdates!.run(sequences(x), sequences(given.y[t]));
    const [loss] = await values.data();
    values.dispose();
    comparison.within(`loss ${t}`, Math.abs(loss / losses[t] - 1), 1e-5);
  }
  // PyTorch's own float32 is off by 2e-5 of the largest move.
  await compareMoves(comparison, model, before, moved, 1e-3);
  comparison.done();
});
