/** Settings in layers: defaults, then files, then flags, the later ones winning; every complaint names its layer. */
import { resolve } from "node:path";
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { readTextSync } from "../../engine/base/files.ts";
import { readJson } from "../../engine/base/json_text.ts";

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Settings from one place. */
export interface Layer {
  /** Name in messages: a file's path or a flag. */
  readonly source: string;
  /** Nested settings; what is absent stays as it was. */
  readonly value: Json;
}

/** Objects merge key by key, everything else replaces what was there. */
export function merge(below: Json | undefined, above: Json): Json {
  if (!isObject(below) || !isObject(above)) return above;
  const merged: Record<string, Json> = { ...below };
  for (const [key, value] of Object.entries(above)) merged[key] = merge(below[key], value);
  return merged;
}

/** The layer of a flag `--set a.b=value`: the value as JSON, or as text where it is not JSON. */
export function settingLayer(assignment: string): Layer {
  const equals = assignment.indexOf("=");
  const path = assignment.slice(0, Math.max(equals, 0)).split(".");
  if (equals < 0 || path.includes("")) {
    throw new UserError(`--set ${assignment}: write it as key=value, such as training.steps=500`);
  }
  const text = assignment.slice(equals + 1);
  const read = readJson(text);
  const value = "value" in read ? read.value as Json : text;
  return { source: `--set ${assignment}`, value: nest(path, value) };
}

/** The layer of a JSON file. Throws {@link UserError} naming the file, with line and column of a JSON mistake. */
export function fileLayer(path: string): Layer {
  const value = readJsonFile(path);
  if (!isObject(value)) throw new UserError(`${path}: holds no JSON object of settings`);
  return { source: path, value };
}

/** `{ a: { b: value } }` for the path `["a", "b"]`. */
export function nest(path: readonly string[], value: Json): Json {
  return path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value);
}

/** Layers whose relative paths at the settings `names`, such as `dataset.data`, are whole ones: a run may go on from another folder. */
export function fromHere(layers: readonly Layer[], names: readonly string[]): Layer[] {
  return layers.map(({ source, value }) => {
    const whole = names.reduce<Json>((all, name) => {
      const path = name.split("."), given = lookup(all, path);
      return typeof given === "string" && given !== "" ? merge(all, nest(path, resolve(given))) : all;
    }, value);
    return { source, value: whole };
  });
}

/** Merges the layers and checks them. Throws {@link UserError} with the first mistake, its key and the layer it is from. */
export function settle<T>(schema: z.ZodType<T>, layers: readonly Layer[]): T {
  const merged = layers.reduce<Json>((value, layer) => merge(value, layer.value), {});
  const result = schema.safeParse(merged);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue.path.map(String);
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const full = unknown === undefined ? path : [...path, unknown];
  const source = layers.findLast((layer) => lookup(layer.value, full) !== undefined)?.source ?? layers.at(-1)?.source;
  const where = `${source ? `${source}: ` : ""}`;
  if (unknown !== undefined) {
    const near = nearest(unknown, knownKeys(merged, path, layers[0]?.value ?? {}));
    throw new UserError(
      `${where}unknown key "${full.join(".")}"${near ? `; did you mean "${[...path, near].join(".")}"?` : ""}`,
    );
  }
  throw new UserError(`${where}"${full.join(".")}": ${lowerFirst(issue.message)}`);
}

/** Reads a JSON file; throws {@link UserError} naming the file, with line and column of a JSON mistake. */
export function readJsonFile(path: string): Json {
  return parseJson(path, readTextSync(path));
}

/** The value of a file's JSON text. Throws {@link UserError} naming file, line and column of a mistake. */
export function parseJson(path: string, text: string): Json {
  const read = readJson(text);
  if ("value" in read) return read.value as Json;
  const { at, reason } = read.fault;
  if (at >= text.trimEnd().length) throw new UserError(`${path}: is not JSON, it ends too early`);
  const before = text.slice(0, at).split("\n");
  throw new UserError(`${path}:${before.length}:${before.at(-1)!.length + 1}: is not JSON (${reason})`);
}

/** Paths of the values in which two settings differ. */
export function differences(a: Json | undefined, b: Json | undefined, path = ""): string[] {
  if (!isObject(a) || !isObject(b)) return JSON.stringify(a) === JSON.stringify(b) ? [] : [path];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => differences(a[key], b[key], path ? `${path}.${key}` : key));
}

/** The value at a path, or undefined. */
export function lookup(value: Json | undefined, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (inner, key) => isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined,
    value,
  );
}

/** True for an object of settings. */
export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keys beside an unknown one: those of the lowest layer, which holds every setting there is. */
function knownKeys(merged: Json, path: readonly string[], lowest: Json): string[] {
  const beside = lookup(lowest, path) ?? lookup(merged, path);
  return isObject(beside) ? Object.keys(beside) : [];
}

/** The candidate that a mistyped word most likely means; undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, steps: editDistance(word, candidate) }))
    .filter(({ steps, candidate }) => steps > 0 && steps <= Math.max(2, candidate.length / 3))
    .sort((a, b) => a.steps - b.steps);
  return ranked[0]?.candidate;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1])));
    }
    row = next;
  }
  return row[b.length];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
