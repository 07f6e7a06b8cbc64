/** Class vectors from word vectors in fastText's text format (`.vec`), streamed: such files have gigabytes. */
import { UserError } from "../../engine/base/user_error.ts";
import { openFile } from "../../engine/base/files.ts";
import { RandomStream } from "../../engine/base/random.ts";
import type { KnowledgeBuilder } from "./builder.ts";

/** Vectors of the classes. */
export interface ClassVectors {
  /** [C, dim], zeros for the background. */
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly dim: number;
  /** Classes none of whose words the file knows; their vectors are random. */
  readonly unknown: readonly string[];
}

const STREAM = 0x7ec5;

/** Numbers as they are written in text. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Numbers of a vector, and letters of a line: what has no end of line is not kept to its end. */
const [MOST, LONGEST] = [16_384, 2 ** 20];

/** The words of a class name, lower case. */
export function wordsOf(name: string): string[] {
  return name.toLowerCase().split(/[\s_,-]+/).filter((word) => word !== "");
}

/**
 * Reads the vectors of the words of `classes` (background first) from a file; a class's vector is the mean over its words,
 * or uniform in ±1/√dim from `seed` where no word is known.
 *
 * @throws {UserError} naming file and line.
 */
export async function readClassVectors(path: string, classes: readonly string[], seed = 1): Promise<ClassVectors> {
  const wanted = new Set(classes.slice(1).flatMap(wordsOf));
  const { found, dim } = await readWords(path, wanted);
  const vectors = new Float32Array(classes.length * dim);
  const unknown: string[] = [];
  classes.forEach((name, c) => {
    if (c === 0) return;
    const own = wordsOf(name).map((word) => found.get(word)).filter((vector) => vector !== undefined);
    if (own.length === 0) {
      unknown.push(name);
      const random = new RandomStream(seed, STREAM, c);
      for (let d = 0; d < dim; d++) vectors[c * dim + d] = (2 * random.unit() - 1) / Math.sqrt(dim);
    }
    for (const vector of own) vector.forEach((v, d) => vectors[c * dim + d] += v / own.length);
  });
  return { vectors, dim, unknown };
}

/** Adds `similar` edges between classes whose vectors' cosine is at least `threshold`, weighted by it. */
export function addSimilar(
  builder: KnowledgeBuilder,
  { vectors, dim, unknown }: ClassVectors,
  threshold: number,
): void {
  const { names } = builder, random = new Set(unknown);
  const unit = names.map((name, i) => {
    const own = vectors.subarray((i + 1) * dim, (i + 2) * dim);
    const length = Math.hypot(...own);
    return random.has(name) || length === 0 ? null : own.map((v) => v / length);
  });
  for (let a = 0; a < names.length; a++) {
    for (let b = a + 1; b < names.length; b++) {
      const [u, v] = [unit[a], unit[b]];
      if (!u || !v) continue;
      let cosine = 0;
      for (let d = 0; d < dim; d++) cosine += u[d] * v[d];
      if (cosine >= threshold) builder.addBoth("similar", "similar", names[a], names[b], cosine);
    }
  }
}

async function readWords(path: string, wanted: ReadonlySet<string>) {
  const found = new Map<string, number[]>();
  let dim = 0, number = 0, stated: number[] | null = null;
  for await (const line of lines(path)) {
    number++;
    const fields = line.trimEnd().split(" ");
    // The first line may give count and dimension.
    if (number === 1 && fields.length === 2) {
      if (!fields.every((field) => /^\d{1,15}$/.test(field))) {
        throw new UserError(`${path}:1: is neither a count and a dimension nor a word with its numbers`);
      }
      stated = fields.map(Number);
      continue;
    }
    if (dim === 0) dim = stated?.[1] ?? fields.length - 1;
    if (dim > MOST) throw new UserError(`${path}:${number}: has vectors of ${dim} numbers, at most ${MOST} are read`);
    if (fields.length !== dim + 1 || dim < 2) {
      throw new UserError(`${path}:${number}: has ${fields.length - 1} numbers after the word, ${dim} were expected`);
    }
    if (!wanted.has(fields[0])) continue;
    const wrong = fields.slice(1).find((field) => !NUMBER.test(field) || !Number.isFinite(Math.fround(Number(field))));
    if (wrong !== undefined) {
      throw new UserError(
        `${path}:${number}: "${wrong.slice(0, 20)}" is no number of 32 bits; make or download it again`,
      );
    }
    const vector = fields.slice(1).map(Number);
    found.set(fields[0], vector);
  }
  if (dim === 0) throw new UserError(`${path}: holds no word vectors`);
  if (stated && number - 1 < stated[0]) {
    throw new UserError(
      `${path}: has ${number - 1} words, its first line says ${stated[0]}; make or download it again`,
    );
  }
  return { found, dim };
}

async function* lines(path: string): AsyncGenerator<string> {
  const file = await openFile(path);
  let rest = "";
  for await (const piece of file.readable.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop()!;
    if (rest.length > LONGEST) {
      throw new UserError(`${path}: has a line of more than ${LONGEST} letters; is it a text?`);
    }
    yield* parts;
  }
  if (rest !== "") yield rest;
}
