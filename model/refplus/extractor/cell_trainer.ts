/** Training of a {@link CellNetwork}, and reading it from checkpoints. */
import { UserError } from "../../../engine/base/user_error.ts";
import { RandomStream } from "../../../engine/base/random.ts";
import { withUpdateCounts } from "../../../engine/internal.ts";
import {
  Adam,
  type Device,
  loadTensors,
  type NonFinite,
  type Optimiser,
  reshape,
  type Schedule,
  schedules,
  Seeds,
  type Tensor,
  tensorsOf,
} from "../../../engine/mod.ts";
import { notOfARun, readRunCheckpoint, type RunCheckpoint } from "../../run/checkpoint.ts";
import { openDevice } from "../../run/run_config.ts";
import type { TrainHooks } from "../../run/hooks.ts";
import { type Learner, runLoop } from "../../run/loop.ts";
import type { UnreadLosses } from "../../run/logs/loss_log.ts";
import { type OpenOptions, openRun, type TrainingKind } from "../../run/open_run.ts";
import type { RunFolder } from "../../run/run_folder.ts";
import { CELL_RUNS, type CellConfig, cellSchema } from "./cell_config.ts";
import { CellNetwork } from "./cell_network.ts";
import { CellPictures } from "./cell_pictures.ts";

/** Streams of random numbers that shuffle and mirror pictures. */
const [SHUFFLE, MIRROR] = [0x0bde7, 0x0bde8];

/** A run's checkpoint. */
export interface CellCheckpoint extends Omit<RunCheckpoint, "config" | "facts"> {
  readonly config: CellConfig;
}

/**
 * Trains by the settings of a run's folder, from its newest checkpoint if it has one.
 *
 * @throws {Interrupted} after the signal is aborted and all is saved.
 * @throws {UserError} for missing or broken files, or a loss that is no number.
 */
export async function trainCells(folder: RunFolder<CellConfig>, hooks: TrainHooks = {}): Promise<void> {
  if (hooks.ranks) throw new UserError(`${folder.path}: extractors are trained by one process; leave out --ranks`);
  const { learner, start } = await openRun(folder, CELL_TRAINING, hooks);
  await using _learner = learner;
  await runLoop(folder, learner, start, hooks);
}

async function open(
  config: CellConfig,
  checkpoint: CellCheckpoint | null,
  { repeat = Infinity, kernels }: OpenOptions = {},
): Promise<CellLearner> {
  const { network: { detail, widths }, image, data } = config;
  const pictures = await CellPictures.open(data.pictures, data.scenes, { image, detail, stride: 2 ** widths.length });
  await using stack = new AsyncDisposableStack();
  const device = stack.use(await openDevice(config, { kernels }));
  const network = stack.use(new CellNetwork(device, config.network, new Seeds(config.seed)));
  const optimiser = stack.use(
    new Adam(device, network.trainable(), { rate: config.optimiser.rate, clipNorm: config.optimiser.clipNorm }),
  );
  if (checkpoint) {
    loadTensors(checkpoint.bytes, stateOf({ network, optimiser }), checkpoint.path, {
      complete: (found) => withUpdateCounts(found, optimiser, "optimiser."),
    });
  }
  return new CellLearner(config, { network, optimiser, pictures, repeat, owned: stack.move() });
}

/** Weights and the optimiser's state, by their names in a checkpoint. */
function stateOf({ network, optimiser }: Pick<Parts, "network" | "optimiser">): Map<string, Tensor> {
  return new Map([
    ...tensorsOf(network.parameters(), "network."),
    ...Array.from(optimiser.state, ([name, tensor]) => [`optimiser.${name}`, tensor] as const),
  ]);
}

/** The parts of a learner. */
interface Parts {
  readonly network: CellNetwork;
  readonly optimiser: Optimiser;
  readonly pictures: CellPictures;
  readonly repeat: number;
  readonly owned: AsyncDisposableStack;
}

/** The network in the training loop: a batch of pictures an update. */
class CellLearner implements Learner {
  readonly device: Device;
  readonly title: string;
  readonly #config: CellConfig;
  readonly #network: CellNetwork;
  readonly #optimiser: Optimiser;
  readonly #pictures: CellPictures;
  readonly #repeat: number;
  readonly #owned: AsyncDisposableStack;
  readonly #schedule: Schedule;

  constructor(config: CellConfig, { network, optimiser, pictures, repeat, owned }: Parts) {
    const { steps, optimiser: { rate, warmupSteps }, image } = config;
    this.device = network.device;
    this.title = `extractor on pictures of ${image.width} × ${image.height}, ${config.batch} at once`;
    this.#config = config;
    this.#network = network;
    this.#optimiser = optimiser;
    this.#pictures = pictures;
    this.#repeat = repeat;
    this.#owned = owned;
    this.#schedule = schedules.warmup(warmupSteps, schedules.cosine(rate, steps));
  }

  rate(step: number): number {
    return this.#schedule(step);
  }

  update(step: number): UnreadLosses {
    const { device } = this, pictures = this.#pictures, config = this.#config, { object, shape } = config.loss;
    using scope = device.scope();
    this.#optimiser.rate = this.rate(step);
    const of = step % this.#repeat;
    const batch = pictures.batch(device, batchOf(config, pictures.size, of), mirroredOf(config, of));
    const weights = device.tensor(Float32Array.from(batch.objects, (seen) => seen ? object : 1));
    const loss = this.#network.loss(batch.pictures, batch.labels, weights, shape);
    loss.backward();
    this.#optimiser.step();
    this.#network.zeroGrad();
    return { names: ["loss"], values: scope.keep(reshape(loss.detach(), [1])).unscoped() };
  }

  tensors(): Map<string, Tensor> {
    return stateOf({ network: this.#network, optimiser: this.#optimiser });
  }

  facts(): Readonly<Record<string, string>> {
    return {};
  }

  nonFinite(): Promise<NonFinite | null> {
    return this.#optimiser.nonFinite();
  }

  captured(): number {
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** The pictures of update `step`: each comes once an epoch, in another order each time. */
function batchOf({ seed, batch }: CellConfig, size: number, step: number): number[] {
  const each = Math.ceil(size / batch), epoch = Math.floor(step / each), at = step % each * batch;
  return Array.from(new RandomStream(seed, SHUFFLE, epoch).permutation(size)).slice(at, at + batch);
}

/** The pictures of update `step` that are mirrored. */
function mirroredOf({ seed, batch, mirror }: CellConfig, step: number): boolean[] {
  const random = new RandomStream(seed, MIRROR, step);
  return Array.from({ length: batch }, () => mirror && random.unit() < 0.5);
}

/**
 * Reads a checkpoint, or the newest whole one of a run's folder; `onBroken` is called for each one passed over.
 *
 * @throws {UserError} when there is none, or it is broken or of another kind of run.
 */
export async function readCellCheckpoint(
  file: string,
  onBroken?: (path: string, reason: string) => void,
): Promise<CellCheckpoint> {
  return checked(await readRunCheckpoint(file, [CELL_RUNS], onBroken));
}

function checked({ config, facts: _, ...read }: RunCheckpoint): CellCheckpoint {
  const result = cellSchema.safeParse(config);
  if (!result.success) throw notOfARun(read.path, result.error);
  return { ...read, config: result.data };
}

/** A checkpoint's network and pictures, a line each. */
function describe(read: RunCheckpoint): string[] {
  const { config: { network, image, steps }, step } = checked(read);
  return [
    `network: ${network.channels} channels after ${network.widths.join(", ")}, after ${step} of ${steps} updates`,
    `pictures: ${image.width} × ${image.height}`,
  ];
}

/** The network of a checkpoint. */
export function cellNetworkOf(device: Device, { path, bytes, config }: CellCheckpoint): CellNetwork {
  const network = new CellNetwork(device, config.network, new Seeds(config.seed));
  loadTensors(bytes, tensorsOf(network.parameters(), "network."), path, { allowExtra: true });
  return network;
}

/** Training of the extractor's network. */
export const CELL_TRAINING: TrainingKind<CellConfig, CellCheckpoint, CellLearner> = {
  ...CELL_RUNS,
  check: checked,
  open,
  describe,
};
