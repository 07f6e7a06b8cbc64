/** Opens a file of weights, whatever its format, by what it holds and not by what it is called. */
import { basename, dirname, join } from "node:path";
import { readBytes } from "../../engine/base/files.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { decodeSafetensors, SafetensorsError, type SafetensorsTensor } from "../../engine/mod.ts";
import { isTable } from "./sstable.ts";
import { type Element, type StoredTensor, toFloat32, type WeightFile, WeightsError } from "./stored.ts";
import { readTfCheckpoint } from "./tf_checkpoint.ts";
import { isTorchStream, isZip, readTorchStream, readTorchZip } from "./torch_file.ts";

/**
 * Reads safetensors, PyTorch's `.pth` (archive or stream) and TensorFlow's checkpoints (V1, or V2 by its prefix or index).
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { encodeSafetensors } from "@itera/itera/engine";
 * import { readWeights } from "@itera/itera/models";
 *
 * const file = await Deno.makeTempFile();
 * const a = { dtype: "F64", shape: [2], data: Float64Array.of(1, 2) } as const;
 * await Deno.writeFile(file, encodeSafetensors({ a }, { made: "by hand" }));
 * const { format, tensors, metadata } = await readWeights(file);
 * deepStrictEqual([format, metadata], ["safetensors", { made: "by hand" }]);
 * deepStrictEqual(tensors.get("a")!.read(), Float32Array.of(1, 2));
 * await Deno.remove(file);
 * ```
 *
 * @throws {UserError} naming the file and why it is not read.
 */
export async function readWeights(path: string): Promise<WeightFile> {
  // A checkpoint of version 2 goes by the name its two files begin with.
  const index = `${path}.index`;
  const file = !(await isFile(path)) && await isFile(index) ? index : path;
  const bytes = await readBytes(file);
  try {
    return await parse(bytes, file);
  } catch (error) {
    if (error instanceof WeightsError || error instanceof SafetensorsError) {
      throw new UserError(`${file}: ${error.message}`);
    }
    throw error;
  }
}

async function parse(bytes: Uint8Array<ArrayBuffer>, file: string): Promise<WeightFile> {
  if (isZip(bytes)) return await readTorchZip(bytes);
  if (isTable(bytes)) {
    return await readTfCheckpoint(bytes, (index, count) => {
      const pad = (n: number): string => String(n).padStart(5, "0");
      const stem = basename(file).replace(/\.index$/, "");
      const shard = join(dirname(file), `${stem}.data-${pad(index)}-of-${pad(count)}`);
      return readBytes(shard).catch(() => {
        throw new WeightsError(`its data file ${shard} is missing or cannot be read`);
      });
    });
  }
  if (isTorchStream(bytes)) return readTorchStream(bytes);
  if (looksLikeSafetensors(bytes)) return fromSafetensors(bytes);
  throw new WeightsError("is none of safetensors, PyTorch's .pth, or TensorFlow's checkpoint; is it whole?");
}

/** Eight bytes of a length that a small file cannot have, then a brace. */
function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes.length >= 9 && bytes[8] === 0x7b;
}

const ELEMENTS: Readonly<Partial<Record<SafetensorsTensor["dtype"], Element>>> = {
  F64: "f64",
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
  I64: "i64",
  I32: "i32",
  I16: "i16",
  I8: "i8",
  U8: "u8",
  BOOL: "bool",
};

function fromSafetensors(bytes: Uint8Array): WeightFile {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const stored = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data }] of tensors) {
    const element = ELEMENTS[dtype];
    if (!element) continue;
    const read = () => toFloat32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), element);
    stored.set(name, { shape, read });
  }
  return { format: "safetensors", tensors: stored, metadata };
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}
