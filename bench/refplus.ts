/** IEP-Ref's two models: training steps by batch size, and programs written a second. */
import { Adam, type Device } from "../mod.ts";
import { functionTokens } from "../datasets/refplus/scenes/catalogue.ts";
import { SPECIAL_TOKENS } from "../datasets/refplus/encoding/tokens.ts";
import { ExecutionEngine } from "../model/refplus/engine/execution_engine.ts";
import { GeneratorUpdates } from "../model/refplus/generator/generator_updates.ts";
import { MAX_PROGRAM, ProgramGenerator, type Sequences } from "../model/refplus/generator/program_generator.ts";
import { parsePrefix, ProgramTokens } from "../model/refplus/engine/program_tree.ts";
import { type ModelRow, row, work } from "./models.ts";
import { torchRow } from "./peers/torch.ts";

/** Sizes of both models. */
interface Size {
  readonly name: string;
  readonly wordDim: number;
  readonly hidden: number;
  /** Channels of the maps, of the features, cells a side, pixels of a mask's side. */
  readonly dim: number;
  readonly features: number;
  readonly grid: number;
  readonly mask: number;
  readonly batches: readonly number[];
}

/** For two CPU cores, and as published. */
export const REFPLUS_SIZES: readonly Size[] = [
  { name: "small", wordDim: 64, hidden: 128, dim: 32, features: 16, grid: 16, mask: 64, batches: [4, 16] },
  { name: "published", wordDim: 300, hidden: 256, dim: 128, features: 1024, grid: 20, mask: 320, batches: [8, 48] },
];

const NAMES = new ProgramTokens([...SPECIAL_TOKENS, ...functionTokens()]);
const WORDS = 84, BATCH = 64;

/** scene, filter, unique, relate, filter: what an expression of one relation comes to, as a prefix sequence. */
const PROGRAM = ["filter_shape[cube]", "filter_color[red]", "relate[left]", "unique", "filter_size[large]", "scene"]
  .map((name) => NAMES.names.indexOf(name));

function sequences(count: number, length: number, vocabulary: number): Sequences {
  return { count, length, data: Int32Array.from({ length: count * length }, (_, i) => 4 + (i * 7) % (vocabulary - 4)) };
}

/** Lengths of expressions and programs. */
const WORDS_LONG = 30, PROGRAM_LONG = 16;

/** Rows of one size, PyTorch's beside them if asked for. */
export async function* refplusRows(size: Size, withTorch: boolean): AsyncGenerator<ModelRow> {
  const { wordDim, hidden, dim, features, grid, mask } = size;
  const sizes = {
    words: WORDS,
    tokens: NAMES.names.length,
    wordDim,
    hidden,
    dim,
    features,
    grid,
    mask,
    words_long: WORDS_LONG,
    program_long: PROGRAM_LONG,
    most: MAX_PROGRAM,
    steps: PROGRAM.length,
  };
  const beside = async (measured: ModelRow, what: "pg" | "decode" | "ee", batch: number): Promise<ModelRow> => {
    const own = { ...measured, batch };
    if (!withTorch) return own;
    const row = await torchRow<{ ms: number }>("torch_refplus.py", [what, JSON.stringify({ ...sizes, batch })]);
    return { ...own, torch: row?.ms ?? null };
  };
  const generator = (device: Device) =>
    new ProgramGenerator(device, { words: WORDS, tokens: NAMES.names.length, wordDim, hidden, seed: 3 });
  const refexps = sequences(BATCH, WORDS_LONG, WORDS), programs = sequences(BATCH, PROGRAM_LONG, NAMES.names.length);
  const learning = await row(`program generator: training step of ${BATCH}`, (device) => {
    const model = generator(device), adam = new Adam(device, model.trainable(), { rate: 5e-4 });
    const updates = new GeneratorUpdates(model, adam);
    return work(() => updates.run(refexps, programs).values.dispose(), updates, model, adam);
  });
  yield await beside(learning, "pg", BATCH);
  const writing = await row(`program generator: ${BATCH} programs of ${MAX_PROGRAM} tokens`, (device) => {
    const model = generator(device);
    return work(() => void model.decode(refexps, "likeliest"), model);
  });
  yield await beside(writing, "decode", BATCH);
  for (const count of size.batches) {
    const masking = await row(`execution engine: training step of ${count}`, (device) => {
      const model = new ExecutionEngine(device, { tokens: NAMES, features, dim, size: [mask, mask], seed: 3 });
      const adam = new Adam(device, model.trainable(), { rate: 1e-4 });
      const trees = Array.from({ length: count }, () => parsePrefix(PROGRAM, NAMES));
      const maps = device.zeros([count, grid, grid, features]);
      const masks = Int32Array.from({ length: count * mask * mask }, (_, i) => i % 7 === 0 ? 1 : 0);
      return work(
        () => {
          using _scope = device.scope();
          model.evaluate(maps, trees, masks, { learn: true });
          adam.step();
          model.zeroGrad();
        },
        model,
        adam,
        maps,
      );
    });
    yield await beside(masking, "ee", count);
  }
}
