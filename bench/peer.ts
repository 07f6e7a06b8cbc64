/** Interface of a peer: a library that does the bench's tasks. */
import type { PeerTask } from "./cases.ts";

/** Another library, asked to do the same work. */
export interface Peer {
  readonly name: string;
  /** Milliseconds of one warm run, or null where it has no such op. Throws when it fails. */
  measure(task: PeerTask): Promise<number | null>;
}

/** Milliseconds of many runs that stand out of the wait's own spread. */
const SHOWN_MS = 100;

/**
 * Milliseconds of a run: what each more of several costs. Waiting costs about 10 ms and reading a result its transfer,
 * once for all of them. `run` records one, `finish` waits for all; `limit` runs at once, where results pile up until then.
 */
export async function bestOf(run: () => unknown, finish: () => Promise<unknown>, limit = 2000): Promise<number> {
  const timed = async (count: number): Promise<number> => {
    const from = performance.now();
    for (let i = 0; i < count; i++) await run();
    await finish();
    return performance.now() - from;
  };
  await timed(1);
  let one = await timed(1), count = 2, all = await timed(count);
  while (all - one < SHOWN_MS && count < limit) all = await timed(count = Math.min(limit, 4 * count));
  for (let round = 0; round < 2; round++) {
    one = Math.min(one, await timed(1));
    all = Math.min(all, await timed(count));
  }
  return Math.max(all - one, 0.001) / (count - 1);
}

/** Bytes of a task's result. */
export function resultBytes(task: PeerTask): number {
  switch (task.kind) {
    case "matmul":
      return 4 * task.m * task.n;
    case "conv2d": {
      const { images, height, width, stride, outputs } = task;
      return 4 * images * Math.ceil(height / stride) * Math.ceil(width / stride) * outputs;
    }
    case "crop":
      return 4 * task.boxes * 49 * task.channels;
    case "softmax":
      return 4 * task.rows * task.columns;
    case "add":
      return 4 * task.size;
    case "sum":
      return 4 * task.rows;
  }
}

/** Random numbers for a peer's inputs. */
export function noise(size: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898) * 0.5);
}
