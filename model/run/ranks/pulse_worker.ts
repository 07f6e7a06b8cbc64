/** The thread of {@link startPulse}. */

import { Mpi } from "./mpi.ts";
import type { MpiLibrary } from "./library.ts";

/** Facts for the thread. */
export interface PulseSetup {
  readonly library: MpiLibrary;
  readonly rank: number;
  readonly size: number;
  /** Seconds of silence after which all ranks are ended. */
  readonly timeout: number;
}

/** Beats that a rank has sent, and received. */
export interface Beats {
  readonly sent: number;
  readonly received: number;
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<PulseSetup | null>) => void) | null;
  postMessage(message: unknown): void;
};

/** Ms that a rank has longer for its first beat: its thread may begin later than this one. */
const FIRST = 30_000;

/** Ms between beats: a second, or a tenth of a short time-out. */
const between = (timeout: number): number => Math.min(1000, timeout * 100);

function begin({ library, rank, size, timeout }: PulseSetup): void {
  const mpi = new Mpi(library), [before, behind] = [(rank + size - 1) % size, (rank + 1) % size];
  let looked = performance.now(), last = looked + FIRST, sent = 0, received = 0;
  const beat = (): void => {
    try {
      mpi.beat(behind);
      sent++;
      const now = performance.now(), news = mpi.received(before);
      received += news;
      // Where this process itself stood still, its own clock has run on: the beats of that time are still to be read.
      if (news > 0 || now - looked > 500 * timeout) last = now;
      looked = now;
      if (now - last < 1000 * timeout) return;
      end(`rank ${before} has given no sign of life for ${timeout} s: it hangs, or its host or the network is gone`);
    } catch (error) {
      end(`rank ${rank} cannot reach the others any more: ${(error as Error).message}`);
    }
  };
  const end = (line: string): void => {
    Deno.stderr.writeSync(new TextEncoder().encode(`itera: ${line}; checkpoints saved before are whole\n`));
    mpi.abort(1);
  };
  const timer = setInterval(beat, between(timeout));
  scope.onmessage = ({ data }) => {
    if (data !== null) return;
    clearInterval(timer);
    scope.postMessage({ sent, received });
  };
}

scope.onmessage = ({ data }) => begin(data!);
