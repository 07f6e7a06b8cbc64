/** A step's mask over the picture. */

/** The found pixels' colour; others are darkened. */
const LIGHT = [255, 216, 77] as const, DARK = [12, 16, 22] as const;

/** Paints a mask of probabilities, [height · width], on a canvas of its size, to lie over the picture. */
export function paintMask(canvas: HTMLCanvasElement, mask: Float32Array, width: number, height: number): void {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d")!, image = context.createImageData(width, height);
  mask.forEach((p, i) => {
    const inside = p > 0.5, colour = inside ? LIGHT : DARK;
    image.data.set([...colour, inside ? 60 * (p - 0.5) : 175 * (1 - p)], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

/** Share of the pixels in either of two masks that are in both; 1 where both are empty. */
export function overlapOf(mask: Float32Array, truth: Uint8Array): number {
  let both = 0, either = 0;
  mask.forEach((p, i) => {
    const found = p > 0.5 ? 1 : 0;
    both += found & truth[i];
    either += found | truth[i];
  });
  return either === 0 ? 1 : both / either;
}

/** Share of a mask's pixels that are found. */
export function shareOf(mask: Float32Array): number {
  return mask.reduce((sum, p) => sum + (p > 0.5 ? 1 : 0), 0) / mask.length;
}
