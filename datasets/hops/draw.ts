/** Draws a hop scene: the group is an object's shape and colour, a witness's mark is painted on it. */
import { RandomStream } from "../../engine/base/random.ts";
import { blankCanvas, byte, type Canvas, drawBackground, grainAt } from "../drawing/canvas.ts";
import { fitOutline } from "../drawing/fit_outline.ts";
import { type Outline, OUTLINES } from "../drawing/outlines.ts";
import type { RgbImage } from "../images/preprocess.ts";
import { type HopObject, type HopScene, layoutHops, SPLIT_CODES, STREAMS } from "./layout.ts";
import type { HopOptions } from "./options.ts";

/** Red, green, blue, 0..255. */
export type Colour = readonly [number, number, number];

/** Looks of the groups, in their order. */
const GROUPS: readonly { readonly outline: Outline; readonly colour: Colour }[] = [
  { outline: OUTLINES.circle, colour: [200, 60, 50] },
  { outline: OUTLINES.plate, colour: [60, 170, 70] },
  { outline: OUTLINES.scallops, colour: [60, 90, 200] },
  { outline: OUTLINES.bell, colour: [210, 190, 60] },
];

const WHITE: Colour = [240, 240, 240], BLACK: Colour = [20, 20, 20];
const MAGENTA: Colour = [235, 40, 220], CYAN: Colour = [40, 230, 235];

/** Upper and lower colour of each mark, in their order: one colour shows the member, two show a bit of it. None is unmarked. */
const MARKS: readonly (readonly [upper: Colour, lower: Colour] | null)[] = [
  null,
  [WHITE, WHITE],
  [BLACK, BLACK],
  [MAGENTA, MAGENTA],
  [CYAN, CYAN],
  [WHITE, BLACK],
  [BLACK, WHITE],
  [MAGENTA, CYAN],
  [CYAN, MAGENTA],
];

/** Colour of a mark at the point (u, v) of the box's unit square; null outside it. Every mark is its own mirror image. */
export function markAt(mark: number, u: number, v: number): Colour | null {
  const colours = MARKS[mark];
  if (!colours || Math.abs(u - 0.5) > 0.34 || Math.abs(v - 0.5) > 0.34) return null;
  return colours[v < 0.5 ? 0 : 1];
}

/** Draws image `index` of a split; `scene` may be given where it is already laid out. */
export function drawHops(options: HopOptions, index: number, scene: HopScene = layoutHops(options, index)): Canvas {
  const path = [SPLIT_CODES[options.split], index] as const;
  const canvas = blankCanvas(options.width, options.height);
  const random = new RandomStream(options.seed, ...path, STREAMS.picture);
  drawBackground(canvas, random);
  const light = 0.94 + 0.12 * random.unit();
  scene.objects.forEach((object, region) =>
    drawObject(canvas, object, region + 1, light, new RandomStream(options.seed, ...path, STREAMS.object, region))
  );
  return canvas;
}

/** The pixels of image `index`, in the form that the image loader asks for. */
export function drawImage(options: HopOptions, index: number): RgbImage {
  const { pixels, width, height } = drawHops(options, index);
  return { rgb: pixels, width, height };
}

function drawObject(
  { pixels, regions, width }: Canvas,
  { group, mark, box: [x1, y1, x2, y2] }: HopObject,
  id: number,
  light: number,
  random: RandomStream,
): void {
  const { outline, colour } = GROUPS[group];
  const shine = light * (0.94 + 0.12 * random.unit());
  const tint = [0, 1, 2].map(() => 10 * (random.unit() - 0.5));
  // The outlines are their own mirror image but for a pixel.
  const mirrored = random.unit() < 0.5;
  const salt = random.bits();
  const fit = fitOutline(outline, 0, mirrored, x2 - x1, y2 - y1);
  for (let y = y1; y <= y2; y++) {
    for (let x = x1; x <= x2; x++) {
      const distance = fit.distance(x - x1, y - y1);
      if (distance > 0.5) continue;
      const cover = distance > 0 ? 1 - distance : 1;
      const at = y * width + x, grain = grainAt(salt, x, y, 12);
      const paint = markAt(mark, (x - x1) / (x2 - x1), (y - y1) / (y2 - y1));
      regions[at] = id;
      for (let c = 0; c < 3; c++) {
        const own = (paint ? paint[c] : (colour[c] + tint[c]) * shine) + grain;
        pixels[at * 3 + c] = byte(own * cover + pixels[at * 3 + c] * (1 - cover));
      }
    }
  }
}
