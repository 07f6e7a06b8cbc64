/** A picture with things in it that can be moved, added, hidden and taken away. */
import { drawnObjects, drawObjects } from "../../../datasets/context/draw.ts";
import { layoutScene, objectsOf } from "../../../datasets/context/layout.ts";
import { CONTEXT_TABLES } from "../../../datasets/context/tables.ts";
import type { RgbImage } from "../../../datasets/images/preprocess.ts";
import type { Box } from "../compute.ts";
import type { PageScene } from "../payload.ts";

/** A thing in a picture: an object of a drawn scene, or a box on a photograph. */
export interface Thing {
  /** Its own for as long as it is there. */
  readonly id: number;
  readonly box: Box;
  /** Class that it truly has; null where nobody knows. */
  readonly label: number | null;
  /** Index of its look among those of drawn scenes; null on photographs. */
  readonly look: number | null;
  /** True where its look is hidden. */
  readonly hidden: boolean;
  /** True where it was drawn over others. */
  readonly above: boolean;
  /** True where it was not there at first. */
  readonly added: boolean;
}

/** Grey that hides a box of a photograph: the mean that the network takes away. */
const GREY = [123, 116, 103] as const;

/** Pixels that a thing has at least on each side. */
export const LEAST_SIDE = 6;

/** A photograph: the pixels that the network gets, and the address of a finer one for people. */
export interface Photo {
  readonly pixels: RgbImage;
  readonly url: string;
}

/** A picture as the page has it now. */
export class Scene {
  readonly #scene: PageScene;
  /** Null for a scene that is drawn. */
  readonly photo: Photo | null;
  readonly #first: readonly Thing[];
  #things: readonly Thing[];
  #next: number;

  /** Things as the page has them at first. */
  constructor(scene: PageScene, photo: Photo | null) {
    this.#scene = scene;
    this.photo = photo;
    this.#first = this.#things = thingsOf(scene);
    this.#next = this.#things.length;
  }

  /** Name of the picture in its set. */
  get name(): string {
    return this.#scene.id;
  }

  /** Pixels across. */
  get width(): number {
    return this.#scene.width;
  }

  /** Pixels from top to bottom. */
  get height(): number {
    return this.#scene.height;
  }

  /** True where things are drawn, and so can be moved with what they look like. */
  get drawn(): boolean {
    return this.photo === null;
  }

  /** The things, in the order in which the model gets them. */
  get things(): readonly Thing[] {
    return this.#things;
  }

  /** True where anything was changed. */
  get changed(): boolean {
    return this.#things !== this.#first;
  }

  /** The thing of that number. */
  thing(id: number | null): Thing | undefined {
    return this.#things.find((thing) => thing.id === id);
  }

  /** The picture of some of its things, all by default. */
  picture(things: readonly Thing[] = this.#things): RgbImage {
    const { drawn, width, height } = this.#scene, { photo } = this;
    if (drawn && !photo) {
      const faded = CONTEXT_TABLES.looks.length;
      const objects = things.map(({ id, box, look, hidden, above }) => ({
        box,
        look: hidden ? faded : look!,
        stream: id,
        above,
      }));
      return { rgb: drawObjects(drawn.options, drawn.index, objects).pixels, width, height };
    }
    const hidden = things.filter((thing) => thing.hidden);
    if (hidden.length === 0) return photo!.pixels;
    const rgb = photo!.pixels.rgb.slice();
    for (const { box: [x1, y1, x2, y2] } of hidden) {
      for (let y = Math.max(0, Math.round(y1)); y <= Math.min(height - 1, y2); y++) {
        for (let x = Math.max(0, Math.round(x1)); x <= Math.min(width - 1, x2); x++) rgb.set(GREY, 3 * (y * width + x));
      }
    }
    return { rgb, width, height };
  }

  /** Moves a thing by whole pixels, as far as the picture goes. */
  move(id: number, dx: number, dy: number): void {
    this.#change(id, ({ box: [x1, y1, x2, y2] }) => {
      const x = clamp(Math.round(dx), -x1, this.width - 1 - x2), y = clamp(Math.round(dy), -y1, this.height - 1 - y2);
      return { box: [x1 + x, y1 + y, x2 + x, y2 + y] };
    });
  }

  /** Puts the lower right corner of a thing elsewhere. */
  resize(id: number, x: number, y: number): void {
    this.#change(id, ({ box: [x1, y1] }) => ({
      box: [
        x1,
        y1,
        clamp(Math.round(x), x1 + LEAST_SIDE - 1, this.width - 1),
        clamp(Math.round(y), y1 + LEAST_SIDE - 1, this.height - 1),
      ],
    }));
  }

  /** Hides the look of a thing, or shows it again. */
  hide(id: number): void {
    this.#change(id, ({ hidden }) => ({ hidden: !hidden }));
  }

  /** Takes a thing away. */
  remove(id: number): void {
    this.#things = this.#things.filter((thing) => thing.id !== id);
  }

  /** Adds a thing; returns its number. `look` is that of a drawn one. */
  add(box: Box, look: number | null): number {
    const id = this.#next++;
    const thing = { id, box, label: null, look, hidden: false, above: true, added: true };
    this.#things = [...this.#things, thing];
    return id;
  }

  /** A box of that size where the fewest things are. */
  freeBox(width: number, height: number): Box {
    let best: Box = [0, 0, width - 1, height - 1], least = Infinity;
    const step = Math.max(1, Math.round(Math.min(this.width, this.height) / 32));
    for (let y = step; y + height < this.height; y += step) {
      for (let x = step; x + width < this.width; x += step) {
        const box: Box = [x, y, x + width - 1, y + height - 1];
        const covered = this.#things.reduce((sum, thing) => sum + overlap(thing.box, box), 0);
        if (covered < least) [best, least] = [box, covered];
      }
    }
    return best;
  }

  /** Makes everything as it was at first. */
  reset(): void {
    this.#things = this.#first;
  }

  #change(id: number, by: (thing: Thing) => Partial<Thing>): void {
    this.#things = this.#things.map((thing) => thing.id === id ? { ...thing, ...by(thing) } : thing);
  }
}

function thingsOf({ drawn, boxes, labels }: PageScene): Thing[] {
  const laid = drawn && layoutScene(drawn.options, drawn.index);
  const looks = laid && drawnObjects(laid), objects = laid && objectsOf(laid);
  return boxes.map((box, id) => ({
    id,
    box: objects?.[id].box ?? box,
    label: labels[id],
    look: looks?.[id].look ?? null,
    hidden: false,
    above: looks?.[id].above ?? true,
    added: false,
  }));
}

/** Names of the classes that a look may be; all of them where it is hidden or faded. */
export function classesOfLook(look: number): string[] {
  const { names, lookOf } = CONTEXT_TABLES;
  return names.filter((_, c) => lookOf[c] === look);
}

/** Number of looks of drawn scenes. */
export const LOOK_COUNT: number = CONTEXT_TABLES.looks.length;

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

function overlap(a: Box, b: Box): number {
  const along = (low: 0 | 1): number => Math.max(0, Math.min(a[low + 2], b[low + 2]) - Math.max(a[low], b[low]) + 1);
  return along(0) * along(1);
}
