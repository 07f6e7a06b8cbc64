/** Teaches a network to look at pictures, and gives it back from a checkpoint. */
import { z } from "zod";
import { UserError } from "../../../engine/base/user_error.ts";
import { RandomStream } from "../../../engine/base/random.ts";
import {
  Adam,
  Device,
  loadTensors,
  reshape,
  saveTensors,
  schedules,
  Seeds,
  type Tensor,
  tensorsOf,
  withUpdateCounts,
} from "../../../engine/mod.ts";
import { decodeSafetensors, SafetensorsError } from "../../../engine/safetensors.ts";
import { LossLog } from "../../run/loss_log.ts";
import { Interrupted, type TrainHooks } from "../../run/hooks.ts";
import { listCheckpoints, type RunFolder } from "../../run/run_folder.ts";
import { type CellConfig, cellSchema } from "./cell_config.ts";
import { CellNetwork } from "./cell_network.ts";
import { CellPictures } from "./cell_pictures.ts";

/** Streams of random numbers that shuffle and mirror pictures. */
const [SHUFFLE, MIRROR] = [0x0bde7, 0x0bde8];

/** A run's checkpoint. */
export interface CellCheckpoint {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly step: number;
  readonly config: CellConfig;
  /** Losses not yet recorded. */
  readonly window: string;
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
  const { network: { detail, widths }, image, data, loss: { object, shape }, steps } = config;
  const pictures = await CellPictures.open(data.pictures, data.scenes, { image, detail, stride: 2 ** widths.length });
  await using device = await Device.open({ adapter: config.adapter });
  using network = new CellNetwork(device, config.network, new Seeds(config.seed));
  using optimiser = new Adam(device, network.trainable(), {
    rate: config.optimiser.rate,
    clipNorm: config.optimiser.clipNorm,
  });
  const tensors = (): Map<string, Tensor> =>
    new Map([
      ...tensorsOf(network.parameters(), "network."),
      ...Array.from(optimiser.state, ([name, tensor]) => [`optimiser.${name}`, tensor] as const),
    ]);
  if (checkpoint) {
    loadTensors(checkpoint.bytes, tensors(), checkpoint.path, {
      complete: (found) => withUpdateCounts(found, optimiser, "optimiser."),
    });
  }
  const { rate, warmupSteps } = config.optimiser;
  const schedule = schedules.warmup(warmupSteps, schedules.cosine(rate, steps));
  let step = checkpoint?.step ?? 0;
  using log = LossLog.open(folder, step, checkpoint ? JSON.parse(checkpoint.window) : { names: [], rows: [] });
  while (step < steps) {
    optimiser.rate = schedule(step);
    {
      using scope = device.scope();
      const batch = pictures.batch(device, batchOf(config, pictures.size, step), mirroredOf(config, step));
      const weights = device.tensor(Float32Array.from(batch.objects, (seen) => seen ? object : 1));
      const loss = network.loss(batch.pictures, batch.labels, weights, shape);
      loss.backward();
      optimiser.step();
      network.zeroGrad();
      log.add({ names: ["loss"], values: scope.keep(reshape(loss.detach(), [1])).unscoped() });
    }
    step++;
    const stopping = hooks.signal?.aborted ?? false, last = step === steps;
    const display = step % config.displayEvery === 0, save = stopping || last || step % config.checkpointEvery === 0;
    if (display || save) await log.read();
    if (!Number.isFinite(log.latest) && log.window.rows.length > 0) {
      throw new UserError(`the loss is ${log.latest} by step ${step}: lower optimiser.rate`);
    }
    if (display) log.record(step, schedule(step - 1), (means) => means);
    hooks.onStep?.(step, steps, log.latest);
    if (save) {
      log.sync();
      const facts = { kind: "cells", step: String(step), config: JSON.stringify(config) };
      await folder.saveCheckpoint(step, await saveTensors(tensors(), { ...facts, window: JSON.stringify(log.window) }));
    }
    if (stopping && !last) throw new Interrupted(step);
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

const metadataSchema = z.object({
  kind: z.literal("cells"),
  step: z.coerce.number().int(),
  config: z.string(),
  window: z.string(),
});

/**
 * Reads a checkpoint, or the newest of a run's folder.
 *
 * @throws {UserError} when there is none, or it is broken or of another kind of run.
 */
export async function readCellCheckpoint(file: string): Promise<CellCheckpoint> {
  const isFolder = await Deno.stat(file).then((s) => s.isDirectory, () => false);
  const path = isFolder ? listCheckpoints(file).at(-1)?.path : file;
  if (path === undefined) throw new UserError(`${file}: has no checkpoint yet`);
  const bytes = await Deno.readFile(path).catch(() => {
    throw new UserError(`${path}: there is no such checkpoint`);
  });
  try {
    const { step, config, window } = metadataSchema.parse(decodeSafetensors(bytes).metadata);
    return { path, bytes, step, window, config: cellSchema.parse(JSON.parse(config)) };
  } catch (error) {
    if (!(error instanceof SafetensorsError || error instanceof z.ZodError)) throw error;
    throw new UserError(`${path}: is no whole checkpoint of itera refplus extractor`);
  }
}

/** The network of a checkpoint. */
export function cellNetworkOf(device: Device, { path, bytes, config }: CellCheckpoint): CellNetwork {
  const network = new CellNetwork(device, config.network, new Seeds(config.seed));
  loadTensors(bytes, tensorsOf(network.parameters(), "network."), path, { allowExtra: true });
  return network;
}
