/** Losses of steps, kept on the device until a reading is due, then averaged into the run's logs. */
import type { Tensor } from "../engine/mod.ts";
import { EventWriter } from "./run/event_file.ts";
import { MetricsLog } from "./run/metrics_log.ts";
import type { RunFolder } from "./run/run_folder.ts";

/**
 * The loss window of a run: losses since the last record, read or not. The window is saved with each checkpoint, so that a
 * resumed run writes the records an uninterrupted one would.
 */
export class LossLog implements Disposable {
  readonly #metrics: MetricsLog;
  readonly #events: EventWriter;
  readonly #unread: Tensor[] = [];
  #window: number[];
  #latest = NaN;

  private constructor(metrics: MetricsLog, events: EventWriter, window: number[]) {
    this.#metrics = metrics;
    this.#events = events;
    this.#window = window;
  }

  /** Opens the logs of `folder` as they were after `step` steps with `window` losses not yet recorded. */
  static open(folder: RunFolder, step: number, window: readonly number[]): LossLog {
    return new LossLog(
      MetricsLog.open(folder.file("metrics.jsonl"), step),
      EventWriter.open(folder.path, step > 0 ? { resumeStep: step } : {}),
      [...window],
    );
  }

  /** Losses read since the last record. */
  get window(): readonly number[] {
    return this.#window;
  }

  /** Mean loss of the last window read; NaN before the first. */
  get latest(): number {
    return this.#latest;
  }

  /** Takes the loss of one step. */
  add(loss: Tensor): void {
    this.#unread.push(loss);
  }

  /** Reads what was added; waits for the device. */
  async read(): Promise<void> {
    const losses = this.#unread.splice(0);
    for (const values of await Promise.all(losses.map((t) => t.data()))) this.#window.push(values[0]);
    for (const loss of losses) loss.dispose();
    if (this.#window.length > 0) this.#latest = mean(this.#window);
  }

  /** Records the window's mean at `step` and starts a new window; takes charge of `regulariser`. */
  async write(step: number, rate: number, regulariser: Tensor): Promise<void> {
    const decay = await regulariser.item();
    regulariser.dispose();
    const loss = mean(this.#window);
    this.#window = [];
    this.#metrics.append({ step, cross_entropy: loss, total_loss: loss + decay, rate });
    this.#events.scalar("loss/cross_entropy", loss, step);
    this.#events.scalar("loss/total_loss", loss + decay, step);
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
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}
