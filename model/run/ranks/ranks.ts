/** Processes that train one model together. */

/**
 * This process among those that train together. All of them call the same of these functions in the same order, one after the
 * other; each call waits for the other ranks.
 */
export interface Ranks {
  /** This process's number, from 0 on; that with number 0 writes all files and prints. */
  readonly rank: number;
  /** Number of processes, two or more. */
  readonly size: number;
  /** Sums of the numbers of all ranks, in f32: the same bits everywhere. The array is the caller's until the next sum. */
  sum(values: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>>;
  /** The bytes of each rank, in their order. */
  all(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>[]>;
  /** The same on rank 0; nothing elsewhere. */
  toFirst(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>[] | null>;
  /** The bytes of rank 0; those of others do not matter. */
  fromFirst(bytes: Uint8Array<ArrayBuffer> | null): Promise<Uint8Array<ArrayBuffer>>;
}

/** True where this process writes files and prints: it is alone, or the first of several. */
export function leads(ranks: Pick<Ranks, "rank"> | null | undefined): boolean {
  return !ranks || ranks.rank === 0;
}

/** Every `size`-th of a list, from the rank's own on; all of it without ranks. */
export function shareOf<T>(ranks: Pick<Ranks, "rank" | "size"> | null | undefined, list: readonly T[]): T[] {
  return ranks ? list.filter((_, i) => i % ranks.size === ranks.rank) : [...list];
}

/** True everywhere where it is true anywhere. */
export async function anywhere(ranks: Ranks | null | undefined, here: boolean): Promise<boolean> {
  return ranks ? (await ranks.sum(Float32Array.of(Number(here))))[0] > 0 : here;
}

/** A value of each rank, in their order; values are what JSON holds. */
export async function allOf<T>(ranks: Ranks, value: T): Promise<T[]> {
  return (await ranks.all(encoded(value))).map((bytes) => decoded<T>(bytes));
}

/** The value that `make` gives on rank 0, everywhere: one that JSON holds. Without ranks, the one it gives here. */
export async function ofFirst<T>(ranks: Ranks | null | undefined, make: () => T | Promise<T>): Promise<T> {
  if (!ranks) return await make();
  if (ranks.rank > 0) return decoded(await ranks.fromFirst(null));
  const value = await make();
  await ranks.fromFirst(encoded(value));
  return value;
}

function encoded(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value ?? null));
}

function decoded<T>(bytes: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(bytes)) as T;
}
