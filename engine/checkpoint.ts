/** Saving and loading named tensors as safetensors. */
import { ArgumentError, EngineError, ShapeError } from "./base/errors.ts";
import { described, expectFlag, expectOptions } from "./base/given.ts";
import { host } from "./host.ts";
import { expectAlive, expectNamed, fillTensors, misfits, readTensors } from "./nn/named_values.ts";
import type { NamedParameter } from "./nn/parameter.ts";
import { expectTensor } from "./op.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type Safetensors,
  SafetensorsError,
  type SafetensorsTensor,
} from "./safetensors.ts";
import type { Tensor } from "./tensor.ts";

/** Tensors by name, as parameters or optimiser state give them. */
export type NamedTensors = ReadonlyMap<string, Tensor>;

/** Tensors by name, each of which is one. */
function expectTensors(where: string, given: unknown): NamedTensors {
  const named = expectNamed(where, "tensors", given);
  for (const [name, tensor] of named) expectTensor(where, tensor, `"${name}"`);
  return named as NamedTensors;
}

/**
 * The tensors of named parameters, keyed by `prefix + name`.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { Device, nn, tensorsOf } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using layer = new nn.Linear(device, { inputs: 2, outputs: 1, seed: 1 });
 * const tensors = tensorsOf(layer.trainable(), "model.");
 * deepStrictEqual([...tensors.keys()], ["model.weight", "model.bias"]);
 * strictEqual(tensors.get("model.weight"), layer.weight);
 * ```
 */
export function tensorsOf(parameters: Iterable<NamedParameter>, prefix = ""): Map<string, Tensor> {
  return new Map([...parameters].map(({ name, tensor }) => [prefix + name, tensor]));
}

/**
 * Reads all tensors (one wait for all) and encodes them with string metadata as a safetensors file, with
 * a checksum.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { decodeSafetensors, Device, saveTensors } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 2], [3, 4]]);
 * const bytes = await saveTensors({ x }, { step: "7" });
 * const { tensors, metadata } = decodeSafetensors(bytes);
 * deepStrictEqual(tensors.get("x"), { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
 * strictEqual(metadata.step, "7");
 * ```
 */
export async function saveTensors(
  tensors: NamedTensors | Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return encodeSafetensors(await readTensors(expectTensors("saveTensors", tensors)), metadata, { checksum: true });
}

/** Options of {@link loadTensors}. */
export interface LoadOptions {
  /** Pass over tensors that only the file has; default false. */
  readonly allowExtra?: boolean;
  /** Adds to a file's tensors those that an earlier version did not write. */
  readonly complete?: (tensors: ReadonlyMap<string, SafetensorsTensor>) => ReadonlyMap<string, SafetensorsTensor>;
}

/**
 * Writes the tensors of a safetensors file into tensors of the same names; returns its metadata. Every tensor must be in
 * the file with the same shape and type; tensors only the file has are an error too by default. `what` names the
 * file in errors.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, loadTensors, nn, saveTensors } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using a = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 1 });
 * using b = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 2 });
 * const bytes = await saveTensors(a.stateDict(), { step: "7" });
 * deepStrictEqual(loadTensors(bytes, b.stateDict(), "a.safetensors"), { step: "7" });
 * deepStrictEqual(await b.weight.data(), await a.weight.data());
 * ```
 */
export function loadTensors(
  bytes: Uint8Array,
  into: NamedTensors | Readonly<Record<string, Tensor>>,
  what: string,
  options?: LoadOptions,
): Record<string, string>;
/** The same of a file that is read first: by its address, `file:` among them, or by its path. See {@link readSafetensors}. */
export function loadTensors(
  file: URL | string,
  into: NamedTensors | Readonly<Record<string, Tensor>>,
  what?: string,
  options?: LoadOptions,
): Promise<Record<string, string>>;
export function loadTensors(
  file: Uint8Array | URL | string,
  into: NamedTensors | Readonly<Record<string, Tensor>>,
  what: string = String(file),
  options: LoadOptions = {},
): Record<string, string> | Promise<Record<string, string>> {
  if (file instanceof Uint8Array) return fill(decode(file, what), into, what, options);
  return readSafetensors(file, what).then((contents) => fill(contents, into, what, options));
}

function fill(
  { tensors: found, metadata }: Safetensors,
  given: NamedTensors | Readonly<Record<string, Tensor>>,
  what: string,
  options: LoadOptions,
): Record<string, string> {
  expectOptions("loadTensors", options, { allowExtra: true, complete: true });
  if (options.allowExtra !== undefined) expectFlag("loadTensors", "allowExtra", options.allowExtra);
  const into = expectTensors("loadTensors", given);
  const tensors = options.complete?.(found) ?? found;
  const wrong = misfits(into, tensors).find(({ kind }) => kind !== "unexpected" || !options.allowExtra);
  if (wrong?.kind === "misshapen") throw new ShapeError(`${what}: ${wrong.reason}`);
  if (wrong) throw new EngineError(`${what}: ${wrong.reason}; was it made by another model?`);
  expectAlive(what, into, tensors);
  fillTensors(into, tensors);
  return { ...metadata };
}

/**
 * The tensors and metadata of a safetensors file at an address, `file:` among them, or at a path; `what` names it in
 * errors. `module.load` takes the tensors.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { encodeSafetensors, readSafetensors } from "@itera/itera/engine";
 *
 * const bytes = encodeSafetensors({ a: { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } });
 * const { tensors } = await readSafetensors(new URL(URL.createObjectURL(new Blob([bytes]))));
 * deepStrictEqual([...tensors.get("a")!.data], [1, 2]);
 * ```
 *
 * @throws {EngineError} in one line where it cannot be read, with the server's status where one answered.
 * @throws {SafetensorsError} for anything but a safetensors file.
 */
export async function readSafetensors(file: URL | string, what: string = String(file)): Promise<Safetensors> {
  if (!(file instanceof URL) && typeof file !== "string") {
    throw new ArgumentError(`readSafetensors: the file is a path or a URL, not ${described(file)}`);
  }
  return decode(await (file instanceof URL ? download(file, what) : readPath(file, what)), what);
}

async function download(url: URL, what: string): Promise<Uint8Array> {
  let status: string;
  try {
    const response = await fetch(url);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    await response.body?.cancel();
    status = `the server answers ${response.status} ${response.statusText}`.trim();
  } catch (error) {
    status = oneLine(error);
  }
  throw new EngineError(`${what}: it cannot be fetched: ${status}`);
}

async function readPath(path: string, what: string): Promise<Uint8Array> {
  try {
    return await host.readBytes(path);
  } catch (error) {
    throw new EngineError(`${what}: it cannot be read: ${oneLine(error)}`);
  }
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0];
}

function decode(bytes: Uint8Array, what: string): Safetensors {
  try {
    return decodeSafetensors(bytes);
  } catch (error) {
    if (error instanceof SafetensorsError) throw new SafetensorsError(`${what}: ${error.message}`);
    throw error;
  }
}
