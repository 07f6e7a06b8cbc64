/** Draws a hop scene: the group is an object's shape and colour, a witness's mark is painted on it. */
import { RandomStream } from "../../engine/base/random.ts";
import { blankCanvas, byte, type Canvas, drawBackground, grainAt } from "../drawing/canvas.ts";
import { fitOutline } from "../drawing/fit_outline.ts";
import { type Outline, OUTLINES } from "../drawing/outlines.ts";
import type { RgbImage } from "../images/preprocess.ts";
import { type HopObject, type HopScene, layoutHops, SPLIT_CODES, STREAMS } from "./layout.ts";
import type { HopOptions } from "./options.ts";

type Colour = readonly [number, number, number];

/** Looks of the groups, in their order. */
const GROUPS: readonly { readonly outline: Outline; readonly colour: Colour }[] = [
  { outline: OUTLINES.circle, colour: [200, 60, 50] },
  { outline: OUTLINES.plate, colour: [60, 170, 70] },
  { outline: OUTLINES.scallops, colour: [60, 90, 200] },
  { outline: OUTLINES.bell, colour: [210, 190, 60] },
];

const WHITE: Colour = [238, 238, 238], BLACK: Colour = [22, 22, 26];

const middle = (t: number): boolean => t > 0.4 && t < 0.6;
const within = (t: number): boolean => t > 0.22 && t < 0.78;
const edge = (t: number): boolean => within(t) && (t < 0.4 || t > 0.6);

/** Marks in their order: true at the points (u, v) of the box's unit square that are painted. All are their own mirror image. */
export const MARKS: readonly { readonly colour: Colour; readonly on: (u: number, v: number) => boolean }[] = [
  { colour: WHITE, on: () => false },
  { colour: WHITE, on: (u, v) => within(u) && middle(v) },
  { colour: WHITE, on: (u, v) => middle(u) && within(v) },
  { colour: WHITE, on: (u, v) => middle(u) && within(v) || within(u) && middle(v) },
  { colour: WHITE, on: (u, v) => within(u) && within(v) },
  { colour: BLACK, on: (u, v) => middle(u) && middle(v) },
  { colour: BLACK, on: (u, v) => within(u) && within(v) && !(middle(u) && middle(v)) },
  { colour: BLACK, on: (u, v) => edge(u) && within(v) },
  { colour: BLACK, on: (u, v) => within(u) && edge(v) },
];

/** Draws image `index` of a split; `scene` may be given where it is already laid out. */
export function drawHops(options: HopOptions, index: number, scene: HopScene = layoutHops(options, index)): Canvas {
  const path = [SPLIT_CODES[options.split], index] as const;
  const canvas = blankCanvas(options.width, options.height);
  const random = new RandomStream(options.seed, ...path, STREAMS.picture);
  drawBackground(canvas, random);
  const light = 0.88 + 0.22 * random.unit();
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
  const { outline, colour } = GROUPS[group], { colour: paint, on } = MARKS[mark];
  const shine = light * (0.94 + 0.12 * random.unit());
  const tint = [0, 1, 2].map(() => 16 * (random.unit() - 0.5));
  // The outlines are their own mirror image but for a pixel.
  const mirrored = random.unit() < 0.5;
  const salt = random.bits();
  const fit = fitOutline(outline, 0, mirrored, x2 - x1, y2 - y1);
  for (let y = y1; y <= y2; y++) {
    for (let x = x1; x <= x2; x++) {
      const distance = fit.distance(x - x1, y - y1);
      if (distance > 0.5) continue;
      const cover = distance > 0 ? 1 - distance : 1;
      const at = y * width + x, grain = grainAt(salt, x, y, 20);
      const painted = on((x - x1) / (x2 - x1), (y - y1) / (y2 - y1));
      regions[at] = id;
      for (let c = 0; c < 3; c++) {
        const own = (painted ? paint[c] : (colour[c] + tint[c]) * shine) + grain;
        pixels[at * 3 + c] = byte(own * cover + pixels[at * 3 + c] * (1 - cover));
      }
    }
  }
}
