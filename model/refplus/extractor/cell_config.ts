/** Settings of the training runs of a {@link CellNetwork}. */
import { z } from "../../../engine/base/packages/zod.ts";
import { convolutionsSchema, newConvolutions } from "../../run/run_config.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { differences, type Layer, lookup, merge, settle } from "../../run/layers.ts";
import type { RunKind } from "../../run/kind.ts";
import { VERSION } from "../../run/version.ts";

/** The kind of these runs, in `config.json` and in checkpoints. */
const KIND = "refplus-extractor";

const positive = z.int().min(1);

/** Schema of `config.json` of such a run. */
export const cellSchema = z.strictObject({
  kind: z.literal(KIND).default(KIND).describe("Runs of the extractor of features"),
  version: z.string().describe("Version that began the run"),
  seed: z.int().min(0).max(0xffffffff).describe("Seed of all random numbers: weights and order"),
  adapter: z.enum(["auto", "gpu", "cpu"]).describe("The adapter that computes"),
  convolutions: convolutionsSchema,
  steps: positive.describe("Updates made"),
  batch: positive.describe("Pictures in an update"),
  mirror: z.boolean().describe("Mirror half of the pictures"),
  data: z.strictObject({
    pictures: z.string().describe("Folder of pictures, numbered from 0"),
    scenes: z.string().describe("Scenes of the pictures"),
  }),
  image: z.strictObject({
    height: positive.describe("Height that pictures are squeezed to, a whole number of cells"),
    width: positive.describe("Width that pictures are squeezed to, a whole number of cells"),
  }),
  network: z.strictObject({
    widths: z.array(positive).min(1).describe(
      "Channels of the convolutions of stride 2; a cell is as many pixels wide as 2 to the power of their number",
    ),
    channels: positive.describe("Channels of the convolutions on the grid of cells"),
    layers: positive.default(2).describe("Number of convolutions on the grid of cells"),
    residual: z.boolean().default(false).describe(
      "Residual connections around convolutions that change neither size nor channels",
    ),
    detail: positive.describe("Pixels along a cell's side that are classified one by one"),
  }),
  /** Weights of the loss: most pixels are ground, and shapes are learnt last. */
  loss: z.strictObject({
    object: z.number().positive().describe("Weight of an object's pixel; the ground's have 1"),
    shape: z.number().positive().describe("Weight of shapes; other attributes have 1"),
  }).default({ object: 1, shape: 1 }),
  optimiser: z.strictObject({
    rate: z.number().positive().describe("Largest learning rate of Adam"),
    warmupSteps: z.int().min(0).describe(
      "Updates over which the rate rises linearly, before it falls to 0 as half a cosine",
    ),
    clipNorm: z.number().positive().describe("Largest norm of all gradients together"),
  }),
  displayEvery: positive.describe("Updates between readings of the losses, which are then recorded"),
  checkpointEvery: positive.describe("Updates between checkpoints"),
  checkpointKeep: positive.describe("Newest checkpoints kept"),
});

/** Settings of such a run. */
export type CellConfig = z.infer<typeof cellSchema>;

const defaults = () => ({
  kind: KIND,
  version: VERSION,
  seed: 1,
  adapter: "auto",
  convolutions: newConvolutions(),
  steps: 1200,
  batch: 16,
  mirror: true,
  image: { height: 128, width: 128 },
  network: { widths: [16, 32, 64], channels: 64, layers: 4, residual: true, detail: 2 },
  loss: { object: 3, shape: 2 },
  optimiser: { rate: 4e-3, warmupSteps: 30, clipNorm: 1 },
  displayEvery: 20,
  checkpointEvery: 200,
  checkpointKeep: 1,
});

/** Settings that a resumed run may change. */
const FREE = /^(data\.(pictures|scenes)|checkpointEvery|checkpointKeep)$/;

function checked(config: CellConfig, layers: readonly Layer[]): CellConfig {
  const { image: { height, width }, network: { widths } } = config;
  const cell = 2 ** widths.length;
  if (height % cell > 0 || width % cell > 0) {
    const source = layers.findLast(({ value }) => lookup(value, ["image"]) ?? lookup(value, ["network", "widths"]))
      ?.source;
    throw new UserError(
      `${source ? `${source}: ` : ""}image: ${width} × ${height} pixels are no whole number of cells of ${cell}`,
    );
  }
  return config;
}

/** Runs of this kind, for run folders. */
export const CELL_RUNS: RunKind<CellConfig> = {
  kind: KIND,
  // Before runs had a kind, these alone had a network and no model.
  owns: (saved) => lookup(saved, ["network"]) !== undefined,
  schema: cellSchema,
  free: FREE,
  paths: ["data.pictures", "data.scenes"],
  defaults,
  choices: [],
  begin: (layers: readonly Layer[]) =>
    checked(settle(cellSchema, [{ source: "defaults", value: defaults() }, ...layers]), layers),
  resume: (saved, layers) => {
    const before = settle(cellSchema, [saved]);
    for (const { source, value } of layers) {
      const changed = differences(before, merge(before, value)).find((path) => !FREE.test(path));
      if (changed === undefined) continue;
      throw new UserError(
        `${source}: a resumed run keeps its settings, "${changed}" is another; give a new run another --name`,
      );
    }
    const all = [{ source: saved.source, value: before }, ...layers];
    return checked(settle(cellSchema, all), all);
  },
};
