/** Size of a picture against the size its boxes were drawn on. */

/** Width and height in pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** A complaint about a picture whose size is not the annotated one, and what to do; null where it is. */
export function sizeComplaint(picture: Size, annotated: Size): string | null {
  const { width, height } = picture;
  if (width === annotated.width && height === annotated.height) return null;
  const turned = width === annotated.height && height === annotated.width;
  return `is ${width}×${height}, not ${annotated.width}×${annotated.height} as annotated: its boxes lie elsewhere; ` +
    (turned
      ? "if they lie on the pixels as stored, read it so by --set pictures.orientation=ignore"
      : "scale the annotations, or use the pictures they were made on");
}
