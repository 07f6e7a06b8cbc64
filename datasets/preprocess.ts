/** From 8-bit RGB to what the networks take: BGR, mean-subtracted, resized (the reference's lib/utils/blob.py). */

/** How large an image becomes. */
export interface ScaleOptions {
  /** Wanted shorter side, in pixels. */
  readonly target: number;
  /** Largest longer side, in pixels. */
  readonly max: number;
}

/** Channel means in BGR order, subtracted from 8-bit values; there is no division. */
export const BGR_MEANS: readonly [number, number, number] = [102.9801, 115.9465, 122.7717];

/** A decoded image: RGB bytes, row-major [height, width, 3]. */
export interface RgbImage {
  readonly rgb: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A network's input: [height, width, 3] BGR floats, and the factor from the original's pixels to its own. */
export interface PreparedImage {
  readonly image: Float32Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

/** The factor that brings the short side to `target` without the long side exceeding `max`. */
export function scaleFor(width: number, height: number, { target, max }: ScaleOptions): number {
  const [short, long] = width < height ? [width, height] : [height, width];
  const scale = target / short;
  return Math.round(scale * long) > max ? max / long : scale;
}

/**
 * Mirrors if asked, turns RGB into BGR minus the means, and resizes bilinearly with half-pixel centres and clamped borders
 * (OpenCV's INTER_LINEAR). The means are subtracted from the interpolated value, which equals interpolating what is left
 * after subtraction.
 */
export function prepareImage(source: RgbImage, flipped: boolean, options: ScaleOptions): PreparedImage {
  const { rgb, width, height } = source;
  const scale = scaleFor(width, height, options);
  const outWidth = Math.max(1, Math.round(width * scale));
  const outHeight = Math.max(1, Math.round(height * scale));
  const image = new Float32Array(outHeight * outWidth * 3);
  const columns = axis(width, outWidth, scale);
  const rows = axis(height, outHeight, scale);
  let at = 0;
  for (let y = 0; y < outHeight; y++) {
    const top = rows.low[y] * width;
    const bottom = rows.high[y] * width;
    const fy = rows.part[y];
    for (let x = 0; x < outWidth; x++) {
      const from = flipped ? outWidth - 1 - x : x;
      const left = columns.low[from];
      const right = columns.high[from];
      const fx = columns.part[from];
      for (let c = 0; c < 3; c++) {
        const channel = 2 - c;
        const a = rgb[(top + left) * 3 + channel];
        const b = rgb[(top + right) * 3 + channel];
        const d = rgb[(bottom + left) * 3 + channel];
        const e = rgb[(bottom + right) * 3 + channel];
        const upper = a + (b - a) * fx;
        const lower = d + (e - d) * fx;
        image[at++] = upper + (lower - upper) * fy - BGR_MEANS[c];
      }
    }
  }
  return { image, width: outWidth, height: outHeight, scale };
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
