/** Teaches a network to look at pictures, and gives it back from a checkpoint. */
import { RandomStream } from "../../../engine/base/random.ts";
import { withUpdateCounts } from "../../../engine/internal.ts";
import {
  Adam,
  Device,
  loadTensors,
  type Optimiser,
  reshape,
  type Schedule,
  schedules,
  Seeds,
  type Tensor,
  tensorsOf,
} from "../../../engine/mod.ts";
import { BEGINNING, notOfARun, readRunCheckpoint, type RunCheckpoint, startOf } from "../../run/checkpoint.ts";
import type { TrainHooks } from "../../run/hooks.ts";
import { type Learner, runLoop } from "../../run/loop.ts";
import type { UnreadLosses } from "../../run/loss_log.ts";
import type { RunFolder } from "../../run/run_folder.ts";
import { sayNewRules } from "../../run/version.ts";
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
 * Trains as the folder's settings say, from its newest checkpoint if it has one.
 *
 * @throws {Interrupted} after the signal is aborted and all is saved.
 * @throws {UserError} for missing or broken files, or a loss that is no number.
 */
export async function trainCells(folder: RunFolder<CellConfig>, hooks: TrainHooks = {}): Promise<void> {
  const { config } = folder;
  const newest = await folder.newestCheckpoint((path, reason) => hooks.onMessage?.(`skipped ${path}: ${reason}`));
  const checkpoint = newest === null ? null : await readCellCheckpoint(newest);
  const { network: { detail, widths }, image, data } = config;
  const pictures = await CellPictures.open(data.pictures, data.scenes, { image, detail, stride: 2 ** widths.length });
  await using device = await Device.open({ adapter: config.adapter });
  using network = new CellNetwork(device, config.network, new Seeds(config.seed));
  using optimiser = new Adam(device, network.trainable(), {
    rate: config.optimiser.rate,
    clipNorm: config.optimiser.clipNorm,
  });
  const learner = new CellLearner(config, network, optimiser, pictures);
  if (checkpoint) {
    learner.restore(checkpoint);
    sayNewRules(hooks.onMessage ?? (() => {}), checkpoint.path, config);
  }
  await runLoop(folder, learner, checkpoint ? startOf(checkpoint) : BEGINNING, hooks);
}

/** The network in the training loop: a batch of pictures an update. */
class CellLearner implements Learner {
  readonly device: Device;
  readonly #config: CellConfig;
  readonly #network: CellNetwork;
  readonly #optimiser: Optimiser;
  readonly #pictures: CellPictures;
  readonly #schedule: Schedule;

  constructor(config: CellConfig, network: CellNetwork, optimiser: Optimiser, pictures: CellPictures) {
    const { steps, optimiser: { rate, warmupSteps } } = config;
    this.device = network.device;
    this.#config = config;
    this.#network = network;
    this.#optimiser = optimiser;
    this.#pictures = pictures;
    this.#schedule = schedules.warmup(warmupSteps, schedules.cosine(rate, steps));
  }

  /** Goes on where a checkpoint was saved. */
  restore({ bytes, path }: CellCheckpoint): void {
    loadTensors(bytes, this.tensors(), path, {
      complete: (found) => withUpdateCounts(found, this.#optimiser, "optimiser."),
    });
  }

  rate(step: number): number {
    return this.#schedule(step);
  }

  update(step: number): UnreadLosses {
    const { device } = this, pictures = this.#pictures, config = this.#config, { object, shape } = config.loss;
    using scope = device.scope();
    this.#optimiser.rate = this.rate(step);
    const batch = pictures.batch(device, batchOf(config, pictures.size, step), mirroredOf(config, step));
    const weights = device.tensor(Float32Array.from(batch.objects, (seen) => seen ? object : 1));
    const loss = this.#network.loss(batch.pictures, batch.labels, weights, shape);
    loss.backward();
    this.#optimiser.step();
    this.#network.zeroGrad();
    return { names: ["loss"], values: scope.keep(reshape(loss.detach(), [1])).unscoped() };
  }

  tensors(): Map<string, Tensor> {
    return new Map([
      ...tensorsOf(this.#network.parameters(), "network."),
      ...Array.from(this.#optimiser.state, ([name, tensor]) => [`optimiser.${name}`, tensor] as const),
    ]);
  }

  facts(): Readonly<Record<string, string>> {
    return {};
  }

  captured(): number {
    return 0;
  }
}

/** The pictures of update `step`: each comes once an epoch, in another order each time. */
function batchOf({ seed, batch }: CellConfig, size: number, step: number): number[] {
  const each = Math.ceil(size / batch), epoch = Math.floor(step / each), at = step % each * batch;
  return Array.from(new RandomStream(seed, SHUFFLE, epoch).permutation(size)).slice(at, at + batch);
}

/** Which pictures of update `step` are mirrored. */
function mirroredOf({ seed, batch, mirror }: CellConfig, step: number): boolean[] {
  const random = new RandomStream(seed, MIRROR, step);
  return Array.from({ length: batch }, () => mirror && random.unit() < 0.5);
}

/**
 * Reads a checkpoint, or the newest whole one of a run's folder.
 *
 * @throws {UserError} when there is none, or it is broken or of another kind of run.
 */
export async function readCellCheckpoint(file: string): Promise<CellCheckpoint> {
  return checked(await readRunCheckpoint(file, [CELL_RUNS]));
}

function checked({ config, facts: _, ...read }: RunCheckpoint): CellCheckpoint {
  const result = cellSchema.safeParse(config);
  if (!result.success) throw notOfARun(read.path, result.error);
  return { ...read, config: result.data };
}

/** A checkpoint's network and pictures, a line each. */
export function describeCells(read: RunCheckpoint): string[] {
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
