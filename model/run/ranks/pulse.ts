/** The beats of this rank: a thread of its own sends them, and listens for those of the rank before. */
import type { Beats, PulseSetup } from "./pulse_worker.ts";

/** A thread that beats. */
export interface Pulse {
  /** Ends it, which no rank may do before all have come as far. */
  stop(): Promise<Beats>;
}

/**
 * Starts the thread. It beats while this process lives, however long its other work takes: a first step compiles for minutes.
 * Each rank listens to the one before it, so that one alone names a rank that fell silent.
 */
export function startPulse(setup: PulseSetup): Pulse {
  const worker = new Worker(new URL("./pulse_worker.ts", import.meta.url), { type: "module" });
  worker.postMessage(setup);
  return {
    stop: async () => {
      const ended = new Promise<Beats>((resolve) => worker.onmessage = ({ data }) => resolve(data));
      worker.postMessage(null);
      const beats = await ended;
      worker.terminate();
      return beats;
    },
  };
}
