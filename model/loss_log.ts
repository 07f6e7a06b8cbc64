/** Losses of steps, kept on the device until a reading is due, then averaged into the run's logs. */
import type { Tensor } from "../engine/mod.ts";
import { EventWriter } from "./run/event_file.ts";
import { MetricsLog } from "./run/metrics_log.ts";
import type { RunFolder } from "./run/run_folder.ts";

/** The losses of one step: names, and their values as one tensor of that length. The first is the whole cross-entropy. */
export interface StepLosses {
  readonly names: readonly string[];
  readonly values: Tensor;
}

/** Losses read but not yet recorded; saved with each checkpoint, so that a resumed run writes what an uninterrupted one would. */
export interface LossWindow {
  readonly names: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

/** The loss log of a run. */
export class LossLog implements Disposable {
  readonly #metrics: MetricsLog;
  readonly #events: EventWriter;
  readonly #unread: Tensor[] = [];
  #names: readonly string[];
  #rows: (readonly number[])[];
  #latest = NaN;

  private constructor(metrics: MetricsLog, events: EventWriter, { names, rows }: LossWindow) {
    this.#metrics = metrics;
    this.#events = events;
    this.#names = names;
    this.#rows = [...rows];
  }

  /** Opens the logs of `folder` as they were after `step` steps with `window` not yet recorded. */
  static open(folder: RunFolder, step: number, window: LossWindow): LossLog {
    return new LossLog(
      MetricsLog.open(folder.file("metrics.jsonl"), step),
      EventWriter.open(folder.path, step > 0 ? { resumeStep: step } : {}),
      window,
    );
  }

  /** Losses read since the last record. */
  get window(): LossWindow {
    return { names: this.#names, rows: this.#rows };
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
    for (const values of await Promise.all(losses.map((t) => t.data()))) this.#rows.push([...values]);
    for (const loss of losses) loss.dispose();
    if (this.#rows.length > 0) this.#latest = this.#mean(0);
  }

  /** Records the window's means at `step` and starts a new window; takes charge of `regulariser`. */
  async write(step: number, rate: number, regulariser: Tensor): Promise<void> {
    const decay = await regulariser.item();
    regulariser.dispose();
    const means = Object.fromEntries(this.#names.map((name, i) => [name, this.#mean(i)]));
    const losses = { ...means, total_loss: this.#mean(0) + decay };
    this.#rows = [];
    this.#metrics.append({ step, ...losses, rate });
    for (const [name, value] of Object.entries(losses)) this.#events.scalar(`loss/${name}`, value, step);
    this.#events.scalar("rate", rate, step);
    this.#events.flush();
  }

  /** Makes the records durable: a checkpoint promises those up to its step. */
  sync(): void {
    this.#metrics.sync();
  }

  /** Frees unread losses and closes the files. */
  [Symbol.dispose](): void {
    for (const loss of this.#unread.splice(0)) loss.dispose();
    this.#metrics[Symbol.dispose]();
    this.#events[Symbol.dispose]();
  }

  #mean(column: number): number {
    return this.#rows.reduce((sum, row) => sum + row[column], 0) / this.#rows.length;
  }
}
