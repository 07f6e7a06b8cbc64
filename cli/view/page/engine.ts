/** The model at work on the page: one picture at a time, and of several that wait for one place only the last. */
import type { RgbImage } from "../../../datasets/images/preprocess.ts";
import { Device } from "../../../engine/mod.ts";
import type { RegionModel } from "../../../model/regions/contract.ts";
import { type Answers, type Box, compute } from "../compute.ts";
import { pageModel } from "../page_model.ts";
import type { PageConfig, Payload } from "../payload.ts";

/** Pixels and boxes to answer about. */
export interface Question {
  readonly picture: RgbImage;
  readonly boxes: readonly Box[];
}

interface Waiting {
  readonly question: Question;
  readonly done: (answers: Answers | null) => void;
  readonly failed: (error: unknown) => void;
}

/** An opened device with the page's model. */
export class Engine {
  readonly #model: RegionModel;
  readonly #config: PageConfig;
  readonly #waiting = new Map<string, Waiting>();
  #busy = false;
  /** Milliseconds that the last answer took. */
  lastMs = 0;

  private constructor(model: RegionModel, config: PageConfig) {
    this.#model = model;
    this.#config = config;
  }

  /** Opens a device and loads the model. Rejects with a sentence where there is no WebGPU. */
  static async open({ facts, tensors }: Payload): Promise<Engine> {
    const device = await Device.open({ winograd: facts.config.convolutions === "winograd" });
    return new Engine(pageModel(device, facts, tensors), facts.config);
  }

  /** Name of the adapter. */
  get title(): string {
    return this.#model.device.title;
  }

  /** True while a question is answered or waits. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Answers for `place`; null where a later question for the same place came first. */
  ask(place: string, question: Question): Promise<Answers | null> {
    this.drop(place);
    const { promise, resolve, reject } = Promise.withResolvers<Answers | null>();
    this.#waiting.set(place, { question, done: resolve, failed: reject });
    if (!this.#busy) this.#work();
    return promise;
  }

  /** Forgets the question that waits for a place. */
  drop(place: string): void {
    this.#waiting.get(place)?.done(null);
    this.#waiting.delete(place);
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let next = this.#next(); next; next = this.#next()) {
      const { question: { picture, boxes }, done, failed } = next, start = performance.now();
      try {
        const answers = await compute(this.#model, picture, boxes, this.#config);
        this.lastMs = performance.now() - start;
        done(answers);
      } catch (error) {
        failed(error);
      }
    }
    this.#busy = false;
  }

  #next(): Waiting | undefined {
    for (const [place, waiting] of this.#waiting) {
      this.#waiting.delete(place);
      return waiting;
    }
    return undefined;
  }
}
