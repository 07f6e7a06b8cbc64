/** Prefetches prepared images through workers, in the order asked, whatever order they finish in. */
import { UserError } from "../../engine/base/user_error.ts";
import { flipBoxes, type ScaleOptions } from "./preprocess.ts";
import type { Entry } from "./schedule.ts";
import type { RegionDataset } from "../types.ts";
import type { WorkerAnswer, WorkerRequest, WorkerSetup } from "./worker.ts";

/** Options of {@link Loader}. */
export interface LoaderOptions {
  /** Size and normalisation of prepared images. */
  readonly scale: ScaleOptions;
  /** Images prepared ahead; default 8. */
  readonly prefetch?: number;
  /** Threads; default 1. */
  readonly workers?: number;
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
  readonly #workers: Worker[] = [];
  readonly #waiting = new Map<number, (answer: WorkerAnswer) => void>();
  #nextId = 0;

  /** Starts the threads. */
  constructor(dataset: RegionDataset, options: LoaderOptions) {
    this.#dataset = dataset;
    this.#options = options;
    const setup: WorkerSetup = { source: dataset.source, scale: options.scale };
    for (let i = 0; i < (options.workers ?? 1); i++) {
      const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
        this.#waiting.get(data.id)?.(data);
        this.#waiting.delete(data.id);
      };
      worker.postMessage(setup);
      this.#workers.push(worker);
    }
  }

  /** The images of `order`, in order. Throws {@link UserError} naming the file when one is broken and not to be skipped. */
  async *run(order: Iterable<Entry>): AsyncGenerator<LoadedImage> {
    const source = order[Symbol.iterator]();
    const queue: { readonly entry: Entry; readonly answer: Promise<WorkerAnswer> }[] = [];
    const { prefetch = 8, skipBroken = false, onBroken } = this.#options;
    const fill = (): void => {
      while (queue.length < prefetch) {
        const next = source.next();
        if (next.done) return;
        queue.push({ entry: next.value, answer: this.#ask(next.value) });
      }
    };
    fill();
    let brokenInARow = 0;
    for (let head = queue.shift(); head; head = queue.shift()) {
      const answer = await head.answer;
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
    for (const worker of this.#workers.splice(0)) worker.terminate();
    this.#waiting.clear();
  }

  #ask({ index, flipped }: Entry): Promise<WorkerAnswer> {
    const id = this.#nextId++;
    const { width, height } = this.#dataset.record(index);
    const request: WorkerRequest = { id, index, flipped, width, height };
    this.#workers[id % this.#workers.length].postMessage(request);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
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
