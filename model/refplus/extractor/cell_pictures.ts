/** Pictures with the attributes of the object at each pixel, to train a {@link CellNetwork}. */
import { UserError } from "../../../engine/base/user_error.ts";
import { resizeBicubic } from "../../../datasets/refplus/encoding/bicubic.ts";
import { HEIGHT, WIDTH } from "../../../datasets/refplus/scenes/camera.ts";
import { ATTRIBUTE_NAMES, ATTRIBUTES } from "../../../datasets/refplus/scenes/catalogue.ts";
import { MaskResizer } from "../../../datasets/refplus/files/mask.ts";
import { ownersOf } from "../../../datasets/refplus/files/owners.ts";
import { pixelValues } from "../../../datasets/refplus/encoding/pixel_features.ts";
import { sizeComplaint } from "../../../datasets/images/picture_size.ts";
import { readPicture } from "../../../datasets/images/read_picture.ts";
import { listPictures } from "../../../datasets/refplus/files/pictures.ts";
import { readScenes } from "../../../datasets/refplus/files/read.ts";
import type { RgbImage } from "../../../datasets/images/preprocess.ts";
import type { Scene } from "../../../datasets/refplus/files/types.ts";
import type { Device, Tensor } from "../../../engine/mod.ts";

/** Sizes of pictures and cells. */
export interface CellGrid {
  readonly image: { readonly height: number; readonly width: number };
  /** Width of a cell in pixels. */
  readonly stride: number;
  /** Pixels along a cell's side that are classified one by one. */
  readonly detail: number;
}

/** A training picture with its labels. */
interface Example {
  readonly picture: RgbImage;
  /** Attribute after attribute: of each pixel, cell after cell, 0 for the ground or 1 + the value. */
  readonly labels: readonly Int32Array[];
}

/** All pictures of a split, in memory. */
export class CellPictures {
  readonly #examples: readonly Example[];
  readonly #columns: number;
  readonly #detail: number;

  private constructor(examples: readonly Example[], columns: number, detail: number) {
    this.#examples = examples;
    this.#columns = columns;
    this.#detail = detail;
  }

  /**
   * Reads pictures and scenes.
   *
   * @throws {UserError} when one is missing or broken.
   */
  static async open(folder: string, scenes: string, grid: CellGrid): Promise<CellPictures> {
    const paths = await listPictures(folder), { image: { height, width }, stride, detail } = grid;
    const rows = height / stride, columns = width / stride;
    const resizer = new MaskResizer(WIDTH, HEIGHT, columns * detail, rows * detail);
    const examples: Example[] = [];
    for await (const scene of readScenes(scenes)) {
      const path = paths[scene.image_index];
      if (path === undefined) throw new UserError(`${folder}: picture ${scene.image_index} of ${scenes} is missing`);
      const stored = await readPicture(path), wrong = sizeComplaint(stored, { width: WIDTH, height: HEIGHT });
      if (wrong) throw new UserError(`${path}: ${wrong}`, { path });
      const picture = resizeBicubic(stored, width, height);
      const labels = labelsOf(scene, resizer.corners(ownersOf(scene, scenes)), columns, detail);
      examples.push({ picture, labels });
    }
    if (examples.length === 0) throw new UserError(`${scenes}: has no scenes`);
    return new CellPictures(examples, columns, detail);
  }

  /** Number of pictures. */
  get size(): number {
    return this.#examples.length;
  }

  /**
   * Values [N, height, width, 3] of some pictures, the labels of all their pixels by attribute, and for each of these pixels
   * true where it is an object's; pictures where `mirrored` is true are flipped left to right.
   */
  batch(
    device: Device,
    indices: readonly number[],
    mirrored: readonly boolean[] = [],
  ): { readonly pictures: Tensor; readonly labels: Tensor[]; readonly objects: boolean[] } {
    const own = indices.map((i) => this.#examples[i]), { height, width } = own[0].picture;
    const values = new Float32Array(own.length * height * width * 3);
    own.forEach(({ picture }, i) => {
      const one = pixelValues(picture);
      values.set(mirrored[i] ? flipped(one, width, 3) : one, i * height * width * 3);
    });
    const labels = ATTRIBUTE_NAMES.map((_, a) => {
      const size = own[0].labels[a].length, all = new Int32Array(own.length * size);
      own.forEach(({ labels }, i) => {
        const one = mirrored[i] ? flippedCells(labels[a], this.#columns, this.#detail) : labels[a];
        all.set(one, i * size);
      });
      return all;
    });
    return {
      pictures: device.tensor(values, [own.length, height, width, 3]),
      labels: labels.map((all) => device.tensor(all)),
      objects: Array.from(labels[0], (label) => label > 0),
    };
  }
}

/** Values [rows, width, channels] flipped left to right. */
function flipped(values: Float32Array, width: number, channels: number): Float32Array {
  const out = new Float32Array(values.length), line = width * channels;
  for (let at = 0; at < values.length; at += channels) {
    const to = at - at % line + line - channels - at % line;
    for (let c = 0; c < channels; c++) out[to + c] = values[at + c];
  }
  return out;
}

/** Labels of pixels, cell after cell, flipped left to right. */
function flippedCells(labels: Int32Array, columns: number, detail: number): Int32Array {
  const within = detail * detail;
  return labels.map((_, at) => {
    const cell = Math.floor(at / within), column = cell % columns, x = at % detail;
    return labels[at + (columns - 1 - 2 * column) * within + detail - 1 - 2 * x];
  });
}

function labelsOf({ objects }: Scene, corners: Uint8Array, columns: number, detail: number): Int32Array[] {
  const pixels = corners.length / 4, width = columns * detail;
  // The object at a pixel is the one at all its corners: at borders there is none.
  const seen = corners.subarray(0, pixels).map((id, at) =>
    [1, 2, 3].every((k) => corners[at + k * pixels] === id) ? id : 0
  );
  return ATTRIBUTE_NAMES.map((name) => {
    const values = ATTRIBUTES[name] as readonly string[];
    const own = [0, ...objects.map((object) => 1 + values.indexOf(object[name]))];
    return Int32Array.from({ length: pixels }, (_, at) => {
      const cell = Math.floor(at / (detail * detail)), within = at % (detail * detail);
      const y = Math.floor(cell / columns) * detail + Math.floor(within / detail);
      const x = cell % columns * detail + within % detail;
      return own[seen[y * width + x]];
    });
  });
}
