import assert from "node:assert/strict";
import { evaluationOrder, trainingOrder } from "../../../datasets/images/schedule.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import type { RegionDataset } from "../../../datasets/types.ts";

/** A set whose image i has counts[i] regions. */
function sets(counts: readonly number[]): RegionDataset {
  return {
    name: "made",
    split: "train",
    classes: ["__background__", "a"],
    size: counts.length,
    source: { kind: "files", paths: [] },
    record: (i) => ({
      id: String(i),
      width: 10,
      height: 10,
      boxes: new Float32Array(4 * counts[i]),
      labels: new Int32Array(counts[i]).fill(1),
    }),
  };
}

function take<T>(source: Iterable<T>, count: number): T[] {
  const out: T[] = [];
  for (const item of source) {
    out.push(item);
    if (out.length === count) break;
  }
  return out;
}

Deno.test("an epoch shows every image that has regions once plain and once mirrored, in another order each time", () => {
  const set = sets([1, 0, 2, 1, 3]);
  const entries = take(trainingOrder(set, { seed: 4, flip: true, first: 0 }), 24);
  const names = entries.map(({ index, flipped }) => `${index}${flipped ? "m" : ""}`);
  for (const epoch of [0, 1, 2]) {
    assert.deepEqual(names.slice(8 * epoch, 8 * epoch + 8).sort(), ["0", "0m", "2", "2m", "3", "3m", "4", "4m"]);
  }
  assert.notDeepEqual(names.slice(0, 8), names.slice(8, 16));
});

Deno.test("the order from any position is the tail of the whole order", () => {
  const set = sets([1, 1, 1, 1, 1, 1, 1]);
  for (const reference of [false, true]) {
    const options = { seed: 11, flip: true, reference };
    const whole = take(trainingOrder(set, { ...options, first: 0 }), 60);
    for (const first of [1, 12, 13, 14, 29, 41]) {
      assert.deepEqual(take(trainingOrder(set, { ...options, first }), 60 - first), whole.slice(first));
    }
  }
});

Deno.test("the reference's order leaves out the last entry of each permutation", () => {
  const set = sets([1, 1, 1]);
  const plain = take(trainingOrder(set, { seed: 2, flip: false, first: 0 }), 3).map((e) => e.index);
  const quirk = take(trainingOrder(set, { seed: 2, flip: false, first: 0, reference: true }), 2).map((e) => e.index);
  assert.deepEqual(quirk, plain.slice(0, 2));
});

Deno.test("evaluation shows every image once, those without regions too", () => {
  assert.deepEqual([...evaluationOrder(sets([1, 0, 2]))].map((e) => [e.index, e.flipped]), [[0, false], [1, false], [
    2,
    false,
  ]]);
});

Deno.test("a set without any region is refused", () => {
  assert.throws(() => take(trainingOrder(sets([0, 0]), { seed: 1, flip: true, first: 0 }), 1), UserError);
});
