/** Weights of a file written into a model that begins: by name, and along classes and edges by the names of these. */
import { UserError } from "../../engine/base/user_error.ts";
import { sameShape } from "../../engine/internal.ts";
import type { SafetensorsTensor, Tensor } from "../../engine/mod.ts";
import type { EntryNames, NamedAxis, RegionModel } from "../regions/contract.ts";
import type { StartingWeights } from "./weights_file.ts";

/** Names that the entries of a model that begins stand for. */
export interface OwnNames extends EntryNames {
  /** True where the run's knowledge has vectors of the classes, which no file then replaces. */
  readonly vectors: boolean;
}

/** Words for lists of names. */
const LISTS: Readonly<Record<keyof EntryNames, string>> = {
  classes: "classes",
  classEdges: "edges between classes",
  regionEdges: "edges between regions",
};

/** Names listed in a message at most. */
const LISTED = 3;

/** A part of a model, as far as weights were found for it. */
interface Part {
  found: number;
  random: number;
  /** Reasons why something is random, and other facts. */
  readonly notes: Set<string>;
}

/**
 * Writes the weights into a model; the backbone must be whole. Returns, in words, which parts of the model the file has and
 * which start at random because it lacks them or has them for other classes. With `own`, entries of classes and edges are
 * matched by name: put in the model's order, or left random where the names differ.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { decodeSafetensors, Device, saveTensors } from "@itera/itera/engine";
 * import { applyWeights, BaselineClassifier, resnetPresets } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * const { small } = resnetPresets;
 * using trained = new BaselineClassifier(device, { classes: 3, resnet: small, seed: 1 });
 * using model = new BaselineClassifier(device, { classes: 5, resnet: small, seed: 2 });
 * const { tensors } = decodeSafetensors(await saveTensors(trained.stateDict()));
 * // The backbone is taken over; the scores are for other classes and stay random.
 * const found = applyWeights(model, { path: "a.safetensors", tensors, settings: {} });
 * ok(/resnet: \d+ tensors; cls_score: random \(its classes or sizes differ\)$/.test(found));
 * const weight = "resnet.conv1.weight";
 * deepStrictEqual(await model.stateDict().get(weight)!.data(), await trained.stateDict().get(weight)!.data());
 * ```
 *
 * @throws {UserError} when the backbone's weights are missing or of another network.
 */
export function applyWeights(
  model: RegionModel,
  { path, tensors, names }: StartingWeights,
  own: OwnNames | null = null,
): string {
  const parts = new Map<string, Part>(), axes = model.namedAxes?.();
  const writes: (() => void)[] = [];
  let unnamed = false;
  for (const { name, tensor } of model.parameters()) {
    const part = partOf(parts, name), axis = axes?.get(name), given = tensors.get(name);
    if (axis?.given && own?.vectors) continue;
    const match = name.startsWith("resnet.") ? null : matched(axis, axes !== undefined, names, own);
    const fits = given?.dtype === "F32" && sameShape(given.shape, tensor.shape);
    if (typeof match === "string" && given) {
      part.random++;
      part.notes.add(match);
    } else if (fits) {
      part.found++;
      unnamed ||= own !== null && !names && axis?.of === "classes";
      if (Array.isArray(match)) {
        part.notes.add(`put in order by the names of its ${LISTS[axis!.of]}`);
        writes.push(() => tensor.write(reordered(given, axis!.axis, match)));
      } else writes.push(() => tensor.write(given.data));
    } else {
      if (name.startsWith("resnet.")) throw otherNetwork(path, name, given, tensor);
      part.random++;
      if (given) part.notes.add("its classes or sizes differ");
    }
  }
  for (const write of writes) write();
  const words = [...parts].map(([part, { found, random, notes }]) => {
    const which = random === 0 ? `${found} tensors` : found === 0 ? "random" : `${found} tensors, ${random} random`;
    return `${part}: ${which}${notes.size > 0 ? ` (${[...notes].join("; ")})` : ""}`;
  });
  const order = unnamed ? "; its classes have no names and are taken for the run's, in order" : "";
  return `weights of ${path}: ${words.join("; ")}${order}`;
}

function partOf(parts: Map<string, Part>, name: string): Part {
  const key = name.slice(0, name.indexOf(".")), part = parts.get(key) ?? { found: 0, random: 0, notes: new Set() };
  parts.set(key, part);
  return part;
}

/**
 * The places in a file of the model's entries along an axis; null where they are the same ones, or nothing is known of them;
 * the reason, in words, where the names differ. A model that does not say which of its parameters have an entry for each class
 * is taken over with the same classes in the same order alone.
 */
function matched(
  axis: NamedAxis | undefined,
  says: boolean,
  given: EntryNames | undefined,
  own: EntryNames | null,
): number[] | string | null {
  if (!given || !own || (says && !axis)) return null;
  const list = axis?.of ?? "classes", [from, to] = [given[list], own[list]];
  if (from.length === to.length && from.every((name, i) => name === to[i])) return null;
  const [more, fewer] = [without(from, to), without(to, from)];
  const twice = new Set(from).size < from.length || new Set(to).size < to.length;
  if (axis && !twice && more.length + fewer.length === 0) return to.map((name) => from.indexOf(name));
  const parts = [
    ...more.length > 0 ? [`only there: ${listed(more)}`] : [],
    ...fewer.length > 0 ? [`only here: ${listed(fewer)}`] : [],
  ];
  return `its ${LISTS[list]} have other names${parts.length > 0 ? `, ${parts.join(", ")}` : " or another order"}`;
}

function without(names: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return names.filter((name) => !known.has(name));
}

function listed(names: readonly string[]): string {
  return names.slice(0, LISTED).join(", ") + (names.length > LISTED ? ` and ${names.length - LISTED} more` : "");
}

/** A tensor's values with its entries along an axis taken from `places`; an axis of several times as many has them in blocks. */
function reordered(
  { shape, data }: SafetensorsTensor & { readonly dtype: "F32" },
  axis: number,
  places: readonly number[],
): Float32Array<ArrayBuffer> {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1), count = places.length, out = data.slice();
  for (let block = 0; block < data.length; block += count * inner) {
    places.forEach((from, to) =>
      out.set(data.subarray(block + from * inner, block + (from + 1) * inner), block + to * inner)
    );
  }
  return out;
}

function otherNetwork(path: string, name: string, given: SafetensorsTensor | undefined, own: Tensor): UserError {
  const has = given ? `has "${name}" as [${given.shape.join(", ")}]` : `lacks "${name}"`;
  return new UserError(
    `${path}: ${has}, the model wants [${own.shape.join(", ")}]; does --resnet fit the weights?`,
  );
}
