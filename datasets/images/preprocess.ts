/** From 8-bit RGB to what the networks take: normalised and resized (the reference's lib/utils/blob.py). */

/**
 * Normalisation of pixels: `caffe`, BGR minus the reference's means, not divided; `torchvision`, RGB / 255 minus ImageNet's
 * means, divided by its deviations; `port`, the same with the means and deviations of red and blue swapped, as the
 * reference's PyTorch port has it (papers/iterative-reasoning.md#the-port). Weights come with the one they were trained
 * on.
 */
export type Normalisation = "caffe" | "torchvision" | "port";

/** Size of a prepared image, and normalisation of its values. */
export interface ScaleOptions {
  /** Wanted shorter side, in pixels. */
  readonly target: number;
  /** Largest longer side, in pixels. */
  readonly max: number;
  /** Default `caffe`. */
  readonly normalise?: Normalisation;
}

/** A network's channels: where each lies in RGB, and the mean and deviation that make (v − mean) / deviation of 8 bits. */
export interface Channels {
  readonly rgb: readonly [number, number, number];
  readonly means: readonly [number, number, number];
  readonly deviations: readonly [number, number, number];
}

/** ImageNet's mean and deviation of 8 bits in red, green and blue. */
const [R, G, B] = [[0.485, 0.229], [0.456, 0.224], [0.406, 0.225]].map((pair) => pair.map((v) => 255 * v));

/** The channels of each normalisation. */
export const CHANNELS: Readonly<Record<Normalisation, Channels>> = {
  caffe: { rgb: [2, 1, 0], means: [102.9801, 115.9465, 122.7717], deviations: [1, 1, 1] },
  torchvision: { rgb: [0, 1, 2], means: [R[0], G[0], B[0]], deviations: [R[1], G[1], B[1]] },
  port: { rgb: [0, 1, 2], means: [B[0], G[0], R[0]], deviations: [B[1], G[1], R[1]] },
};

/** A decoded image: RGB bytes, row-major [height, width, 3]. */
export interface RgbImage {
  /** Bytes of the pixels. */
  readonly rgb: Uint8Array;
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
}

/** A network's input: [height, width, 3] floats, and the factor from the original's pixels to its own. */
export interface PreparedImage {
  readonly image: Float32Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

/** The nearest whole number, of two equally near the even one, as NumPy and OpenCV round: 562.5 becomes 562. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + below % 2 : Math.round(value);
}

/** The factor that brings the short side to `target` without the long side, rounded, exceeding `max`. */
export function scaleFor(width: number, height: number, { target, max }: ScaleOptions): number {
  const [short, long] = width < height ? [width, height] : [height, width];
  const scale = target / short;
  return roundHalfToEven(scale * long) > max ? max / long : scale;
}

/**
 * Mirrors if asked, then normalises, and resizes bilinearly with half-pixel centres and clamped borders (OpenCV's
 * INTER_LINEAR). The means are subtracted from the interpolated value, which equals interpolating what is left after
 * subtraction.
 */
export function prepareImage(source: RgbImage, flipped: boolean, options: ScaleOptions): PreparedImage {
  const { rgb, width, height } = source;
  const { rgb: channels, means, deviations } = CHANNELS[options.normalise ?? "caffe"];
  const scale = scaleFor(width, height, options);
  const outWidth = Math.max(1, roundHalfToEven(width * scale));
  const outHeight = Math.max(1, roundHalfToEven(height * scale));
  const image = new Float32Array(outHeight * outWidth * 3);
  const columns = axis(width, outWidth, scale);
  const rows = axis(height, outHeight, scale);
  const column = (x: number): number => flipped ? width - 1 - x : x;
  let at = 0;
  for (let y = 0; y < outHeight; y++) {
    const top = rows.low[y] * width;
    const bottom = rows.high[y] * width;
    const fy = rows.part[y];
    for (let x = 0; x < outWidth; x++) {
      const left = column(columns.low[x]);
      const right = column(columns.high[x]);
      const fx = columns.part[x];
      for (let c = 0; c < 3; c++) {
        const channel = channels[c];
        const a = rgb[(top + left) * 3 + channel];
        const b = rgb[(top + right) * 3 + channel];
        const d = rgb[(bottom + left) * 3 + channel];
        const e = rgb[(bottom + right) * 3 + channel];
        const upper = a + (b - a) * fx;
        const lower = d + (e - d) * fx;
        image[at++] = (upper + (lower - upper) * fy - means[c]) / deviations[c];
      }
    }
  }
  return { image, width: outWidth, height: outHeight, scale };
}

/** The values of an image as it is, [height, width, 3]. */
export function normalised({ rgb }: RgbImage, normalise: Normalisation): Float32Array<ArrayBuffer> {
  const { rgb: channels, means, deviations } = CHANNELS[normalise];
  return Float32Array.from(rgb, (_, i) => (rgb[i - i % 3 + channels[i % 3]] - means[i % 3]) / deviations[i % 3]);
}

/** For each output cell along an axis: the cells it lies between, and how far from the first. */
function axis(size: number, out: number, scale: number) {
  const low = new Int32Array(out);
  const high = new Int32Array(out);
  const part = new Float64Array(out);
  for (let i = 0; i < out; i++) {
    const p = Math.min(Math.max((i + 0.5) / scale - 0.5, 0), size - 1);
    low[i] = Math.floor(p);
    high[i] = Math.min(low[i] + 1, size - 1);
    part[i] = p - low[i];
  }
  return { low, high, part };
}

/** Boxes [n, 4] mirrored in an image of `width` pixels: x1' = width − 1 − x2, x2' = width − 1 − x1. */
export function flipBoxes(boxes: Float32Array, width: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(boxes);
  for (let i = 0; i < boxes.length; i += 4) {
    out[i] = width - 1 - boxes[i + 2];
    out[i + 2] = width - 1 - boxes[i];
  }
  return out;
}
