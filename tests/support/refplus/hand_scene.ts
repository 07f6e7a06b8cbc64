/** Scenes of rectangles laid out by hand, on which the output of each function can be read off. */
import type { Scene, SceneObject } from "../../../datasets/refplus/files/types.ts";

/** An object as a rectangle of pixels at a depth; `hidden` pixels rows from its top are covered by others. */
export interface Rectangle {
  /** Size, colour, material and shape. */
  readonly looks: readonly [string, string, string, string];
  /** x, y, width, height of the whole outline. */
  readonly box: readonly [number, number, number, number];
  readonly depth: number;
}

/** The scene of rectangles: nearer ones cover farther ones; left, right, behind and front follow from box and depth. */
export function handScene(rectangles: readonly Rectangle[], index = 0): Scene {
  const owner = new Int32Array(480 * 320).fill(-1);
  const far = [...rectangles.keys()].sort((a, b) => rectangles[b].depth - rectangles[a].depth);
  for (const i of far) {
    const [x, y, w, h] = rectangles[i].box;
    for (let v = y; v < y + h; v++) owner.fill(i, v * 480 + x, v * 480 + x + w);
  }
  const objects = rectangles.map((
    { looks: [size, color, material, shape], box: [x, y, w, h], depth },
  ): SceneObject => ({
    size,
    color,
    material,
    shape,
    "3d_coords": [(x + w / 2) / 10, depth, 0],
    rotation: 0,
    pixel_coords: [Math.round(x + w / 2), Math.round(y + h / 2), depth],
  }));
  const directions = { left: [-1, 0, 0], right: [1, 0, 0], behind: [0, 1, 0], front: [0, -1, 0] };
  const related = (way: readonly number[]) =>
    objects.map((a) =>
      [...objects.keys()].filter((j) =>
        way.reduce((sum, v, k) => sum + v * (objects[j]["3d_coords"][k] - a["3d_coords"][k]), 0) > 0.2
      )
    );
  return {
    split: "train",
    image_index: index,
    image_filename: `CLEVR_train_${String(index).padStart(6, "0")}.png`,
    objects,
    directions,
    relationships: {
      left: related(directions.left),
      right: related(directions.right),
      behind: related(directions.behind),
      front: related(directions.front),
    },
    obj_mask: Object.fromEntries(rectangles.map((_, i) => {
      let text = "", run = 0, inside = false;
      for (const id of owner) {
        if ((id === i) !== inside) {
          text += `${run},`;
          run = 0;
          inside = !inside;
        }
        run++;
      }
      return [String(i + 1), `${text}${run}`];
    })),
    obj_bbox: Object.fromEntries(rectangles.map(({ box }, i) => [String(i + 1), box])),
  };
}

/** Three in a row from left to right, the blue one half behind the red one. */
export const ROW: readonly Rectangle[] = [
  { looks: ["large", "red", "rubber", "cube"], box: [100, 100, 40, 40], depth: 8 },
  { looks: ["small", "blue", "metal", "sphere"], box: [120, 90, 40, 40], depth: 9 },
  { looks: ["small", "red", "rubber", "sphere"], box: [300, 50, 20, 20], depth: 12 },
];
