/** A generated picture with its scene record. */
import { project } from "./camera.ts";
import { drawPicture } from "./draw.ts";
import { type Layout, layOut, type PictureKey, relationships } from "./place.ts";
import { encodeRuns } from "../files/rle.ts";
import { imageName, type Scene } from "../files/types.ts";

/** A picture and its scene. */
export interface Picture {
  readonly scene: Scene;
  /** RGB bytes, row-major [HEIGHT, WIDTH, 3]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** Makes a picture: the same key gives the same bytes, independently of other pictures. */
export function makePicture(key: PictureKey): Picture {
  const layout = layOut(key);
  return { scene: describe(key, layout), pixels: drawPicture(key, layout) };
}

/** The scene record of a picture, without drawing it. */
export function makeScene(key: PictureKey): Scene {
  return describe(key, layOut(key));
}

function describe({ split, index }: PictureKey, layout: Layout): Scene {
  const { camera, objects, coverage: { owner, boxes } } = layout;
  const numbered = <T>(value: (i: number) => T): Record<string, T> =>
    Object.fromEntries(objects.map((_, i) => [String(i + 1), value(i)]));
  return {
    split,
    image_index: index,
    image_filename: imageName(split, index),
    objects: objects.map(({ size, color, material, shape, rotation, solid }, i) => {
      const { x, y, depth } = project(camera, [solid.x, solid.y, solid.z]);
      return {
        size,
        color,
        material,
        shape,
        "3d_coords": [solid.x, solid.y, solid.z],
        rotation,
        pixel_coords: [Math.round(x), Math.round(y), depth],
        idx: i + 1,
      };
    }),
    directions: camera.directions,
    relationships: relationships(layout),
    obj_mask: numbered((i) => encodeRuns(owner, i + 1)),
    obj_bbox: numbered((i) => boxes[i]),
  };
}
