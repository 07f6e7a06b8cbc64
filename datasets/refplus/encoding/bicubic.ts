/**
 * Bicubic resizing of 8-bit pictures as Pillow does it, which the reference's features went through
 * (papers/iep-ref.md#features).
 */
import type { RgbImage } from "../../images/preprocess.ts";

/** Pillow's fixed point: weights are whole multiples of 2⁻²². */
const PRECISION = 22;

/** The weights of one output position: its first input and as many weights as inputs that it reads. */
interface Weights {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Keys' kernel with a = −½. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/** Weights of an axis; where it shrinks the kernel is widened, so that every input counts. */
function axis(source: number, target: number): Weights[] {
  const scale = source / target, widening = Math.max(1, scale), support = 2 * widening;
  return Array.from({ length: target }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(source, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - first }, (_, k) => cubic((k + first - centre + 0.5) / widening));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: raw.map((w) => roundHalfAway(w / sum * 2 ** PRECISION)) };
  });
}

function roundHalfAway(x: number): number {
  return Math.trunc(x + (x < 0 ? -0.5 : 0.5));
}

/** A picture [height, width, 3] of 8 bits resized to `width` × `height`; rounded to 8 bits after each of both passes. */
export function resizeBicubic({ rgb, width: from, height: lines }: RgbImage, width: number, height: number): RgbImage {
  const across = from === width ? rgb : pass(rgb, axis(from, width), lines, from * 3, 3, width * 3);
  if (lines === height) return { rgb: across, width, height };
  const rows = axis(lines, height), out = new Uint8Array(height * width * 3);
  rows.forEach(({ first, weights }, y) => {
    for (let at = 0; at < width * 3; at++) {
      out[y * width * 3 + at] = blend(across, first * width * 3 + at, width * 3, weights);
    }
  });
  return { rgb: out, width, height };
}

/** The horizontal pass over `lines` lines. */
function pass(
  data: Uint8Array,
  columns: readonly Weights[],
  lines: number,
  lineIn: number,
  channels: number,
  lineOut: number,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(lines * lineOut);
  for (let y = 0; y < lines; y++) {
    columns.forEach(({ first, weights }, x) => {
      for (let c = 0; c < channels; c++) {
        out[y * lineOut + x * channels + c] = blend(data, y * lineIn + first * channels + c, channels, weights);
      }
    });
  }
  return out;
}

/** Σ weight · value over values `stride` apart from `at` on, rounded and held within 8 bits. */
function blend(data: Uint8Array, at: number, stride: number, weights: readonly number[]): number {
  let sum = 2 ** (PRECISION - 1);
  for (let k = 0; k < weights.length; k++) sum += weights[k] * data[at + k * stride];
  return Math.min(255, Math.max(0, Math.floor(sum / 2 ** PRECISION)));
}
