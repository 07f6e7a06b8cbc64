/**
 * Corner cases of crop_and_resize whose results can be worked out by hand, on the image [[1, 2], [3, 4]]. They hold the
 * part of the contract TensorFlow has no values for (it has no box index that stands for none; here the crop of -1 is
 * the extrapolation value and nothing gets a gradient) beside the part `tests/fixtures/crop_and_resize.json` has from it.
 */

/** One crop of the image [[1, 2], [3, 4]]. */
export interface CropCase {
  readonly name: string;
  /** [y1, x1, y2, x2], normalised. */
  readonly box: readonly [number, number, number, number];
  readonly boxIndex: number;
  readonly size: readonly [number, number];
  readonly extrapolationValue: number;
  /** The crop, row by row. */
  readonly crop: readonly number[];
  /** Gradient of the crop's sum with respect to the image. */
  readonly imageGrad: readonly [number, number, number, number];
  /** Gradient of the crop's sum with respect to the box. */
  readonly boxGrad: readonly [number, number, number, number];
}

const NONE = [0, 0, 0, 0] as const;

/** The image of every case, shape [1, 2, 2, 1]. */
export const cropImage: readonly number[] = [1, 2, 3, 4];

/** Every case. Coordinates are sums of powers of two, so float32 meets them exactly. */
export const cropCases: readonly CropCase[] = [
  {
    name: "crop size 1 takes the middle of the box",
    box: [0.25, 0, 0.75, 0.5],
    boxIndex: 0,
    size: [1, 1],
    extrapolationValue: 0,
    // y = 0.5, x = 0.25: between rows (1, 2) and (3, 4).
    crop: [2.25],
    imageGrad: [0.375, 0.125, 0.375, 0.125],
    boxGrad: [1, 0.5, 1, 0.5],
  },
  {
    name: "the corners of a box are the centres of the first and last sample",
    box: [0, 0, 1, 1],
    boxIndex: 0,
    size: [2, 2],
    extrapolationValue: 0,
    crop: [1, 2, 3, 4],
    imageGrad: [1, 1, 1, 1],
    // Samples on cell centres have the same cell above and below: no slope.
    boxGrad: NONE,
  },
  {
    name: "a reversed box flips the crop",
    box: [1, 1, 0, 0],
    boxIndex: 0,
    size: [2, 2],
    extrapolationValue: 0,
    crop: [4, 3, 2, 1],
    imageGrad: [1, 1, 1, 1],
    boxGrad: NONE,
  },
  {
    name: "samples outside the image are the extrapolation value",
    box: [-0.5, 0.5, 0.5, 0.5],
    boxIndex: 0,
    size: [2, 1],
    extrapolationValue: -7,
    // The first sample is at y = -0.5, the second at y = 0.5; both at x = 0.5.
    crop: [-7, 2.5],
    imageGrad: [0.25, 0.25, 0.25, 0.25],
    boxGrad: [0, 0.5, 2, 0.5],
  },
  {
    name: "a box outside the image gives nothing but the extrapolation value",
    box: [1.5, 0, 2, 1],
    boxIndex: 0,
    size: [2, 2],
    extrapolationValue: 3,
    crop: [3, 3, 3, 3],
    imageGrad: NONE,
    boxGrad: NONE,
  },
  {
    name: "box index -1 gives the extrapolation value and no gradient",
    box: [0.25, 0.25, 0.75, 0.75],
    boxIndex: -1,
    size: [2, 2],
    extrapolationValue: 0.5,
    crop: [0.5, 0.5, 0.5, 0.5],
    imageGrad: NONE,
    boxGrad: NONE,
  },
];
