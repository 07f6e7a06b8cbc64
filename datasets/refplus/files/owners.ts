/** The visible object at each pixel, by a scene file's masks. */
import { UserError } from "../../../engine/base/user_error.ts";
import { HEIGHT, WIDTH } from "../scenes/camera.ts";
import type { Scene } from "./types.ts";

/**
 * 1 + index of the visible object at each pixel, 0 for the ground, [HEIGHT, WIDTH]. `file` is named in errors.
 *
 * @throws {UserError} when a mask is broken or of another size.
 */
export function ownersOf({ objects, obj_mask, image_index }: Scene, file: string): Uint8Array {
  const owners = new Uint8Array(WIDTH * HEIGHT);
  objects.forEach((_, i) => {
    let at = 0;
    obj_mask[String(i + 1)].split(",").forEach((run, k) => {
      if (k % 2 === 1) owners.fill(i + 1, at, at + Number(run));
      at += Number(run);
    });
    if (at !== owners.length) {
      throw new UserError(
        `${file}: image_index ${image_index}: obj_mask.${i + 1}: runs of ${at} pixels, not ${owners.length}`,
      );
    }
  });
  return owners;
}
