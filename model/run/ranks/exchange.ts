/** Numbers that ranks bring together: gradients of a step, checkpoints to begin from, digests of what must be equal. */
import { UserError } from "../../../engine/base/user_error.ts";
import { decodeSafetensors, type GradientSum, type SafetensorsTensor, type Tensor } from "../../../engine/mod.ts";
import type { CheckpointFile } from "../run_folder.ts";
import { allOf, ofFirst, type Ranks } from "./ranks.ts";

/**
 * Replaces a rank's sum of gradients, and of losses or others beside it, by those of all ranks. The gradients are one row of
 * numbers: they are read once, added once, and written back.
 */
export async function sumOver(ranks: Ranks, gradients: GradientSum, ...others: readonly Tensor[]): Promise<void> {
  const tensors = [gradients.values, ...others];
  const rows = await Promise.all(tensors.map((tensor) => tensor.data()));
  // Each row is written before the next is summed: sums share memory.
  for (const [i, tensor] of tensors.entries()) tensor.write(await ranks.sum(rows[i] as Float32Array<ArrayBuffer>));
}

/** The checkpoint that rank 0 reads, everywhere; null where it finds none. */
export async function checkpointOfFirst(
  ranks: Ranks | null | undefined,
  read: () => Promise<CheckpointFile | null>,
): Promise<CheckpointFile | null> {
  if (!ranks) return await read();
  const found = ranks.rank === 0 ? await read() : null;
  const path = await ofFirst(ranks, () => found?.path ?? null);
  if (path === null) return null;
  const bytes = await ranks.fromFirst(found?.bytes ?? null);
  return found ?? { path, bytes, ...decodeSafetensors(bytes) };
}

/** Throws {@link UserError} naming the ranks whose tensors and facts after `step` are not those of most. */
export async function expectEqual(
  ranks: Ranks,
  step: number,
  tensors: readonly (readonly [string, SafetensorsTensor])[],
  facts: Readonly<Record<string, string>>,
): Promise<void> {
  const others = outliers(await allOf(ranks, await digestOf(tensors, facts)));
  if (others.length === 0) return;
  const [who, have] = others.length > 1 ? ["ranks", "have"] : ["rank", "has"];
  throw new UserError(
    `${who} ${
      others.join(", ")
    } ${have} other weights than the rest after step ${step}: its device or its memory computes ` +
      "wrongly, or it is another device or driver; checkpoints saved before are whole",
  );
}

/** A digest of tensors by their names, and of facts. */
async function digestOf(
  tensors: readonly (readonly [string, SafetensorsTensor])[],
  facts: Readonly<Record<string, string>>,
): Promise<string> {
  const parts = [JSON.stringify(facts)];
  // One after the other: together they would take the memory of all tensors again.
  for (const [name, { data }] of tensors) {
    parts.push(name, new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex());
  }
  const all = new TextEncoder().encode(parts.join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all)).toHex();
}

/** Places of those of a list that are not what most of it are; among equally many the first ones count. */
export function outliers(list: readonly string[]): number[] {
  const count = (one: string): number => list.filter((other) => other === one).length;
  const most = list.reduce((best, one) => count(one) > count(best) ? one : best);
  return [...list.keys()].filter((i) => list[i] !== most);
}
