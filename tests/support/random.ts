/**
 * Random numbers of the tests. Each run draws a fresh seed, printed whenever a test that used it fails, unless
 * `ITERA_TEST_SEED` fixes it; each test derives its own stream from the seed and its name, so tests do not disturb each
 * other and one test alone reproduces what it did in the suite.
 */
import { type Random, randomStream } from "../../engine/testing/random.ts";

export type { Random } from "../../engine/testing/random.ts";

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

/** The stream of one test, keyed by the run's seed and `name`. */
export function randomFor(name: string, seed: number = testSeed): Random {
  return randomStream(name, seed);
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
