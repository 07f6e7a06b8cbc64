/**
 * Drawing of the sets that a seed gives. Only sums, products, quotients and square roots of float64 reach a pixel, all of which
 * IEEE 754 rounds alike everywhere, so an image has the same bytes on every machine.
 */
import { type RandomStream, scramble } from "../../engine/base/random.ts";

/** A drawn image. */
export interface Canvas {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** RGB bytes, row-major [height, width, 3]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** The region visible at each pixel, [height, width]: 0 for none, 1 + region index (in record order) otherwise. */
  readonly regions: Uint8Array<ArrayBuffer>;
}

/** An image of nothing. */
export function blankCanvas(width: number, height: number): Canvas {
  return { width, height, pixels: new Uint8Array(width * height * 3), regions: new Uint8Array(width * height) };
}

/** Two muted colours, one fading into the other from top to bottom, with grain. */
export function drawBackground(picture: Canvas, random: RandomStream): void {
  const { width, height, pixels } = picture;
  const shade = () => {
    const grey = 100 + 70 * random.unit();
    return [0, 1, 2].map(() => grey + 24 * (random.unit() - 0.5));
  };
  const top = shade(), bottom = shade();
  const salt = random.bits();
  for (let y = 0, at = 0; y < height; y++) {
    const mix = y / (height - 1);
    for (let x = 0; x < width; x++) {
      const grain = grainAt(salt, x, y, 18) + grainAt(salt ^ 0x5bd1, x >> 3, y >> 3, 10);
      for (let c = 0; c < 3; c++) pixels[at++] = byte(top[c] + (bottom[c] - top[c]) * mix + grain);
    }
  }
}

/** Noise in [-range / 2, range / 2), from the pixel alone. */
export function grainAt(salt: number, x: number, y: number, range: number): number {
  return (scramble(salt + Math.imul(x, 0x9e3779b1) + Math.imul(y, 0x85ebca77)) / 2 ** 32 - 0.5) * range;
}

/** A colour value as a byte, cut to 0..255. */
export function byte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : Math.floor(value);
}
