/** Settings of the training runs of a {@link CellNetwork}. */
import { z } from "../../../engine/base/packages/zod.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { differences, type Layer, lookup, merge, settle } from "../../run/layers.ts";
import type { RunKind } from "../../run/kind.ts";
import { VERSION } from "../../run/version.ts";

/** The kind of these runs, in `config.json` and in checkpoints. */
const KIND = "refplus-extractor";

const positive = z.int().min(1);

/** Schema of `config.json` of such a run. */
export const cellSchema = z.strictObject({
  kind: z.literal(KIND).default(KIND),
  /** Version that began the run. */
  version: z.string(),
  /** Seed of all random numbers: weights and order. */
  seed: z.int().min(0).max(0xffffffff),
  /** The adapter that computes. */
  adapter: z.enum(["auto", "gpu", "cpu"]),
  /** Updates made. */
  steps: positive,
  /** Pictures in an update. */
  batch: positive,
  /** Mirror half of the pictures. */
  mirror: z.boolean(),
  data: z.strictObject({
    /** Folder of pictures, numbered from 0, and their scenes. */
    pictures: z.string(),
    scenes: z.string(),
  }),
  /** Size pictures are squeezed to; whole numbers of cells. */
  image: z.strictObject({ height: positive, width: positive }),
  network: z.strictObject({
    /** Channels of the convolutions of stride 2; a cell is as many pixels wide as 2 to the power of their number. */
    widths: z.array(positive).min(1),
    /** Channels and number of the convolutions on the grid of cells; runs of before the number was a setting have two. */
    channels: positive,
    layers: positive.default(2),
    /** Residual connections around convolutions that change neither size nor channels. */
    residual: z.boolean().default(false),
    /** Pixels along a cell's side that are classified one by one. */
    detail: positive,
  }),
  /** Weights of the loss: most pixels are ground, and shapes are learnt last. */
  loss: z.strictObject({
    /** Weight of an object's pixel; the ground's have 1. */
    object: z.number().positive(),
    /** Weight of shapes; other attributes have 1. */
    shape: z.number().positive(),
  }).default({ object: 1, shape: 1 }),
  optimiser: z.strictObject({
    rate: z.number().positive(),
    /** Updates over which the rate rises linearly, before it falls to 0 as half a cosine. */
    warmupSteps: z.int().min(0),
    /** Largest norm of all gradients together. */
    clipNorm: z.number().positive(),
  }),
  displayEvery: positive,
  checkpointEvery: positive,
  checkpointKeep: positive,
});

/** Settings of such a run. */
export type CellConfig = z.infer<typeof cellSchema>;

const DEFAULTS = {
  kind: KIND,
  version: VERSION,
  seed: 1,
  adapter: "auto",
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
};

/** Settings that a resumed run may change. */
const FREE = /^(data\.(pictures|scenes)|checkpointEvery|checkpointKeep)$/;

function checked(config: CellConfig): CellConfig {
  const { image: { height, width }, network: { widths } } = config;
  const cell = 2 ** widths.length;
  if (height % cell > 0 || width % cell > 0) {
    throw new UserError(`image: ${width} × ${height} pixels are no whole number of cells of ${cell}`);
  }
  return config;
}

/** Runs of this kind, for run folders. */
export const CELL_RUNS: RunKind<CellConfig> = {
  kind: KIND,
  // Before runs had a kind, these alone had a network and no model.
  owns: (saved) => lookup(saved, ["network"]) !== undefined,
  begin: (layers: readonly Layer[]) =>
    checked(settle(cellSchema, [{ source: "defaults", value: DEFAULTS }, ...layers])),
  resume: (saved, layers) => {
    const before = settle(cellSchema, [saved]);
    for (const { source, value } of layers) {
      const changed = differences(before, merge(before, value)).find((path) => !FREE.test(path));
      if (changed === undefined) continue;
      throw new UserError(
        `${source}: a resumed run keeps its settings, "${changed}" is another; give a new run another --name`,
      );
    }
    return checked(settle(cellSchema, [{ source: saved.source, value: before }, ...layers]));
  },
};
