/** Draws a context scene. */
import { RandomStream } from "../../engine/base/random.ts";
import { blankCanvas, byte, type Canvas, drawBackground, grainAt } from "../drawing/canvas.ts";
import { fitOutline } from "../drawing/fit_outline.ts";
import { OUTLINES } from "../drawing/outlines.ts";
import type { RgbImage } from "../images/preprocess.ts";
import { type ContextScene, layoutScene, objectsOf, type SceneObject, SPLIT_CODES, STREAMS } from "./layout.ts";
import { type Look, LOOKS } from "./looks.ts";
import type { ContextOptions } from "./options.ts";
import { CONTEXT_TABLES, type ContextTables } from "./tables.ts";

/** An object as it is drawn. */
export interface DrawnObject extends Pick<SceneObject, "look" | "box"> {
  /** Number of the random stream that its tint, turn and grain come from: an object's own, wherever it is moved. */
  readonly stream: number;
  /** True where it lies above those that are not: a guest covers part of its host. */
  readonly above: boolean;
}

/** The objects of a scene as they are drawn, in region order. */
export function drawnObjects(scene: ContextScene): DrawnObject[] {
  const objects = objectsOf(scene);
  return Array.from(scene.order, (code, region) => {
    const { look, box } = objects[region];
    return { look, box, stream: region, above: code % 2 === 1 };
  });
}

/** Draws image `index` of a split; `scene` may be given where it is already laid out. */
export function drawContext(
  options: ContextOptions,
  index: number,
  tables: ContextTables = CONTEXT_TABLES,
  scene: ContextScene = layoutScene(options, index, tables),
): Canvas {
  return drawObjects(options, index, drawnObjects(scene), tables);
}

/** Draws objects, whichever they are, before the background and in the light of image `index`. */
export function drawObjects(
  options: ContextOptions,
  index: number,
  objects: readonly DrawnObject[],
  tables: ContextTables = CONTEXT_TABLES,
): Canvas {
  const split = SPLIT_CODES[options.split];
  const picture = blankCanvas(options.width, options.height);
  const random = new RandomStream(options.seed, split, index, STREAMS.picture);
  drawBackground(picture, random);
  const light = 0.88 + 0.22 * random.unit();
  for (const above of [false, true]) {
    objects.forEach((object, region) => {
      if (object.above !== above) return;
      const stream = new RandomStream(options.seed, split, index, STREAMS.object, object.stream);
      drawObject(picture, object, region + 1, tables, light, stream);
    });
  }
  return picture;
}

/** The pixels of image `index`, in the form that the image loader asks for. */
export function drawImage(options: ContextOptions, index: number): RgbImage {
  const { pixels, width, height } = drawContext(options, index);
  return { rgb: pixels, width, height };
}

function drawObject(
  picture: Canvas,
  object: Pick<SceneObject, "look" | "box">,
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
      const colour = look === undefined ? undefined : look.colours[look.paint(...fit.onUnitSquare(x - x1, y - y1))];
      const edge = distance > -1 && look !== undefined ? 0.6 : 1;
      for (let c = 0; c < 3; c++) {
        const value = colour === undefined ? 135 : (colour[c] + tint[c]) * shine * edge;
        const own = value + grain;
        pixels[at * 3 + c] = byte(own * cover + pixels[at * 3 + c] * (1 - cover));
      }
    }
  }
}
