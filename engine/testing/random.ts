/** Random numbers of checks: streams that a seed and a name decide, so that one check alone repeats what it did among others. */

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1), a multiple of 2^-24 and so exact in float32. */
  (): number;
  /** Uniform integer in [low, high). */
  integer(low: number, high: number): number;
  /** `length` uniform numbers in [low, high), rounded to float32. */
  reals(length: number, low?: number, high?: number): Float32Array<ArrayBuffer>;
  /** `length` uniform integers in [low, high). */
  integers(length: number, low: number, high: number): Int32Array<ArrayBuffer>;
}

/** The stream of one check: sfc32 keyed by a seed and `name`. */
export function randomStream(name: string, seed: number): Random {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  let a = seed | 0, b = hash | 0, c = 0x9e3779b9 | 0, counter = 1;
  const bits = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t | 0;
    return t >>> 8;
  };
  for (let i = 0; i < 16; i++) bits();
  const next = (): number => bits() / 2 ** 24;
  return Object.assign(next, {
    integer: (low: number, high: number) => low + Math.floor(next() * (high - low)),
    reals: (length: number, low = -1, high = 1) => Float32Array.from({ length }, () => low + next() * (high - low)),
    integers: (length: number, low: number, high: number) =>
      Int32Array.from({ length }, () => low + Math.floor(next() * (high - low))),
  });
}
