/** Partly hidden objects, by the data set's rule (papers/iep-ref.md#executor). */
import { HEIGHT, WIDTH } from "./camera.ts";
import { decodeRuns } from "../files/rle.ts";
import type { Scene } from "../files/types.ts";

/** Share of an object's box under a nearer object's pixels from which it counts as partly hidden. */
const HIDDEN = 0.2;

/** Objects by visibility, each list ascending. */
export interface Visibility {
  readonly full: readonly number[];
  readonly partial: readonly number[];
}

const known = new WeakMap<Scene, Visibility | null>();

/**
 * The partition of a scene's objects; null where it is unclear, that is where a nearer object covers some but less than a
 * fifth of another's box, or where one of the two classes is empty. Remembered per scene.
 */
export function visibilityOf(scene: Scene): Visibility | null {
  const before = known.get(scene);
  if (before !== undefined) return before;
  const result = partition(scene);
  known.set(scene, result);
  return result;
}

function partition(scene: Scene): Visibility | null {
  const count = scene.objects.length;
  const masks = scene.objects.map((_, i) => decodeRuns(scene.obj_mask[String(i + 1)], WIDTH * HEIGHT));
  const depth = (i: number): number => scene.objects[i].pixel_coords[2];
  const partial = new Set<number>();
  for (let near = 0; near < count; near++) {
    for (let far = 0; far < count; far++) {
      if (near === far || depth(near) >= depth(far)) continue;
      const [x, y, width, height] = scene.obj_bbox[String(far + 1)];
      let covered = 0;
      for (let v = y; v < Math.min(y + height, HEIGHT); v++) {
        for (let u = x; u < Math.min(x + width, WIDTH); u++) covered += masks[near][v * WIDTH + u];
      }
      const share = covered / (width * height);
      if (share > 0 && share < HIDDEN) return null;
      if (share >= HIDDEN) partial.add(far);
    }
  }
  const all = scene.objects.map((_, i) => i);
  const full = all.filter((i) => !partial.has(i));
  return partial.size === 0 || full.length === 0 ? null : { full, partial: all.filter((i) => partial.has(i)) };
}
