/** Settings that runs of every kind have. */

/** Settings that every run has. */
export interface RunConfig {
  /** Kind of the run; see `RunKind`. */
  readonly kind: string;
  /** Version that began the run. */
  readonly version: string;
  readonly seed: number;
  /** Updates in all. */
  readonly steps: number;
  /** Losses are read from the device and recorded every so many steps. */
  readonly displayEvery: number;
  /** Held-out data is measured every so many steps, and at the end; never where it is absent. */
  readonly validateEvery?: number;
  readonly checkpointEvery: number;
  /** Newest checkpoints kept. */
  readonly checkpointKeep: number;
}
