/** Feature extractors: the pixels themselves, a pretrained ResNet, a network trained here. */
import type { FeatureSettings } from "../../../datasets/refplus/files/feature_file.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { normalised as trainedValues, type RgbImage } from "../../../datasets/images/preprocess.ts";
import { resizeBicubic } from "../../../datasets/refplus/encoding/bicubic.ts";
import { channelsFirst } from "../../../datasets/refplus/files/feature_file.ts";
import { pixelFeatures, pixelShape, pixelValues, placeOf } from "../../../datasets/refplus/encoding/pixel_features.ts";
import { sameShape } from "../../../engine/internal.ts";
import { Device, type SafetensorsTensor, Seeds, type Tensor } from "../../../engine/mod.ts";
import { ResNet, resnetPresets } from "../../backbones/resnet.ts";
import { readCheckpoint } from "../../regions/checkpoint.ts";
import { cellNetworkOf, readCellCheckpoint } from "./cell_trainer.ts";
import { readStartingWeights } from "../../weights/weights_file.ts";
import { type PictureSize, printExtractor, readExtractor, RESNETS, sameExtractor } from "./extractor_name.ts";
import { checkpointPath } from "../../run/run_folder.ts";

/** Makes features of pictures. */
export interface Extractor extends AsyncDisposable {
  readonly settings: FeatureSettings;
  /** Features of a few pictures, [count, channels, rows, columns]. */
  extract(pictures: readonly RgbImage[]): Promise<Float32Array<ArrayBuffer>>;
}

/** Each cell's own pixels and its place; needs no weights. `cell` is a cell's side in pixels. */
export function pixelExtractor({ height, width }: PictureSize, cell: number): Extractor {
  const options = { height, width, cell };
  return {
    settings: { extractor: printExtractor({ kind: "pixels", ...options }), shape: pixelShape(options) },
    extract: (pictures) => {
      const rows = pictures.map((picture) => pixelFeatures(picture, options));
      const all = new Float32Array(rows.length * (rows[0]?.length ?? 0));
      rows.forEach((row, i) => all.set(row, i * row.length));
      return Promise.resolve(all);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Output of a network that `itera refplus extractor` trained for each cell, and the cell's place. Pictures have the size that
 * they had in its training.
 *
 * @throws {UserError} when the file is no checkpoint of such a run.
 */
export async function cellExtractor(
  weights: string,
  { adapter }: { readonly adapter: ResNetOptions["adapter"] },
): Promise<Extractor> {
  const checkpoint = await readCellCheckpoint(weights), { image: { height, width } } = checkpoint.config;
  // Earlier versions made features of another scale by the same weights, which must not be mixed with these.
  const digest = await digestOf(checkpoint.path);
  const name = printExtractor({ kind: "cells", width, height, scaled: true, digest });
  const device = await Device.open({ adapter });
  try {
    const network = cellNetworkOf(device, checkpoint), { channels, stride } = network;
    const [rows, columns] = [height / stride, width / stride], plane = rows * columns;
    const places = new Float32Array(2 * plane);
    for (let at = 0; at < plane; at++) {
      places[at] = placeOf(Math.floor(at / columns), rows);
      places[at + plane] = placeOf(at % columns, columns);
    }
    return {
      settings: { extractor: name, shape: [channels + 2, rows, columns] },
      extract: async (pictures) => {
        const maps = await mapsOf(device, pictures, { height, width }, pixelValues, (x) => network.forward(x));
        const out = new Float32Array(pictures.length * (channels + 2) * plane);
        maps.forEach((map, i) => {
          out.set(channelsFirst(map, channels), i * (channels + 2) * plane);
          out.set(places, (i * (channels + 2) + channels) * plane);
        });
        return out;
      },
      [Symbol.asyncDispose]: async () => {
        network[Symbol.dispose]();
        await device.close();
      },
    };
  } catch (error) {
    await device.close();
    throw error;
  }
}

/** Each picture's feature map, channels last; `run` computes them of pictures [N, height, width, 3]. */
async function mapsOf(
  device: Device,
  pictures: readonly RgbImage[],
  { height, width }: PictureSize,
  values: (picture: RgbImage) => Float32Array<ArrayBuffer>,
  run: (input: Tensor) => Tensor,
): Promise<Float32Array[]> {
  const each = height * width * 3, input = new Float32Array(pictures.length * each);
  pictures.forEach((picture, i) => input.set(values(resizeBicubic(picture, width, height)), i * each));
  const maps = device.noGrad(() => {
    using scope = device.scope();
    return scope.keep(run(device.tensor(input, [pictures.length, height, width, 3]))).unscoped();
  });
  const data = await maps.data() as Float32Array;
  maps.dispose();
  const size = data.length / pictures.length;
  return pictures.map((_, i) => data.subarray(i * size, (i + 1) * size));
}

/** ImageNet's mean and deviation in red, green and blue as the reference has them: its last one is not the usual .225. */
const MEANS = [0.485, 0.456, 0.406], DEVIATIONS = [0.229, 0.224, 0.224];

/** A ResNet with its weights. */
export interface ResNetOptions extends PictureSize {
  readonly model: typeof RESNETS[number];
  /** File that `itera weights import` wrote, or a run's checkpoint or folder. */
  readonly weights: string;
  readonly adapter: "auto" | "gpu" | "cpu";
}

/** A run whose network extracts features. */
export interface RunOptions extends PictureSize {
  /** Its checkpoint, or its folder for the newest one. */
  readonly weights: string;
  readonly adapter: "auto" | "gpu" | "cpu";
}

/**
 * Output of the body of a network trained here, such as one that classifies the objects of the same pictures
 * (`itera train --dataset refplus`). Pixels are normalised as in its training.
 *
 * @throws {UserError} when the file is no checkpoint of such a run.
 */
export async function runExtractor({ weights: file, adapter, ...size }: RunOptions): Promise<Extractor> {
  const weights = await checkpointPath(file);
  const checkpoint = await readCheckpoint(weights);
  const { model: { resnet }, image: { normalise } } = checkpoint.config;
  const device = await Device.open({ adapter });
  const network = new ResNet(device, resnet, new Seeds(1));
  const close = async (): Promise<void> => {
    network[Symbol.dispose]();
    await device.close();
  };
  try {
    const { tensors } = await readStartingWeights(weights);
    loadBody(network, tensors, weights, "this network");
    const name = printExtractor({ kind: "run", ...size, digest: await digestOf(weights) });
    const values = (picture: RgbImage) => trainedValues(picture, normalise);
    return { ...bodyExtractor(network, size, name, values), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Output of a ResNet's third stage, after its last ReLU: 1024 channels at a 16th of the size.
 *
 * @throws {UserError} when the weights are missing or of another network.
 */
export async function resnetExtractor({ model, weights: file, adapter, ...size }: ResNetOptions): Promise<Extractor> {
  const weights = await checkpointPath(file);
  const { tensors } = await readStartingWeights(weights);
  const device = await Device.open({ adapter });
  const network = new ResNet(device, resnetPresets[`${model}-torchvision`], new Seeds(1));
  const close = async (): Promise<void> => {
    network[Symbol.dispose]();
    await device.close();
  };
  try {
    loadBody(network, tensors, weights, model);
    const name = printExtractor({ kind: "resnet", model, ...size, digest: await digestOf(weights) });
    return { ...bodyExtractor(network, size, name), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Writes a file's weights into the body of a network; the last stage is not run, so it may be missing.
 *
 * @throws {UserError} naming the tensor that the file lacks.
 */
export function loadBody(
  network: ResNet,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  path: string,
  model: string,
): void {
  for (const { name, tensor } of network.parameters()) {
    if (name.startsWith(network.tailPrefix)) continue;
    const given = tensors.get(`resnet.${name}`);
    if (given?.dtype !== "F32" || !sameShape(given.shape, tensor.shape)) {
      throw new UserError(
        `${path}: has no "resnet.${name}" of the shape [${tensor.shape.join(", ")}]; ` +
          (model in resnetPresets
            ? `import torchvision's ${model} by itera weights import`
            : "it is of another network"),
      );
    }
    tensor.write(given.data);
  }
}

/** Features by the body of a network, which stays its owner's. */
export function bodyExtractor(
  network: ResNet,
  { height, width }: PictureSize,
  name: string,
  values: (picture: RgbImage) => Float32Array<ArrayBuffer> = normalised,
): Omit<Extractor, typeof Symbol.asyncDispose> {
  const { device, outputStride, bodyChannels } = network;
  const shape = [bodyChannels, Math.ceil(height / outputStride), Math.ceil(width / outputStride)] as const;
  return {
    settings: { extractor: name, shape },
    extract: async (pictures) => {
      const maps = await mapsOf(device, pictures, { height, width }, values, (x) => network.body(x));
      const size = maps[0].length, out = new Float32Array(maps.length * size);
      maps.forEach((map, i) => out.set(channelsFirst(map, bodyChannels), i * size));
      return out;
    },
  };
}

/** The network's input of a picture, [height, width, 3]. */
export function normalised({ rgb }: RgbImage): Float32Array<ArrayBuffer> {
  return Float32Array.from(rgb, (value, i) => (value / 255 - MEANS[i % 3]) / DEVIATIONS[i % 3]);
}

/** Digest of a file of weights: features by other weights are other features. */
async function digestOf(path: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return Array.from(new Uint8Array(hash).subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Weights of the extractors that have some, in words. */
const WEIGHTS = {
  cells: "that run of itera refplus extractor",
  run: "that run's checkpoint",
  resnet: "that ResNet's weights",
} as const;

/**
 * The extractor that {@link FeatureSettings} name, for pictures that are in no file of features.
 *
 * @throws {UserError} when the name does not describe an extractor, or `weights` are missing or are not those it names.
 */
export async function extractorNamed(
  name: string,
  { weights, adapter }: { readonly weights?: string | undefined; readonly adapter: ResNetOptions["adapter"] },
): Promise<Extractor> {
  const read = readExtractor(name);
  if (read.kind === "pixels") return pixelExtractor(read, read.cell);
  if (read.kind === "other") {
    throw new UserError(`features by "${name}" cannot be made for other pictures; extract them by itera refplus`);
  }
  if (weights === undefined) {
    throw new UserError(
      `the execution engine was trained on features by ${name}: give ${WEIGHTS[read.kind]} as --weights`,
    );
  }
  const common = { width: read.width, height: read.height, weights, adapter };
  const made = read.kind === "cells"
    ? await cellExtractor(weights, { adapter })
    : read.kind === "run"
    ? await runExtractor(common)
    : await resnetExtractor({ ...common, model: read.model });
  if (sameExtractor(made.settings.extractor, name)) return made;
  await made[Symbol.asyncDispose]();
  throw new UserError(`${weights}: are other weights than the execution engine was trained with (${name})`);
}
