/** Choices in reading pictures. Boxes lie on the pixels that result, so they belong to the settings of a run. */
import { z } from "../../engine/base/packages/zod.ts";

/** Ways to read a picture that one may want otherwise. */
export interface PictureOptions {
  /** Colour profile of a picture: `ignore` it, as OpenCV does and as networks were trained, or `convert` to sRGB. */
  readonly profile?: "ignore" | "convert" | undefined;
  /** Mark of how to turn a picture (EXIF): `apply` it, as OpenCV and viewers do, or `ignore` it. */
  readonly orientation?: "apply" | "ignore" | undefined;
}

/** Each default reads as the reference does. */
export const picturesSchema = z.strictObject({
  profile: z.enum(["ignore", "convert"]).default("ignore").describe(
    "Colour profile of a picture: `ignore` it, as OpenCV does and as networks were trained, or `convert` to sRGB",
  ),
  orientation: z.enum(["apply", "ignore"]).default("apply").describe(
    "Mark of how to turn a picture (EXIF): `apply` it, as OpenCV and viewers do, or `ignore` it",
  ),
}) satisfies z.ZodType<PictureOptions>;
