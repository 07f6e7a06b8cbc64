/** A picture that a person names, with complaints they can act on. */
import { UserError } from "../../engine/base/user_error.ts";
import type { PictureOptions } from "./picture_options.ts";
import type { RgbImage } from "./preprocess.ts";
import { readImage } from "./read_image.ts";

/** Reads a picture. Throws {@link UserError} when it is missing or broken. */
export async function readPicture(path: string, options: PictureOptions = {}): Promise<RgbImage> {
  try {
    return await readImage(path, options);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    const reason = missing ? "there is no such picture" : `cannot be read as a picture: ${(error as Error).message}`;
    throw new UserError(`${path}: ${reason.split("\n")[0]}`, { path });
  }
}
