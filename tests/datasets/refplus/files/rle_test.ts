import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { decodeRuns, encodeRuns } from "../../../../datasets/refplus/files/rle.ts";
import { withRandom } from "../../../support/random.ts";

Deno.test("runs begin with zeros and go row by row", () => {
  // .##.
  // #..#
  const mask = Uint8Array.of(0, 1, 1, 0, 1, 0, 0, 1);
  strictEqual(encodeRuns(mask), "1,2,1,1,2,1");
  deepStrictEqual(decodeRuns("1,2,1,1,2,1", 8), mask);
  strictEqual(encodeRuns(Uint8Array.of(1, 1, 0)), "0,2,1");
  deepStrictEqual([...decodeRuns("0,2,1", 3)], [1, 1, 0]);
  strictEqual(encodeRuns(new Uint8Array(3)), "3");
  strictEqual(encodeRuns(Uint8Array.of(1)), "0,1");
  strictEqual(encodeRuns(Uint8Array.of(3, 0, 3, 1), 3), "0,1,1,1,1");
});

Deno.test("any mask comes back from its runs, and several add up to their union", () =>
  withRandom("runs", (random) => {
    for (let round = 0; round < 40; round++) {
      const length = random.integer(1, 300);
      // Blocks of pixels, so that long runs occur too.
      const make = () => {
        const block = random.integer(1, 20);
        const bits = random.integers(length, 0, 2);
        return Uint8Array.from({ length }, (_, i) => bits[Math.floor(i / block)]);
      };
      const [a, b] = [make(), make()];
      const runs = encodeRuns(a);
      deepStrictEqual(decodeRuns(runs, length), a);
      strictEqual(runs.split(",").reduce((sum, run) => sum + Number(run), 0), length);
      strictEqual(runs.split(",").slice(1).includes("0"), false, runs);
      deepStrictEqual(decodeRuns(encodeRuns(b), length, decodeRuns(runs, length)), a.map((v, i) => v | b[i]));
    }
  }));

Deno.test("broken runs are refused", () => {
  throws(() => decodeRuns("3,2", 6), /runs of 5 pixels, 6 are wanted/);
  throws(() => decodeRuns("3,4", 6), /runs of more than 6 pixels/);
  for (const runs of ["3,x", "3,", "", "3,-1,4", "1.5,4.5"]) throws(() => decodeRuns(runs, 6), /a run of "/, runs);
});
