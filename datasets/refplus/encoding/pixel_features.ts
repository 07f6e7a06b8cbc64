/**
 * Features without a pretrained network: each cell of the grid holds its own pixels and its position. Colours, materials and
 * shapes are then learnt by the execution engine's stem.
 */
import { UserError } from "../../../engine/base/user_error.ts";
import type { RgbImage } from "../../images/preprocess.ts";
import { resizeBicubic } from "./bicubic.ts";

/** Sizes of pixel features. */
export interface PixelOptions {
  /** Size a picture is squeezed to; multiples of `cell`. */
  readonly height: number;
  readonly width: number;
  /** Pixels along the side of a cell. */
  readonly cell: number;
}

/** About the mean and the deviation of generated and published pictures, which are mostly grey. */
const MEAN = 0.45, DEVIATION = 0.2;

/** The values of a picture, [height, width, 3]. */
export function pixelValues({ rgb }: RgbImage): Float32Array<ArrayBuffer> {
  const values = new Float32Array(rgb.length);
  for (let at = 0; at < rgb.length; at++) values[at] = (rgb[at] / 255 - MEAN) / DEVIATION;
  return values;
}

/** Centre of cell `index` of `count` along an axis that goes from −1 to 1. */
export function placeOf(index: number, count: number): number {
  return 2 * (index + 0.5) / count - 1;
}

/** [channels, rows, columns] of the features: cell² pixels of three colours, then y and x. */
export function pixelShape({ height, width, cell }: PixelOptions): readonly [number, number, number] {
  if (height % cell !== 0 || width % cell !== 0) {
    throw new UserError(`--cell ${cell}: ${width} × ${height} pixels are no whole number of such cells`);
  }
  return [3 * cell * cell + 2, height / cell, width / cell];
}

/** Features [channels, rows, columns] of a picture. y and x are the cell's centre, from −1 to 1. */
export function pixelFeatures(picture: RgbImage, options: PixelOptions): Float32Array<ArrayBuffer> {
  const { height, width, cell } = options;
  const [channels, rows, columns] = pixelShape(options);
  const values = pixelValues(resizeBicubic(picture, width, height));
  const out = new Float32Array(channels * rows * columns), plane = rows * columns;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let at = row * columns + column;
      for (let y = 0; y < cell; y++) {
        for (let x = 0; x < cell; x++) {
          const pixel = ((row * cell + y) * width + column * cell + x) * 3;
          for (let c = 0; c < 3; c++, at += plane) out[at] = values[pixel + c];
        }
      }
      out[at] = placeOf(row, rows);
      out[at + plane] = placeOf(column, columns);
    }
  }
  return out;
}
