/** Masks of scenes, kept as run lengths and resized when they are needed. */
import { UserError } from "../../../engine/base/user_error.ts";
import { HEIGHT, WIDTH } from "../scenes/camera.ts";
import { MaskResizer } from "./mask.ts";
import { readScenes } from "./read.ts";
import { decodeRuns } from "./rle.ts";
import type { Scene } from "./types.ts";

/** The smaller of the two sizes that mask files have. */
const SMALL = { width: 320, height: 240 };

/**
 * Reads a scene file as far as the pictures asked for.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const place = { "3d_coords": [0, 0, 0.7], pixel_coords: [240, 160, 9] };
 * const scene = {
 *   image_index: 0,
 *   image_filename: "a.png",
 *   objects: [{ size: "large", color: "red", material: "metal", shape: "cube", ...place }],
 *   relationships: { left: [[]], right: [[]], behind: [[]], front: [[]] },
 *   obj_mask: { 1: "76800,76800" }, // the lower half of 480 × 320 pixels
 *   obj_bbox: { 1: [0, 160, 480, 160] },
 * };
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, JSON.stringify({ info: {}, scenes: [scene] }));
 * await using masks = new refplus.SceneMasks(file, 3, 2);
 * deepStrictEqual([...await masks.union(0, [0], "the example")], [0, 0, 0, 1, 1, 1]);
 * await Deno.remove(file);
 * ```
 */
export class SceneMasks implements AsyncDisposable {
  readonly #file: string;
  readonly #scenes: AsyncGenerator<Scene>;
  readonly #width: number;
  readonly #height: number;
  /** Run lengths of each object's mask, by image index: about half a kilobyte an object. */
  readonly #runs = new Map<number, readonly Uint32Array[]>();
  readonly #resizers = new Map<number, MaskResizer>();

  /** Masks of the scenes in `file`, resized to [height, width]. */
  constructor(file: string, width: number, height: number) {
    this.#file = file;
    this.#scenes = readScenes(file);
    this.#width = width;
    this.#height = height;
  }

  /**
   * The union of the masks of `objects`, indices from 0, of picture `image`: [height, width] of 0 and 1. `asker` is
   * named in errors.
   *
   * @throws {UserError} when the picture or an object is not there, or a mask is broken.
   */
  async union(image: number, objects: readonly number[], asker: string): Promise<Uint8Array<ArrayBuffer>> {
    const masks = await this.#find(image, asker);
    const pixels = masks[0]?.reduce((sum, run) => sum + run, 0) ?? WIDTH * HEIGHT;
    const whole = new Uint8Array(pixels);
    for (const object of objects) {
      if (!masks[object]) throw new UserError(`${asker}: object ${object} is not in picture ${image}`);
      let at = 0;
      masks[object].forEach((run, i) => {
        if (i % 2 === 1) whole.fill(1, at, at + run);
        at += run;
      });
    }
    return this.#resizer(pixels).resize(whole);
  }

  /** Reads the scenes that nobody asked for. Throws {@link UserError} where one is broken, or of a picture seen before. */
  async readRest(): Promise<void> {
    while (!(await this.#scenes.next()).done);
  }

  /** Stops reading. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scenes.return(undefined);
  }

  async #find(image: number, asker: string): Promise<readonly Uint32Array[]> {
    for (;;) {
      const found = this.#runs.get(image);
      if (found) return found;
      const { value: scene, done } = await this.#scenes.next();
      if (!done) this.#runs.set(scene.image_index, scene.objects.map((_, i) => this.#parse(scene, i)));
      // Of several that ask at once, another may have read the scene meanwhile.
      else if (!this.#runs.has(image)) throw new UserError(`${asker}: picture ${image} is not in ${this.#file}`);
    }
  }

  #parse(scene: Scene, object: number): Uint32Array {
    const runs = scene.obj_mask[String(object + 1)];
    const lengths = Uint32Array.from(runs.split(","), Number);
    const pixels = lengths.reduce((sum, run) => sum + run, 0);
    try {
      decodeRuns(runs, pixels === SMALL.width * SMALL.height ? pixels : WIDTH * HEIGHT);
    } catch (error) {
      const field = `image_index ${scene.image_index}: obj_mask.${object + 1}`;
      throw new UserError(`${this.#file}: ${field}: ${(error as Error).message}`);
    }
    return lengths;
  }

  #resizer(pixels: number): MaskResizer {
    const found = this.#resizers.get(pixels);
    if (found) return found;
    const [width, height] = pixels === WIDTH * HEIGHT ? [WIDTH, HEIGHT] : [SMALL.width, SMALL.height];
    const made = new MaskResizer(width, height, this.#width, this.#height);
    this.#resizers.set(pixels, made);
    return made;
  }
}
