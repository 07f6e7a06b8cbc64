/** The visible object at each pixel. */
import { ballBounds, type Camera, HEIGHT, ray, WIDTH } from "./camera.ts";
import type { Solid } from "./geometry.ts";

/** x, y, width and height in pixels. */
export type Box = readonly [number, number, number, number];

/** Pixels that each object covers, by the rays through pixel centres. */
export interface Coverage {
  /** The nearest object at each pixel, [HEIGHT, WIDTH]: 0 for the ground, 1 + object index otherwise. */
  readonly owner: Uint8Array<ArrayBuffer>;
  /** Its distance along the ray, in lengths of the ray's direction; Infinity on the ground. */
  readonly distance: Float64Array<ArrayBuffer>;
  /** Pixels each object owns. */
  readonly visible: readonly number[];
  /** Bounds of each object's outline, hidden parts included, within the picture; zeros for an empty one. */
  readonly boxes: readonly Box[];
}

/** Casts a ray through every pixel centre that an object may cover. */
export function cover(camera: Camera, solids: readonly Solid[]): Coverage {
  const owner = new Uint8Array(WIDTH * HEIGHT);
  const distance = new Float64Array(WIDTH * HEIGHT).fill(Infinity);
  const [ox, oy, oz] = camera.position;
  const boxes = solids.map((solid, i): Box => {
    const around = ballBounds(camera, [solid.x, solid.y, solid.z], solid.bound);
    let left = WIDTH, right = -1, top = HEIGHT, bottom = -1;
    for (let y = around.top; y <= around.bottom; y++) {
      for (let x = around.left; x <= around.right; x++) {
        const [dx, dy, dz] = ray(camera, x + 0.5, y + 0.5);
        const t = solid.hit(ox, oy, oz, dx, dy, dz);
        if (t === Infinity) continue;
        left = Math.min(left, x);
        right = Math.max(right, x);
        top = Math.min(top, y);
        bottom = y;
        const at = y * WIDTH + x;
        if (t >= distance[at]) continue;
        distance[at] = t;
        owner[at] = i + 1;
      }
    }
    return right < 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1];
  });
  const visible = new Array<number>(solids.length).fill(0);
  for (const id of owner) if (id > 0) visible[id - 1]++;
  return { owner, distance, visible, boxes };
}
