/**
 * Random numbers of the tests. Each run draws a fresh seed, printed whenever a test that used it fails, unless
 * `ITERA_TEST_SEED` fixes it; each test derives its own stream from the seed and its name, so tests do not disturb each
 * other and one test alone reproduces what it did in the suite.
 */
import { type Random, randomStream } from "../../engine/testing/random.ts";

export type { Random } from "../../engine/testing/random.ts";

/** Numbers of an environment variable's text, `7` or `1..200`. */
function seedsOf(name: string): number[] | undefined {
  const text = Deno.env.get(name);
  if (text === undefined) return undefined;
  const [first, last = first] = text.split("..");
  if (![first, last].every((seed) => /^\d+$/.test(seed) && Number(seed) < 2 ** 32) || Number(last) < Number(first)) {
    throw new Error(`${name} must be an unsigned 32-bit integer or two as 1..200, found "${text}"`);
  }
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
}

const seeds = seedsOf("ITERA_TEST_SEED") ?? [crypto.getRandomValues(new Uint32Array(1))[0]];

/** The seed of this run, or of this turn of a test that is repeated. An unsigned 32-bit integer. */
export let testSeed: number = seeds[0];

let drawn = false;

if (seeds.length > 1) repeatTests();

/** Has each test that draws random numbers run once for each seed; none is compiled or started twice for it. */
function repeatTests(): void {
  const { test } = Deno;
  type Body = (t: Deno.TestContext) => void | Promise<void>;
  const repeated = (body: Body): Body => async (t) => {
    const failed: Error[] = [];
    for (testSeed of seeds) {
      drawn = false;
      try {
        await body(t);
      } catch (error) {
        failed.push(new Error(`seed ${testSeed}`, { cause: error }));
      }
      if (!drawn) break;
    }
    if (failed.length > 0) throw new AggregateError(failed, `failed with ${failed.length} of ${seeds.length} seeds`);
  };
  const wrapped = (...args: unknown[]): void => {
    const changed = args.map((arg) => {
      if (typeof arg === "function") return repeated(arg as Body);
      const options = arg as { fn?: Body };
      return options?.fn ? { ...options, fn: repeated(options.fn) } : arg;
    });
    (test as (...args: unknown[]) => void)(...changed);
  };
  Object.assign(wrapped, { beforeAll: test.beforeAll.bind(test), afterAll: test.afterAll.bind(test) });
  Object.assign(Deno, { test: wrapped });
}

/** `make`, whose results are kept until the next seed: references often take longer than what is checked against them. */
export function keptForSeed<K, V>(make: (key: K) => V): (key: K) => V {
  const kept = new Map<K, V>();
  let seed = testSeed;
  return (key) => {
    if (seed !== testSeed) kept.clear();
    seed = testSeed;
    drawn = true;
    let value = kept.get(key);
    if (value === undefined) kept.set(key, value = make(key));
    return value;
  };
}

/** The stream of one test, keyed by the run's seed and `name`. */
export function randomFor(name: string, seed: number = testSeed): Random {
  if (seed === testSeed) drawn = true;
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
