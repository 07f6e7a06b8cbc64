/** Losses of steps, kept on the device until a reading is due, then averaged into the run's logs. */
import type { Tensor } from "../../../engine/mod.ts";
import { EventWriter } from "./event_file.ts";
import { MetricsLog, type MetricsRecord } from "./metrics_log.ts";

/** The losses of one step: names, and their values, as one tensor of that length or read already. The first is the loss. */
export interface StepLosses {
  /** Names of the losses. */
  readonly names: readonly string[];
  /** Their values. */
  readonly values: Tensor | readonly number[];
}

/** Losses still on the device. */
export interface UnreadLosses extends StepLosses {
  /** Loss values on the device, one a name. */
  readonly values: Tensor;
}

/** Figures by name, as the log has them. */
export type Measures = Readonly<Record<string, number>>;

/** Losses read but not yet recorded; saved with each checkpoint, so that a resumed run writes what an uninterrupted one would. */
export interface LossWindow {
  readonly names: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

/** The loss log of a run. */
export class LossLog implements Disposable {
  /** Null where another rank writes. */
  readonly #metrics: MetricsLog | null;
  readonly #events: EventWriter | null;
  readonly #unread: StepLosses["values"][] = [];
  #names: readonly string[];
  #rows: (readonly number[])[];
  #latest = NaN;

  private constructor(metrics: MetricsLog | null, events: EventWriter | null, { names, rows }: LossWindow) {
    this.#metrics = metrics;
    this.#events = events;
    this.#names = names;
    this.#rows = [...rows];
  }

  /**
   * Opens the logs of `folder` as they were after `step` steps with `window` not yet recorded, without the records of that step
   * that are there because the run ended (`isEnd`).
   */
  static open(
    folder: { readonly path: string; file(name: string): string },
    step: number,
    window: LossWindow,
    isEnd?: (record: MetricsRecord) => boolean,
  ): LossLog {
    return new LossLog(
      MetricsLog.open(folder.file("metrics.jsonl"), step, isEnd),
      EventWriter.open(folder.path, step > 0 ? { resumeStep: step } : {}),
      window,
    );
  }

  /** A log that writes nothing, of a rank among several that is not the first. */
  static silent(window: LossWindow): LossLog {
    return new LossLog(null, null, window);
  }

  /** Losses read since the last record. */
  get window(): LossWindow {
    return { names: this.#names, rows: this.#rows };
  }

  /** Length and checksum of the records so far, but for those that end a run. */
  get records(): string {
    return this.#metrics?.state ?? "";
  }

  /** Length and checksum of the records that were found when the log was opened. */
  get found(): string {
    return this.#metrics?.found ?? "";
  }

  /** Mean loss of the last window read; NaN before the first. */
  get latest(): number {
    return this.#latest;
  }

  /** Takes the losses of one step. */
  add({ names, values }: StepLosses): void {
    this.#names = names;
    this.#unread.push(values);
  }

  /** Reads what was added; waits for the device. */
  async read(): Promise<void> {
    const losses = this.#unread.splice(0);
    const read = losses.map((values) => isTensor(values) ? values.data() : values);
    for (const values of await Promise.all(read)) this.#rows.push([...values]);
    dispose(losses);
    if (this.#rows.length > 0) this.#latest = this.#mean(0);
  }

  /** Records what `derive` makes of the window's means at `step`, and starts a new window unless this one `goesOn`. */
  async record(
    step: number,
    rate: number,
    derive: (means: Readonly<Record<string, number>>) => Measures | Promise<Measures>,
    { goesOn = false }: { readonly goesOn?: boolean } = {},
  ): Promise<void> {
    const losses = await derive(Object.fromEntries(this.#names.map((name, i) => [name, this.#mean(i)])));
    if (!goesOn) this.#rows = [];
    this.#metrics?.append({ step, ...losses, rate }, { ends: goesOn });
    for (const [name, value] of Object.entries(losses)) this.#events?.scalar(`loss/${name}`, value, step);
    this.#events?.scalar("rate", rate, step);
    this.#events?.flush();
  }

  /** Records measures of a validation at `step`, there because the run `ends` or not; the window goes on. */
  note(step: number, measures: Readonly<Record<string, number>>, options: { readonly ends?: boolean } = {}): void {
    this.#metrics?.append({ step, ...measures }, options);
    for (const [name, value] of Object.entries(measures)) this.#events?.scalar(`validation/${name}`, value, step);
    this.#events?.flush();
  }

  /** Makes the records durable: a checkpoint promises those up to its step. */
  sync(): void {
    this.#metrics?.sync();
  }

  /** Frees unread losses and closes the files. */
  [Symbol.dispose](): void {
    dispose(this.#unread.splice(0));
    this.#metrics?.[Symbol.dispose]();
    this.#events?.[Symbol.dispose]();
  }

  #mean(column: number): number {
    return this.#rows.reduce((sum, row) => sum + row[column], 0) / this.#rows.length;
  }
}

function isTensor(values: StepLosses["values"]): values is Tensor {
  return !Array.isArray(values);
}

function dispose(losses: readonly StepLosses["values"][]): void {
  for (const values of losses) if (isTensor(values)) values.dispose();
}
