/** The page's state: which picture, which thing, which answer, and the work that follows from a change. */
import type { Answers, Box } from "../compute.ts";
import { NO_ANSWERS, storedAnswers } from "../compute.ts";
import type { Payload } from "../payload.ts";
import { adapterOf, type Status } from "../shared/frame.ts";
import type { Engine } from "./engine.ts";
import { rowOf, type Stop, stopsOf, topClass } from "./stops.ts";
import type { Scene, Thing } from "./scene.ts";

/** Answers for some things of a picture. */
export interface Shown {
  /** Numbers of the things, in the order of the answers' rows. */
  readonly ids: readonly number[];
  readonly answers: Answers;
  /** False where they were computed before the page was made. */
  readonly live: boolean;
}

/** The question what the others would be, were one thing not there. */
export interface Without {
  readonly id: number;
  /** Null until it is computed. */
  readonly shown: Shown | null;
}

/** A class that an answer gives a thing. */
export interface Named {
  readonly label: number;
  readonly share: number;
}

/** State of the page; whoever shows it is called after each change. */
export class App {
  readonly payload: Payload;
  readonly scenes: readonly Scene[];
  /** State of the model: being opened, at work here, or absent with the reason. */
  status: Status = {
    kind: "opening",
    text: "Starting the model …",
  };
  engine: Engine | null = null;
  index = 0;
  selected: number | null = null;
  stop = 0;
  shown: Shown | null = null;
  without: Without | null = null;
  lines = true;
  memory = false;
  playing = false;
  readonly #views: (() => void)[] = [];
  #asked = 0;
  #answered = 0;

  /** `scenes` are the payload's. */
  constructor(payload: Payload, scenes: readonly Scene[]) {
    this.payload = payload;
    this.scenes = scenes;
  }

  /** The picture on show. */
  get scene(): Scene {
    return this.scenes[this.index];
  }

  /** Class names. */
  get classes(): readonly string[] {
    return this.payload.facts.classes;
  }

  /** Answers in their order; those of what is on show. */
  get stops(): readonly Stop[] {
    return stopsOf(this.current?.answers ?? NO_ANSWERS);
  }

  /** The answers on show: without the thing that is asked about, if one is. */
  get current(): Shown | null {
    return this.without?.shown ?? this.shown;
  }

  /** True while the answers on show are not yet those of the picture. */
  get waiting(): boolean {
    return this.#answered < this.#asked;
  }

  /** Things of the picture on show. */
  get things(): readonly Thing[] {
    const { without } = this;
    return without ? this.scene.things.filter(({ id }) => id !== without.id) : this.scene.things;
  }

  /** Calls `view` after each change. */
  watch(view: () => void): void {
    this.#views.push(view);
  }

  /** Shows the state again. */
  show(): void {
    for (const view of this.#views) view();
  }

  /** Chooses a thing, or none; what is asked about one stays. */
  select(id: number | null): void {
    this.selected = id;
    this.show();
  }

  /** Takes another picture. */
  open(index: number): void {
    this.index = index;
    this.without = null;
    this.selected = null;
    this.shown = this.scene.changed ? null : this.#stored();
    if (this.shown) this.selected = this.#telling(this.shown);
    this.stop = (this.shown?.answers.predictions.length ?? 0) - 1;
    this.changed();
  }

  /** Computes again, as the picture or its boxes changed. */
  changed(): void {
    const { scene } = this;
    if (this.without && !scene.thing(this.without.id)) this.without = null;
    if (this.selected !== null && !scene.thing(this.selected)) this.selected = null;
    if (!scene.changed && !this.engine) this.shown = this.#stored();
    this.#ask("now", scene.things, (shown) => {
      const last = shown.answers.predictions.length - 1;
      this.shown = shown;
      // Without any box there were no answers to be at.
      if (this.stop < 0 || this.stop > last) this.stop = last;
    });
    if (this.without) this.ask(this.without.id);
    this.show();
  }

  /** Asks what the others would be, were a thing not there; null ends it. */
  ask(id: number | null): void {
    if (id === null) {
      this.without = null;
      this.engine?.drop("without");
    } else {
      const kept = this.without?.id === id ? this.without.shown : null;
      this.without = { id, shown: kept };
      this.#ask("without", this.scene.things.filter((thing) => thing.id !== id), (shown) => {
        if (this.without?.id === id) this.without = { id, shown };
      });
    }
    this.show();
  }

  /** Class and probability that prediction `stop` of `shown` gives a thing; null where it has none yet. */
  named(id: number, shown: Shown | null = this.current, stop: number = this.stop): Named | null {
    const row = this.row(id, shown, stop);
    if (!row) return null;
    const label = topClass(row);
    return { label, share: row[label] };
  }

  /** Probabilities of all classes that prediction `stop` of `shown` gives a thing. */
  row(id: number, shown: Shown | null = this.current, stop: number = this.stop): Float32Array | null {
    const r = shown?.ids.indexOf(id) ?? -1, prediction = shown?.answers.predictions[stop];
    return r < 0 || !prediction ? null : rowOf(prediction.probabilities, shown!.ids.length, r);
  }

  /** Number of a thing as people count. */
  number(id: number): number {
    return id + 1;
  }

  /** Resolves when nothing is left to compute. */
  async settled(): Promise<void> {
    while (this.status.kind === "opening" || this.waiting) await new Promise((done) => setTimeout(done, 10));
  }

  #ask(place: string, things: readonly Thing[], take: (shown: Shown) => void): void {
    const { engine, scene } = this;
    if (!engine) return;
    this.#asked++;
    const boxes = things.map(({ box }): Box => box), ids = things.map(({ id }) => id);
    engine.ask(place, { picture: scene.picture(things), boxes }).then((answers) => {
      this.#answered++;
      if (this.status.kind === "opening") {
        this.status = { kind: "live", text: `The model runs here, on ${adapterOf(engine)}` };
      }
      // A later change, or another picture, has its own.
      if (answers && scene === this.scene) take({ ids, answers, live: true });
      this.show();
    }, (error: unknown) => {
      this.#answered++;
      this.status = { kind: "failed", text: `The model stopped: ${(error as Error).message}` };
      this.show();
    });
  }

  #stored(): Shown {
    const answers = storedAnswers(this.index, this.payload.tensors);
    return { ids: this.scene.things.map(({ id }) => id), answers, live: false };
  }

  /** The thing that says most about reasoning: named otherwise at last than at first, and rightly where that is known. */
  #telling(shown: Shown): number | null {
    const last = shown.answers.predictions.length - 1;
    const score = (thing: Thing): number => {
      const [before, after] = [this.named(thing.id, shown, 0), this.named(thing.id, shown, last)];
      if (!before || !after) return 0;
      const right = thing.label === null || thing.label === after.label;
      return after.share + (before.label !== after.label ? 2 : 0) + (right ? 1 : 0);
    };
    return this.scene.things.toSorted((a, b) => score(b) - score(a))[0]?.id ?? null;
  }
}
