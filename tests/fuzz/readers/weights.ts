/** Readers of weights: safetensors, PyTorch's files, TensorFlow's checkpoints, weights of ours. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { encodeSafetensors, SafetensorsError } from "../../../engine/safetensors.ts";
import { exportTorch } from "../../../model/weights/export.ts";
import { readWeights } from "../../../model/weights/read_weights.ts";
import { WeightsError } from "../../../model/weights/stored.ts";
import { readStartingWeights } from "../../../model/weights/weights_file.ts";
import { BINARY } from "../mutate/bytes.ts";
import { PICKLE } from "../mutate/pickle.ts";
import { SAFETENSORS } from "../mutate/safetensors.ts";
import { TABLE } from "../mutate/table.ts";
import { inEntries, ZIP } from "../mutate/zip.ts";
import { slowSafetensors } from "../oracles/safetensors.ts";
import type { Files, FuzzReader } from "../reader.ts";
import { fixture } from "./samples.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures/weights/", import.meta.url));

type Contents = readonly (readonly [name: string, shape: readonly number[], numbers: Float32Array])[];

async function contents(path: string): Promise<Contents> {
  const { tensors } = await readWeights(path);
  return [...tensors].map(([name, tensor]) => [name, tensor.shape, tensor.read()] as const);
}

/** The complaint where numbers do not fill a shape. */
function unfilled(found: unknown): string | null {
  const wrong = (found as Contents).find(([, shape, { length }]) => shape.reduce((a, b) => a * b, 1) !== length);
  return wrong ? `"${wrong[0]}" of shape [${wrong[1]}] has ${wrong[2].length} numbers` : null;
}

/** Files of the fixtures, the first the one that is opened. */
function reader(
  name: string,
  files: readonly string[],
  opened: string,
  mutators: FuzzReader["mutators"],
  onlyOriginal = false,
): FuzzReader {
  return {
    name,
    samples: () => [Object.fromEntries(files.map((file) => [file, fixture(join(FIXTURES, file))]))],
    mutators,
    read: (folder) => contents(join(folder, opened)),
    check: unfilled,
    onlyOriginal,
  };
}

const f32 = (shape: number[], ...data: number[]) => ({ dtype: "F32" as const, shape, data: Float32Array.from(data) });

/** Tensors of several types, by names of several kinds. */
function safetensorsSample(): Files {
  const tensors = {
    weight: f32([2, 3], 1, -2, 0.5, 3, 4, -0),
    wide: { dtype: "F64" as const, shape: [2], data: Float64Array.of(1e-3, 7) },
    half: { dtype: "F16" as const, shape: [3], data: Float16Array.of(0.5, -2, 1) },
    brain: { dtype: "BF16" as const, shape: [1], data: Uint16Array.of(0x3fc0) },
    long: { dtype: "I64" as const, shape: [], data: BigInt64Array.of(-9n) },
    bytes: { dtype: "U8" as const, shape: [2, 0], data: new Uint8Array() },
    flags: { dtype: "BOOL" as const, shape: [3], data: Uint8Array.of(1, 0, 1) },
  };
  return { "a.safetensors": encodeSafetensors(tensors, { made: "by hand", format: "pt" }) };
}

/** Weights as `itera weights import` writes them. */
function ownWeights(): Files {
  const tensors = {
    "resnet.conv1.weight": f32([1, 1, 3, 2], 1, 2, 3, 4, 5, 6),
    "resnet.conv1.scale": f32([2], 1, 1),
    "resnet.conv1.shift": f32([2], 0, 0.5),
    "cls_score.weight": f32([2, 2], 1, 2, 3, 4),
  };
  const facts = {
    origin: "torchvision",
    format: "made",
    resnet: "resnet50-torchvision",
    normalise: "port",
    longSide: 600,
  };
  return { "a.safetensors": encodeSafetensors(tensors, { weights: JSON.stringify(facts) }) };
}

/** The readers. */
export const WEIGHTS: readonly FuzzReader[] = [
  {
    name: "safetensors",
    samples: () => [safetensorsSample()],
    mutators: () => SAFETENSORS,
    read: (folder) => contents(join(folder, "a.safetensors")),
    check: (value, files) => {
      const slow = slowSafetensors(files["a.safetensors"]);
      if (!slow) return "read what must be refused";
      // Unsigned 64-bit numbers and the like have no place among weights.
      const found = (value as Contents).map(([name, shape, data]) => [name, [[...shape], [...data]]]);
      return found.every(([name, one]) => isDeepStrictEqual(one, slow.get(String(name)))) ? null : "other numbers";
    },
  },
  reader("torch archive", ["archive.pth"], "archive.pth", () => [
    ...inEntries(PICKLE, (entry) => entry.endsWith("data.pkl")),
    ...inEntries(BINARY, () => true),
    ...ZIP,
  ]),
  reader("torch archive, bytes alone", ["archive.pth"], "archive.pth", () => BINARY, true),
  reader("torch stream", ["stream.pth"], "stream.pth", () => PICKLE),
  reader("tensorflow 1", ["v1.ckpt"], "v1.ckpt", () => TABLE),
  reader("tensorflow 1, bytes alone", ["v1.ckpt"], "v1.ckpt", () => BINARY, true),
  reader("tensorflow 2", ["v2.index", "v2.data-00000-of-00001"], "v2", (file) => file === "v2.index" ? TABLE : BINARY),
  {
    name: "own weights",
    samples: () => [ownWeights()],
    mutators: () => SAFETENSORS,
    read: async (folder) => {
      const { settings, tensors } = await readStartingWeights(join(folder, "a.safetensors"));
      return { settings, tensors };
    },
  },
  {
    name: "exported weights",
    samples: () => [ownWeights()],
    mutators: () => SAFETENSORS,
    read: async (folder) => exportTorch(await Deno.readFile(join(folder, "a.safetensors")), { rgb: true }),
    // The command puts the file's name before it.
    typed: (error) =>
      error instanceof WeightsError || error instanceof SafetensorsError || error instanceof Deno.errors.NotFound,
  },
];
