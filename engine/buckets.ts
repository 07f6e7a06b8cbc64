/** Room made for numbers that vary from step to step, so that few shapes occur. */

/** Numbers up to this one get exactly the room they need: there a step's work grows with each. */
export const EXACT_ROOM = 16;

/**
 * Room for `count`, such as the regions of an image: as many up to 16, above that at most an eighth more and below the same
 * power of two. Where kernels choose how to cut a sum they go by the room, so that padding to it changes no bit.
 */
export function roomFor(count: number): number {
  if (count <= EXACT_ROOM) return count;
  const step = 2 ** (Math.floor(Math.log2(count - 1)) - 3);
  return Math.ceil(count / step) * step;
}

/** The next power of two, at least 1; the same for a number and for its room. */
export function powerAbove(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}
