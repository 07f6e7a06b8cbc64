/** What a peer is to the bench. */
import type { PeerTask } from "./cases.ts";

/** Another library, asked to do the same work. */
export interface Peer {
  readonly name: string;
  /** Milliseconds of one warm run, or null where it has no such op. Throws when it fails. */
  measure(task: PeerTask): Promise<number | null>;
}

/** Best of several rounds of `count` runs, in milliseconds a run. `run` records one, `finish` waits for all. */
export async function bestOf(run: () => unknown, finish: () => Promise<unknown>, budgetMs = 800): Promise<number> {
  run();
  await finish();
  const start = performance.now();
  run();
  await finish();
  const once = performance.now() - start;
  const count = Math.max(1, Math.min(50, Math.round(budgetMs / 3 / Math.max(once, 1))));
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    const from = performance.now();
    for (let i = 0; i < count; i++) await run();
    await finish();
    best = Math.min(best, (performance.now() - from) / count);
  }
  return best;
}

/** Random numbers for a peer's inputs. */
export function noise(size: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898) * 0.5);
}
