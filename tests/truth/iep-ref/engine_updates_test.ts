/** Updates of the execution engine while modules come and go, against the authors' (golden/updates.json, make/updates.py). */
import { join } from "node:path";
import { Hdf5 } from "../../../datasets/formats/hdf5.ts";
import { digest } from "../../../datasets/refplus/encoding/encode.ts";
import { appendFeatures, createFeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { appendRefexps, createRefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import { SPECIAL_TOKENS, type Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { Adam, Device, type Optimiser, SGD } from "../../../engine/mod.ts";
import { ExecutionEngine } from "../../../model/refplus/engine/execution_engine.ts";
import { ProgramTokens } from "../../../model/refplus/engine/program_tree.ts";
import { Samples, treesOf } from "../../../model/refplus/training/samples.ts";
import { Accumulation } from "../../../model/refplus/training/accumulation.ts";
import { engineUpdate, partsOf } from "../../../model/refplus/training/updates.ts";
import { withFolder } from "../../support/folder.ts";
import { numbers } from "./formula.ts";
import { type EngineUpdatesGolden, golden } from "./golden.ts";
import { Comparison } from "./comparison.ts";
import { fill, sequences } from "./models.ts";
import { compareMoves, valuesOf } from "./moves.ts";

/** Update of a parameter that had a gradient before and has none now. */
type Unused = "zero" | "skip";

const OPTIMISERS: Readonly<Record<string, (engine: ExecutionEngine, unused: Unused) => Optimiser>> = {
  adam: (engine, unused) => {
    const options = { rate: 2e-3, unused };
    return new Adam(engine.device, engine.trainable(), options);
  },
  sgd: (engine, unused) => {
    const options = { rate: 0.1, momentum: 0.9, weightDecay: 1e-4, unused };
    return new SGD(engine.device, engine.trainable(), options);
  },
};

/** Adam magnifies what rounding leaves of small gradients: of all values, one of PyTorch's own float32 is off by 4e-3 of the largest. */
const BOUNDS: Readonly<Record<string, number>> = { adam: 2e-3, sgd: 1e-3 };

/** A whole program: some of the authors' are broken, which a file of programs may not hold. */
const WHOLE = [1, 5, 8, 2];

const NAME = "modules that come and go from batch to batch are updated as the authors' are";

Deno.test(NAME, async (t) => {
  const { engine: given } = golden<{ engine: EngineUpdatesGolden }>("updates.json");
  await using device = await Device.open();
  await withFolder(async (folder) => {
    using samples = await samplesOf(folder, given);
    for (const kind of ["adam", "sgd"] as const) {
      for (const unused of ["zero", "skip"] as const) {
        await t.step(`${kind}, ${unused}`, () => compare(device, given, samples, kind, unused));
      }
    }
  });
});

async function compare(
  device: Device,
  given: EngineUpdatesGolden,
  samples: Samples,
  kind: "adam" | "sgd",
  unused: Unused,
): Promise<void> {
  const { label, names, features, dim, stemLayers, size, state, scale } = given;
  const comparison = new Comparison(), want = given.runs[`${kind}, ${unused}`], tokens = new ProgramTokens(names);
  using model = new ExecutionEngine(device, { tokens, features, dim, stemLayers, size: [size, size], seed: 1 });
  fill(model, label, state, scale, model.banks);
  const before = await valuesOf(model, model.banks);
  using optimiser = OPTIMISERS[kind](model, unused);
  using updates = new Accumulation(model, optimiser);
  let first = 0;
  for (const [t, programs] of given.programs.entries()) {
    const batch = programs.map((_, i) => first + i);
    first += batch.length;
    const { values } = engineUpdate(model, updates, samples, partsOf(batch), [treesOf(sequences(programs), tokens)]);
    const [loss] = await values.data();
    values.dispose();
    comparison.within(`loss ${t}`, Math.abs(loss / want.losses[t] - 1), 1e-5);
  }
  await compareMoves(comparison, model, before, want.moved, BOUNDS[kind], model.banks);
  comparison.done();
}

/** All updates' expressions, one after another, each with a picture and a mask of its own, as training reads them. */
async function samplesOf(folder: string, given: EngineUpdatesGolden): Promise<Samples> {
  const { names, features, grid, size, programs } = given;
  const table = (tokens: readonly string[]): Record<string, number> =>
    Object.fromEntries(tokens.map((token, i) => [token, i]));
  const vocabulary: Vocabulary = {
    refexp_token_to_idx: table(SPECIAL_TOKENS),
    program_token_to_idx: table(names),
    answer_token_to_idx: null,
  };
  const [refexps, pictures] = [join(folder, "refexps.h5"), join(folder, "features.h5")];
  const settings = { mode: "prefix", width: size, height: size, source: "made", vocabulary: await digest(vocabulary) };
  await createRefexpFile(refexps, settings);
  const made = { extractor: "made", shape: [features, grid, grid] } as const;
  await createFeatureFile(pictures, made);
  {
    using into = await Hdf5.open(refexps, "a");
    using featuresInto = await Hdf5.open(pictures, "a");
    for (const [t, batch] of programs.entries()) {
      const masks = numbers(`updates masks ${t}`, batch.length * size * size, 0, 1);
      const rows = batch.map((_, i) => ({
        refexp: [1, 2],
        program: WHOLE,
        image: t * batch.length + i,
        original: t * batch.length + i,
        family: 0,
        category: 0,
        mask: Uint8Array.from(masks.subarray(i * size * size, (i + 1) * size * size), (v) => v < 0.3 ? 1 : 0),
      }));
      appendRefexps(into, rows, settings);
      const values = numbers(`updates features ${t}`, batch.length * features * grid * grid, 0, 1);
      appendFeatures(featuresInto, values, made);
    }
  }
  return await Samples.open(refexps, pictures, vocabulary);
}
