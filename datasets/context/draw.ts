/**
 * Draws a context scene. Only sums, products, quotients and square roots of float64 reach a pixel, all of which IEEE 754
 * rounds alike everywhere, so an image has the same bytes on every machine.
 */
import { RandomStream, scramble } from "../../engine/base/random.ts";
import type { RgbImage } from "../images/preprocess.ts";
import { type ContextScene, layoutScene, objectsOf, type SceneObject, SPLIT_CODES, STREAMS } from "./layout.ts";
import { type Look, LOOKS } from "./looks.ts";
import type { ContextOptions } from "./options.ts";
import { OUTLINES } from "./shapes.ts";
import { CONTEXT_TABLES, type ContextTables } from "./tables.ts";

/** A drawn image. */
export interface ContextPicture {
  readonly width: number;
  readonly height: number;
  /** RGB bytes, row-major [height, width, 3]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** The region visible at each pixel, [height, width]: 0 for none, 1 + region index (in record order) otherwise. */
  readonly regions: Uint8Array<ArrayBuffer>;
}

/** Draws image `index` of a split; `scene` may be given where it is already laid out. */
export function drawContext(
  options: ContextOptions,
  index: number,
  tables: ContextTables = CONTEXT_TABLES,
  scene: ContextScene = layoutScene(options, index, tables),
): ContextPicture {
  const split = SPLIT_CODES[options.split];
  const { width, height } = options;
  const picture = {
    width,
    height,
    pixels: new Uint8Array(width * height * 3),
    regions: new Uint8Array(width * height),
  };
  const random = new RandomStream(options.seed, split, index, STREAMS.picture);
  drawBackground(picture, random);
  const light = 0.88 + 0.22 * random.unit();
  const objects = objectsOf(scene);
  const drawOne = (region: number) => {
    const stream = new RandomStream(options.seed, split, index, STREAMS.object, region);
    drawObject(picture, objects[region], region + 1, tables, light, stream);
  };
  // Hosts first: a guest inside its host covers part of it.
  scene.order.forEach((code, region) => code % 2 === 0 && drawOne(region));
  scene.order.forEach((code, region) => code % 2 === 1 && drawOne(region));
  return picture;
}

/** The pixels of image `index`, in the form that the image loader asks for. */
export function drawImage(options: ContextOptions, index: number): RgbImage {
  const { pixels, width, height } = drawContext(options, index);
  return { rgb: pixels, width, height };
}

/** Two muted colours, one fading into the other from top to bottom, with grain. The same for all scene types. */
function drawBackground(picture: ContextPicture, random: RandomStream): void {
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

function drawObject(
  picture: ContextPicture,
  object: SceneObject,
  id: number,
  tables: ContextTables,
  light: number,
  random: RandomStream,
): void {
  const faded = object.look === tables.looks.length;
  const look = faded ? undefined : LOOKS[tables.looks[object.look]];
  // The same draws for every look, so that none differs in its jitter.
  const mirrored = random.unit() < 0.5;
  const t = 0.08 * (2 * random.unit() - 1);
  const shine = light * (0.9 + 0.2 * random.unit());
  const tint = [0, 1, 2].map(() => 24 * (random.unit() - 0.5));
  const salt = random.bits();
  const outline: Look["outline"] = look?.outline ?? OUTLINES.patch;
  const [x1, y1, x2, y2] = object.box;
  const fit = fitOutline(outline, t, mirrored, x2 - x1, y2 - y1);
  const { pixels, regions, width } = picture;
  for (let y = y1; y <= y2; y++) {
    for (let x = x1; x <= x2; x++) {
      const distance = fit.distance(x - x1, y - y1);
      // Half a pixel of slack: each extreme corner lies on the box's border, at most half a pixel from a pixel centre.
      if (distance > 0.5) continue;
      const cover = distance > 0 ? 1 - distance : 1;
      const at = y * width + x;
      regions[at] = id;
      const grain = grainAt(salt, x, y, faded ? 110 : 26);
      const colour = look === undefined ? undefined : look.colours[fit.paint(look, x - x1, y - y1)];
      const edge = distance > -1 && look !== undefined ? 0.6 : 1;
      for (let c = 0; c < 3; c++) {
        const value = colour === undefined ? 135 : (colour[c] + tint[c]) * shine * edge;
        const own = value + grain;
        pixels[at * 3 + c] = byte(own * cover + pixels[at * 3 + c] * (1 - cover));
      }
    }
  }
}

/**
 * An outline turned by the angle whose half has tangent `t`, then stretched so that its pixel extent is exactly
 * [0, right] × [0, bottom].
 */
function fitOutline(outline: Look["outline"], t: number, mirrored: boolean, right: number, bottom: number) {
  const cos = (1 - t * t) / (1 + t * t), sin = 2 * t / (1 + t * t);
  const turned = outline.map(([u, v]) => {
    const x = (mirrored ? 1 - u : u) - 0.5, y = v - 0.5;
    return [cos * x - sin * y, sin * x + cos * y] as const;
  });
  const left = Math.min(...turned.map(([x]) => x)), top = Math.min(...turned.map(([, y]) => y));
  const spanX = Math.max(...turned.map(([x]) => x)) - left, spanY = Math.max(...turned.map(([, y]) => y)) - top;
  const corners = Float64Array.from(
    turned.flatMap(([x, y]) => [(x - left) / spanX * right, (y - top) / spanY * bottom]),
  );
  return {
    /** Signed distance in pixels from the outline, negative inside. */
    distance: (x: number, y: number) => signedDistance(corners, x, y),
    /** Colour index at a pixel. */
    paint(look: Look, x: number, y: number): number {
      const a = x / right * spanX + left, b = y / bottom * spanY + top;
      const u = cos * a + sin * b + 0.5;
      return look.paint(mirrored ? 1 - u : u, cos * b - sin * a + 0.5);
    },
  };
}

function signedDistance(corners: Float64Array, x: number, y: number): number {
  const last = corners.length;
  let nearest = Infinity, inside = false;
  let px = corners[last - 2], py = corners[last - 1];
  for (let i = 0; i < last; i += 2) {
    const qx = corners[i], qy = corners[i + 1];
    const ex = qx - px, ey = qy - py, wx = x - px, wy = y - py;
    let along = (wx * ex + wy * ey) / (ex * ex + ey * ey);
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    const dx = wx - along * ex, dy = wy - along * ey;
    const squared = dx * dx + dy * dy;
    if (squared < nearest) nearest = squared;
    if ((py > y) !== (qy > y) && x < px + ex * (y - py) / ey) inside = !inside;
    px = qx;
    py = qy;
  }
  const distance = Math.sqrt(nearest);
  return inside ? -distance : distance;
}

/** Noise in [-range / 2, range / 2), from the pixel alone. */
function grainAt(salt: number, x: number, y: number, range: number): number {
  return (scramble(salt + Math.imul(x, 0x9e3779b1) + Math.imul(y, 0x85ebca77)) / 2 ** 32 - 0.5) * range;
}

function byte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : Math.floor(value);
}
