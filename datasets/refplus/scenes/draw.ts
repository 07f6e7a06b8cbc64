/** Draws a laid out scene. The same key gives the same bytes on every machine: see `geometry.ts`. */
import { scramble } from "../../../engine/base/random.ts";
import { HEIGHT, ray, WIDTH } from "./camera.ts";
import { Light } from "./light.ts";
import type { Layout, PictureKey } from "./place.ts";

/** Side of the grid of rays where neighbouring pixels differ much. */
const GRID = 3;

/** A difference of brightness, in square roots of linear light, that is visible as an edge. */
const EDGE = 0.045;

/** RGB bytes, row-major [HEIGHT, WIDTH, 3]. */
export function drawPicture(key: PictureKey, layout: Layout): Uint8Array<ArrayBuffer> {
  const { camera, coverage: { owner, distance } } = layout;
  const light = new Light(key, layout);
  const seen = new Float64Array(3);
  // Square roots of linear light: near enough to how bright a screen looks, and the gamma of the picture.
  const values = new Float32Array(WIDTH * HEIGHT * 3);
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, at++) {
      light.look(camera.position, ray(camera, x + 0.5, y + 0.5), owner[at] - 1, distance[at], scramble(at), seen);
      for (let c = 0; c < 3; c++) values[3 * at + c] = Math.sqrt(seen[c]);
    }
  }
  const smooth = values.slice();
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, at++) {
      if (!isStep(values, owner, x, y)) continue;
      const sum = [0, 0, 0];
      for (let sample = 0; sample < GRID * GRID; sample++) {
        const u = (sample % GRID + 0.5) / GRID, v = (Math.floor(sample / GRID) + 0.5) / GRID;
        light.trace(camera.position, ray(camera, x + u, y + v), scramble(at + sample * WIDTH * HEIGHT), seen);
        for (let c = 0; c < 3; c++) sum[c] += Math.min(1, seen[c]);
      }
      for (let c = 0; c < 3; c++) smooth[3 * at + c] = Math.sqrt(sum[c] / (GRID * GRID));
    }
  }
  return toBytes(smooth, scramble(key.seed ^ scramble(key.index)));
}

/** True where a pixel differs much from a neighbour, or belongs to another object. */
function isStep(values: Float32Array, owner: Uint8Array, x: number, y: number): boolean {
  const at = y * WIDTH + x;
  return (x > 0 && differ(values, owner, at, at - 1)) || (x < WIDTH - 1 && differ(values, owner, at, at + 1)) ||
    (y > 0 && differ(values, owner, at, at - WIDTH)) || (y < HEIGHT - 1 && differ(values, owner, at, at + WIDTH));
}

function differ(values: Float32Array, owner: Uint8Array, a: number, b: number): boolean {
  return owner[a] !== owner[b] || Math.abs(values[3 * a] - values[3 * b]) > EDGE ||
    Math.abs(values[3 * a + 1] - values[3 * b + 1]) > EDGE || Math.abs(values[3 * a + 2] - values[3 * b + 2]) > EDGE;
}

/** Bytes with a little grain, without which the ground would show bands. */
function toBytes(values: Float32Array, salt: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length);
  for (let pixel = 0, i = 0; i < values.length; pixel++) {
    const grain = scramble(salt + pixel) / 2 ** 32 * 4 - 2;
    for (const end = i + 3; i < end; i++) {
      bytes[i] = Math.min(255, Math.max(0, Math.floor(values[i] * 255 + grain + 0.5)));
    }
  }
  return bytes;
}
