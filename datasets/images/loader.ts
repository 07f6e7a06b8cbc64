/** Prefetches prepared images through workers, in the order asked, whatever order they finish in. */
import { UserError } from "../../engine/base/user_error.ts";
import { Thread, ThreadError } from "../thread.ts";
import { flipBoxes, scaleFor, type ScaleOptions } from "./preprocess.ts";
import { imageName } from "./pixels.ts";
import type { Entry } from "./schedule.ts";
import type { RegionDataset } from "../types.ts";
import type { WorkerAnswer, WorkerRequest, WorkerSetup } from "./worker.ts";

/** Options of {@link Loader}. */
export interface LoaderOptions {
  /** Size and normalisation of prepared images. */
  readonly scale: ScaleOptions;
  /** Images prepared ahead; default 8. */
  readonly prefetch?: number;
  /** Bytes of images prepared ahead, which are fewer where they are large; default 1 GiB. */
  readonly budget?: number;
  /** Threads; default 1. */
  readonly workers?: number;
  /** Ms after which a thread that answers nothing is replaced, its image taken for broken; default 60,000. */
  readonly silence?: number;
  /** Leave out images that cannot be read, reporting them to `onBroken`, instead of stopping; default false. */
  readonly skipBroken?: boolean;
  /** Called for each image left out. */
  readonly onBroken?: (path: string, reason: string) => void;
}

/** A prepared image with its regions. */
export interface LoadedImage {
  /** Its place in the order it was asked in. */
  readonly position: number;
  /** Index in the data set. */
  readonly index: number;
  /** True where it is mirrored. */
  readonly flipped: boolean;
  /** [height, width, 3], BGR minus the means. */
  readonly image: Float32Array<ArrayBuffer>;
  /** Height of the prepared image. */
  readonly height: number;
  /** Width of the prepared image. */
  readonly width: number;
  /** Factor from the original's pixels to these. */
  readonly scale: number;
  /** [n, 4] as x1, y1, x2, y2 in pixels of this image. */
  readonly boxes: Float32Array<ArrayBuffer>;
  /** [n]. */
  readonly labels: Int32Array<ArrayBuffer>;
}

/** Bytes of images prepared ahead. */
const BUDGET = 2 ** 30;

/**
 * Loads images of one data set. Close it, or its threads keep the program alive.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { evaluationOrder, Loader, openContext } from "@itera/itera/datasets";
 *
 * const val = openContext({ split: "val", images: 2 });
 * const loader = new Loader(val, { scale: { target: 64, max: 96 } });
 * const sizes: number[][] = [];
 * for await (const { index, height, width, image } of loader.run(evaluationOrder(val))) {
 *   sizes.push([index, height, width, image.length]);
 * }
 * loader.close();
 * deepStrictEqual(sizes, [[0, 64, 96, 64 * 96 * 3], [1, 64, 96, 64 * 96 * 3]]);
 * ```
 */
export class Loader {
  readonly #dataset: RegionDataset;
  readonly #options: LoaderOptions;
  readonly #threads: Thread<WorkerAnswer>[] = [];
  #asked = 0;
  /** The image that is asked for alone, after a thread ended. */
  #alone: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Starts the threads. */
  constructor(dataset: RegionDataset, options: LoaderOptions) {
    this.#dataset = dataset;
    this.#options = options;
    for (let i = 0; i < (options.workers ?? 1); i++) this.#threads.push(this.#start());
  }

  #start(): Thread<WorkerAnswer> {
    const setup: WorkerSetup = { source: this.#dataset.source, scale: this.#options.scale };
    const { silence } = this.#options;
    return new Thread(new URL("./worker.ts", import.meta.url), { setup, silence, idOf: ({ id }) => id });
  }

  /** The images of `order`, in order. Throws {@link UserError} naming the file when one is broken and not to be skipped. */
  async *run(order: Iterable<Entry>): AsyncGenerator<LoadedImage> {
    const source = order[Symbol.iterator]();
    const queue: { readonly entry: Entry; readonly answer: Promise<WorkerAnswer>; readonly bytes: number }[] = [];
    const { prefetch = 8, budget = BUDGET, skipBroken = false, onBroken } = this.#options;
    let ahead = 0, next = source.next();
    const fill = (): void => {
      while (queue.length < prefetch && !next.done) {
        const entry = next.value, bytes = this.#bytesOf(entry.index);
        // One image is always under way; one that is too large by itself is refused when its turn comes.
        if (queue.length > 0 && ahead + bytes > budget) return;
        const answer = bytes > budget ? Promise.reject(this.#tooLarge(entry, bytes)) : this.#ask(entry);
        // Thrown when its turn comes; until then nobody waits for it.
        answer.catch(() => {});
        queue.push({ entry, answer, bytes });
        ahead += bytes;
        next = source.next();
      }
    };
    fill();
    let brokenInARow = 0;
    for (let head = queue.shift(); head; head = queue.shift()) {
      const answer = await head.answer;
      ahead -= head.bytes;
      fill();
      if ("reason" in answer) {
        if (!skipBroken) {
          throw new UserError(
            `${answer.path}: ${answer.reason}; --skip-broken leaves it out`,
          );
        }
        onBroken?.(answer.path, answer.reason);
        // An endless order over a set without one good image would never end.
        if (++brokenInARow > 2 * this.#dataset.size) {
          throw new UserError(
            `${this.#dataset.name} ${this.#dataset.split}: no image can be read, the last was ${answer.path}`,
          );
        }
        continue;
      }
      brokenInARow = 0;
      yield this.#finish(head.entry, answer);
    }
  }

  /** Ends the threads; images still being prepared are lost. */
  close(): void {
    this.#closed = true;
    for (const thread of this.#threads.splice(0)) thread[Symbol.dispose]();
  }

  async #ask({ index, flipped }: Entry): Promise<WorkerAnswer> {
    const slot = this.#asked++ % this.#threads.length;
    const { width, height } = this.#dataset.record(index);
    const request = (id: number): WorkerRequest => ({ id, index, flipped, width, height });
    try {
      return await this.#threads[slot].ask(request);
    } catch (error) {
      if (!(error instanceof ThreadError) || this.#closed) throw error;
    }
    if (this.#threads[slot].failed) this.#threads[slot] = this.#start();
    // Which of its images ended a thread shows when each is asked for alone.
    const answer = this.#alone.then(async (): Promise<WorkerAnswer> => {
      using thread = this.#start();
      return await thread.ask(request).catch((error: Error) => {
        return { id: 0, path: imageName(this.#dataset.source, index), reason: error.message };
      });
    });
    this.#alone = answer;
    return await answer;
  }

  /** Bytes that an image takes on its way: its own pixels, and the prepared ones. */
  #bytesOf(index: number): number {
    const { width, height } = this.#dataset.record(index), scale = scaleFor(width, height, this.#options.scale);
    return 3 * width * height + 12 * Math.round(width * scale) * Math.round(height * scale);
  }

  #tooLarge({ index }: Entry, bytes: number): UserError {
    const { budget = BUDGET, scale: { target, max } } = this.#options,
      mebibytes = (n: number) => Math.ceil(n / 2 ** 20);
    return new UserError(
      `${imageName(this.#dataset.source, index)}: takes ${
        mebibytes(bytes)
      } MiB with a shorter side of ${target} and a longer ` +
        `of at most ${max} pixels, ${mebibytes(budget)} are allowed; lower image.shortSide or image.longSide`,
    );
  }

  #finish({ position, index, flipped }: Entry, answer: Extract<WorkerAnswer, { image: unknown }>): LoadedImage {
    const record = this.#dataset.record(index);
    const { flipLabels } = this.#dataset;
    const boxes = flipped ? flipBoxes(record.boxes, answer.originalWidth) : record.boxes;
    const labels = flipped && flipLabels ? record.labels.map((label) => flipLabels[label]) : record.labels;
    const { scale } = answer.image;
    return { position, index, flipped, ...answer.image, boxes: boxes.map((v) => v * scale), labels };
  }
}
