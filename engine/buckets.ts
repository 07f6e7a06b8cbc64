/** Buckets for numbers that vary from step to step, so that few shapes occur. */

/** Numbers up to this one are buckets of their own: there a step's work grows with each. */
export const EXACT_UP_TO = 16;

/**
 * Size of the bucket that `count` falls in, such as the regions of an image: as many up to 16, above that at most an eighth more and below the same
 * power of two. Where kernels choose how to split a sum they go by the bucket, so that padding to its size changes no bit.
 */
export function bucketSize(count: number): number {
  if (count <= EXACT_UP_TO) return count;
  const step = 2 ** (Math.floor(Math.log2(count - 1)) - 3);
  return Math.ceil(count / step) * step;
}

/** The next power of two, at least 1; the same for a number and for the size of its bucket. */
export function powerAbove(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}
