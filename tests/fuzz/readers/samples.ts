/** Files of samples. */
import type { Bytes } from "../mutate/mutator.ts";
import { utf8 } from "../mutate/mutator.ts";

/** A file of the tests' fixtures. */
export function fixture(path: string): Bytes {
  return Deno.readFileSync(path);
}

/** A value as a JSON file. */
export function json(value: unknown): Bytes {
  return utf8(JSON.stringify(value));
}

/** Lines as a text file. */
export function lines(...all: readonly string[]): Bytes {
  return utf8(all.map((line) => `${line}\n`).join(""));
}

/** A small PNG of one colour, made once. */
export async function plainPng(width = 8, height = 8): Promise<Bytes> {
  const { loadSharp } = await import("../../../engine/base/packages/sharp.ts");
  const sharp = await loadSharp();
  return new Uint8Array(
    await sharp({ create: { width, height, channels: 3, background: "#808080" } }).png().toBuffer(),
  );
}
