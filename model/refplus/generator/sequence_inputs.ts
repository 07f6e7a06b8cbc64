/** Expressions and programs of a batch on a device, written anew between replays of a captured step. */
import { NULL } from "../../../datasets/refplus/encoding/tokens.ts";
import { type Device, ShapeError, type Tensor } from "../../../engine/mod.ts";

/** Token sequences of a batch, one after another: right-padded with `<NULL>`, `<START>` and `<END>` included. */
export interface Sequences {
  /** [count, length]. */
  readonly data: Int32Array<ArrayBuffer>;
  /** Number of sequences. */
  readonly count: number;
  /** Length that all are padded to. */
  readonly length: number;
}

/** [count, length] → [length, count]. */
export function timeFirst<T extends Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(data: T, count: number): T {
  const out = data.slice() as T, length = data.length / count;
  for (let n = 0; n < count; n++) for (let t = 0; t < length; t++) out[t * count + n] = data[n * length + t];
  return out;
}

/** Row of [length · count] that holds the last word of each expression: i32 [count]. */
export function lastWords({ data, count, length }: Sequences): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: count }, (_, n) => {
    let last = length - 1;
    while (last > 0 && data[n * length + last] === NULL) last--;
    return last * count + n;
  });
}

/**
 * Expressions as inputs of the encoder.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 * import { StaticExpressions } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * using inputs = new StaticExpressions(device, 2, 4);
 * inputs.write({ data: Int32Array.of(1, 4, 2, 0, 1, 5, 4, 2), count: 2, length: 4 });
 * // Time first, and the rows of each expression's last word.
 * deepStrictEqual([...await inputs.words.data<"i32">()], [1, 1, 4, 5, 2, 4, 0, 2]);
 * deepStrictEqual([...await inputs.ends.data<"i32">()], [4, 7]);
 * ```
 */
export class StaticExpressions implements Disposable {
  /** i32 [length, count]. */
  readonly words: Tensor;
  /** i32 [count], see {@link lastWords}. */
  readonly ends: Tensor;

  /** Memory for `count` expressions of `length` words. */
  constructor(device: Device, count: number, length: number) {
    this.words = device.empty([length, count], "i32").unscoped();
    this.ends = device.empty([count], "i32").unscoped();
  }

  /** Replaces the expressions, in stream order. Throws {@link ShapeError} when they have other sizes. */
  write(refexps: Sequences): void {
    const [length, count] = this.words.shape;
    if (refexps.count !== count || refexps.length !== length) {
      throw new ShapeError(
        `expressions: ${refexps.count} × ${refexps.length} words where there is memory for ${count} × ${length}`,
      );
    }
    this.words.write(timeFirst(refexps.data, count));
    this.ends.write(lastWords(refexps));
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    this.words.dispose();
    this.ends.dispose();
  }
}

/** The numbers of tokens in a batch's rows. */
export interface SequenceSizes {
  readonly count: number;
  /** Of the expressions. */
  readonly words: number;
  /** Of the programs, `<START>` and `<END>` included. */
  readonly tokens: number;
}

/**
 * Inputs and labels of teacher forcing on a batch.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 * import { StaticSequences } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * using batch = new StaticSequences(device, { count: 1, words: 3, tokens: 4 });
 * const words = { data: Int32Array.of(1, 4, 2), count: 1, length: 3 };
 * batch.write(words, { data: Int32Array.of(1, 5, 2, 0), count: 1, length: 4 });
 * deepStrictEqual([...await batch.inputs.data<"i32">()], [1, 5, 2]);
 * // The token after each; none after the end.
 * deepStrictEqual([...await batch.labels.data<"i32">()], [5, 2, -1]);
 * strictEqual(await batch.share.item(), 0.5);
 * ```
 */
export class StaticSequences implements Disposable {
  /** The expressions. */
  readonly expressions: StaticExpressions;
  /** i32 [tokens − 1, count]: all but the last token of each program. */
  readonly inputs: Tensor;
  /** i32 [(tokens − 1) · count]: the token after each; −1, which is left out of the loss, for `<NULL>`. */
  readonly labels: Tensor;
  /** []: 1 / number of labels that are not −1. */
  readonly share: Tensor;

  /** Memory for a batch. */
  constructor(device: Device, { count, words, tokens }: SequenceSizes) {
    this.expressions = new StaticExpressions(device, count, words);
    this.inputs = device.empty([tokens - 1, count], "i32").unscoped();
    this.labels = device.empty([(tokens - 1) * count], "i32").unscoped();
    this.share = device.empty([]).unscoped();
  }

  /** Replaces the batch, in stream order. Throws {@link ShapeError} when it has other sizes. */
  write(refexps: Sequences, programs: Sequences): void {
    const [length, count] = this.inputs.shape;
    if (programs.count !== count || programs.length !== length + 1) {
      throw new ShapeError(
        `programs: ${programs.count} × ${programs.length} tokens where there is memory for ${count} × ${length + 1}`,
      );
    }
    this.expressions.write(refexps);
    const inputs = new Int32Array(count * length), labels = new Int32Array(count * length);
    let kept = 0;
    for (let n = 0; n < count; n++) {
      const row = programs.data.subarray(n * programs.length, (n + 1) * programs.length);
      inputs.set(row.subarray(0, length), n * length);
      row.subarray(1).forEach((token, t) => {
        labels[n * length + t] = token === NULL ? -1 : token;
        if (token !== NULL) kept++;
      });
    }
    this.inputs.write(timeFirst(inputs, count));
    this.labels.write(timeFirst(labels, count));
    this.share.write(Float32Array.of(1 / Math.max(1, kept)));
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    for (const part of [this.expressions, this.inputs, this.labels, this.share]) part[Symbol.dispose]();
  }
}
