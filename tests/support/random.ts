/**
 * Random numbers of the tests. Each run draws a fresh seed, printed whenever a test that used it fails, unless
 * `ITERA_TEST_SEED` fixes it; each test derives its own stream from the seed and its name, so tests do not disturb each
 * other and one test alone reproduces what it did in the suite.
 */

/** The seed of this run: `ITERA_TEST_SEED`, or fresh. An unsigned 32-bit integer. */
export const testSeed: number = (() => {
  const fixed = Deno.env.get("ITERA_TEST_SEED");
  if (fixed !== undefined) {
    if (!/^\d+$/.test(fixed) || Number(fixed) >= 2 ** 32) {
      throw new Error(`ITERA_TEST_SEED must be an unsigned 32-bit integer, found "${fixed}"`);
    }
    return Number(fixed);
  }
  return crypto.getRandomValues(new Uint32Array(1))[0];
})();

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

/** The stream of one test: sfc32 keyed by the run's seed and `name`. */
export function randomFor(name: string, seed: number = testSeed): Random {
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

/** Runs `body` with the stream of `name`; a failure says how to repeat it. */
export async function withRandom(name: string, body: (random: Random) => void | Promise<void>): Promise<void> {
  try {
    await body(randomFor(name));
  } catch (error) {
    const hint = `${name}: repeat with ITERA_TEST_SEED=${testSeed}`;
    // The message of what WebGPU throws cannot be set.
    if (error instanceof Error && !(error instanceof DOMException)) {
      error.message = `${error.message}\n${hint}`;
      throw error;
    }
    throw new Error(`${error}\n${hint}`, { cause: error });
  }
}
