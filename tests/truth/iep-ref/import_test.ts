/** Checkpoints with the authors' names and sizes become ours, with nothing lost (shapes of golden/pg.json and golden/ee.json). */
import { Device } from "../../../engine/mod.ts";
import { join } from "node:path";
import { SPECIAL_TOKENS, type Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { importReference } from "../../../model/refplus/reference/import_reference.ts";
import { engineOf, generatorOf, readRefplusCheckpoint } from "../../../model/refplus/checkpoint.ts";
import { withFolder } from "../../support/folder.ts";
import { type EngineGolden, type GeneratorGolden, golden } from "./golden.ts";
import { Comparison } from "./comparison.ts";
import { byTorchName, fileOf, stateTensors } from "./models.ts";

Deno.test("checkpoints of the authors' models are imported to the bit, whatever width they have", async (t) => {
  const written = golden<GeneratorGolden[]>("pg.json").find(({ name }) => name === "published")!;
  const engines = golden<EngineGolden[]>("ee.json").filter(({ name }) => name !== "published engine");
  await using device = await Device.open();
  for (const engine of engines) await t.step(engine.name, () => compare(device, written, engine));
});

async function compare(device: Device, pg: GeneratorGolden, ee: EngineGolden): Promise<void> {
  const comparison = new Comparison(), { grid, size } = ee;
  const table = (tokens: readonly string[]): Record<string, number> =>
    Object.fromEntries(tokens.map((token, i) => [token, i]));
  const words = Array.from({ length: pg.words - SPECIAL_TOKENS.length }, (_, i) => `word ${i}`);
  const vocabulary: Vocabulary = {
    refexp_token_to_idx: table([...SPECIAL_TOKENS, ...words]),
    program_token_to_idx: table(ee.names),
    answer_token_to_idx: null,
  };
  const file = fileOf([
    ...stateTensors(pg.name, pg.float64.names, pg.scale, "program_generator_state."),
    ...stateTensors(ee.name, ee.float64.state, ee.scale, "execution_engine_state."),
  ]);
  const options = { vocabulary, grid: [grid, grid], extractor: "unknown", masks: [size, size] } as const;
  const { bytes, config } = await importReference(file, options);
  const { hidden, layers, wordDim } = config.generator, { dim, headWidth, stemLayers } = config.engine;
  comparison.same("sizes of the generator", [wordDim, hidden, layers], [pg.wordDim, pg.hidden, pg.layers]);
  comparison.same("sizes of the engine", [dim, headWidth, stemLayers], [ee.dim, Math.floor(ee.dim / 4), ee.stemLayers]);
  await withFolder(async (folder) => {
    const path = join(folder, "imported.safetensors");
    await Deno.writeFile(path, bytes);
    const checkpoint = await readRefplusCheckpoint(path);
    using generator = generatorOf(device, checkpoint);
    using engine = engineOf(device, checkpoint);
    for (
      const [model, label, shapes, banks] of [
        [generator, pg.name, pg.float64.names, {}],
        [engine, ee.name, ee.float64.state, engine.banks],
      ] as const
    ) {
      const given = new Map(stateTensors(label, shapes, 1));
      const own = await byTorchName(model, (parameter) => parameter, banks);
      comparison.same(`${label}: names`, [...own.keys()].sort(), [...given.keys()].sort());
      const other = [...own].filter(([name, values]) => {
        const wanted = given.get(name)!.read();
        return values!.length !== wanted.length || wanted.some((v, i) => v !== values![i]);
      });
      comparison.same(`${label}: tensors that are another's`, other.map(([name]) => name), []);
    }
  });
  comparison.done();
}
