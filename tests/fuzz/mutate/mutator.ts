/** Changes of a file's bytes, by the kind that reports count them under. */
import type { Random } from "../../support/random.ts";

/** Bytes of a file. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A way to change a file. */
export interface Mutator {
  /** Name in reports. */
  readonly kind: string;
  /** The changed bytes; the same `bytes` and the same random numbers give the same. */
  readonly apply: (bytes: Bytes, random: Random) => Bytes;
}

/** One of a list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.integer(0, list.length)];
}

/** Pieces as one. */
export function joined(...parts: readonly Uint8Array[]): Bytes {
  return concatenated(parts);
}

/** The same of a list, of any length. */
export function concatenated(parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** UTF-8 bytes of a text. Lone surrogates become U+FFFD, as in every file. */
export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/** The text of UTF-8 bytes. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
