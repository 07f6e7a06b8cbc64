/** The times before ranks have found each other and when they part, in which no beats pass. */
import type { EdgeSetup } from "./edges_worker.ts";

/** Folder in which ranks of one host that a launcher of ours started leave notes; absent where another launcher started them. */
export const NOTES = "ITERA_RANK_NOTES";

/**
 * Watches from a thread of its own while this one waits for the other ranks to begin, or to end: where they do not within
 * `timeout` seconds and some for starting, it says so and ends this process, with which the launcher ends all. Disposed of once
 * they have.
 */
export function watchEdge(
  { rank, size }: { readonly rank: number; readonly size: number },
  timeout: number,
  edge: EdgeSetup["edge"],
): Disposable {
  const worker = new Worker(new URL("./edges_worker.ts", import.meta.url), { type: "module" });
  const setup: EdgeSetup = { rank, size, timeout, edge, notes: Deno.env.get(NOTES) ?? null };
  worker.postMessage(setup);
  return { [Symbol.dispose]: () => worker.terminate() };
}
