/** The page's state: picture, expression, its program as it ran, and the step on show. */
import { Device } from "../../../../engine/mod.ts";
import type { Payload } from "../../payload.ts";
import { adapterOf, type Status } from "../../shared/frame.ts";
import { execute, type Execution, type ProgramModels, programModels, stepsOf, writeProgram } from "../compute.ts";
import { expressionNames, type PagePicture, pictureNames, type ProgramFacts } from "../payload.ts";

/** A program on show. */
export interface Shown extends Execution {
  readonly text: string;
  /** Picture that it ran on. */
  readonly picture: number;
  /** The true mask, where it is known. */
  readonly truth: Uint8Array | null;
  /** False where it was computed before the page was made. */
  readonly live: boolean;
}

/** State of the page; whoever shows it is called after each change. */
export class App {
  readonly payload: Payload<ProgramFacts>;
  /** Addresses of the pictures. */
  readonly photos: readonly string[];
  status: Status = {
    kind: "opening",
    text: "Starting the models …",
  };
  index = 0;
  shown: Shown | null = null;
  /** Words about an expression that cannot be answered. */
  complaint = "";
  /** The expression as it stands in the field. */
  text = "";
  step = 0;
  playing = false;
  busy = false;
  /** Milliseconds of the last answer. */
  lastMs = 0;
  #models: ProgramModels | null = null;
  #asked = 0;
  readonly #views: (() => void)[] = [];

  /** A page's payload. */
  constructor(payload: Payload<ProgramFacts>) {
    this.payload = payload;
    this.photos = payload.facts.pictures.map((_, i) => {
      const { data } = payload.tensors.get(pictureNames(i).photo)!;
      return URL.createObjectURL(new Blob([data as Uint8Array<ArrayBuffer>]));
    });
  }

  /** True where the models run here. */
  get live(): boolean {
    return this.#models !== null;
  }

  /** The picture on show. */
  get picture(): PagePicture {
    return this.payload.facts.pictures[this.index];
  }

  /** Calls `view` after each change. */
  watch(view: () => void): void {
    this.#views.push(view);
  }

  /** Shows the state again. */
  show(): void {
    for (const view of this.#views) view();
  }

  /** Opens a device and loads the models, where there is WebGPU. */
  async start(): Promise<void> {
    const { facts, tensors } = this.payload;
    try {
      if (!facts.live) throw new Error("they are too large for a page");
      const device = await Device.open({ winograd: facts.convolutions === "winograd" });
      this.#models = programModels(device, facts, tensors);
      // Until the first answer the browser compiles kernels, on a slow adapter for seconds.
      this.status = { kind: "opening", text: `Preparing the models on ${adapterOf(device)} …` };
      if (this.text !== "") await this.ask(this.text);
      this.status = { kind: "live", text: `The models run here, on ${adapterOf(device)}` };
    } catch (error) {
      this.status = {
        kind: "stored",
        text: `These answers were computed before, for the models cannot run here: ${(error as Error).message}`,
      };
    }
    this.show();
  }

  /** Takes another picture, with the first of its expressions. */
  async open(index: number): Promise<void> {
    this.index = index;
    this.shown = null;
    const [first] = this.picture.expressions;
    if (first) await this.ask(first.text);
    this.show();
  }

  /** Answers an expression. */
  async ask(text: string): Promise<void> {
    const turn = ++this.#asked, { index } = this, stored = this.#stored(text);
    [this.text, this.complaint, this.playing] = [text, "", false];
    if (stored) this.#take(stored);
    else if (!this.#models) this.complaint = "Without WebGPU only the expressions below can be shown.";
    if (!this.#models) return this.show();
    this.busy = true;
    this.show();
    const start = performance.now();
    try {
      const { facts, tensors } = this.payload, program = await writeProgram(this.#models, facts, text);
      const features = tensors.get(pictureNames(index).features)!.data as Float32Array;
      const ran = await execute(this.#models, facts, program, features);
      if (turn !== this.#asked) return;
      this.lastMs = performance.now() - start;
      this.#take({ ...ran, text, picture: index, truth: stored?.truth ?? null, live: true });
    } catch (error) {
      if (turn !== this.#asked) return;
      this.complaint = (error as Error).message;
      this.shown = null;
    }
    this.busy = false;
    this.show();
  }

  /** Resolves when nothing is left to compute. */
  async settled(): Promise<void> {
    while (this.status.kind === "opening" || this.busy) await new Promise((done) => setTimeout(done, 10));
  }

  #take(shown: Shown): void {
    const same = this.shown?.tokens.join() === shown.tokens.join();
    this.shown = shown;
    if (!same) this.step = shown.tree.length - 1;
  }

  /** An expression that was computed before; null for any other. */
  #stored(text: string): Shown | null {
    const { facts, tensors } = this.payload, k = this.picture.expressions.findIndex((one) => one.text === text);
    if (k < 0) return null;
    const { program } = this.picture.expressions[k], names = expressionNames(this.index, k);
    const { data, shape: [count] } = tensors.get(names.steps)!, length = data.length / count;
    const steps = Array.from(
      { length: count },
      (_, i) => (data as Float32Array).subarray(i * length, (i + 1) * length),
    );
    const truth = tensors.get(names.truth)!.data as Uint8Array;
    return { ...stepsOf(facts, program), program, steps, text, picture: this.index, truth, live: false };
  }
}
