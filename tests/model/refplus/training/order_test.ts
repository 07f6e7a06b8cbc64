import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { BatchOrder, type Lengths, type OrderOptions } from "../../../../model/refplus/training/order.ts";
import { withRandom } from "../../../support/random.ts";

const PLAIN: OrderOptions = { seed: 1, batch: 4, shuffle: true, likeLengths: false, curriculum: [] };
const equal = (count: number): Lengths[] => Array.from({ length: count }, () => ({ words: 5, nodes: 3 }));

Deno.test("an epoch has every expression once, in an order of its own; any update can be asked for alone", () => {
  const order = new BatchOrder(equal(10), PLAIN);
  const epoch = (number: number, of = order): number[] => [0, 1, 2].flatMap((i) => [...of.batch(3 * number + i)]);
  for (const number of [0, 1, 7]) {
    deepStrictEqual(epoch(number).toSorted((a, b) => a - b), [...Array(10).keys()]);
    strictEqual(order.batch(3 * number + 2).length, 2);
  }
  notDeepStrictEqual(epoch(0), epoch(1));
  deepStrictEqual(new BatchOrder(equal(10), PLAIN).batch(22), order.batch(22));
  notDeepStrictEqual(epoch(0, new BatchOrder(equal(10), { ...PLAIN, seed: 2 })), epoch(0));
  deepStrictEqual(epoch(1, new BatchOrder(equal(10), { ...PLAIN, shuffle: false })), [...Array(10).keys()]);
});

Deno.test("like lengths come together, and still every expression once", async () => {
  await withRandom("like lengths", (random) => {
    const lengths = Array.from({ length: 200 }, () => ({ words: random.integer(3, 40), nodes: 3 }));
    const order = new BatchOrder(lengths, { ...PLAIN, likeLengths: true });
    const plain = new BatchOrder(lengths, PLAIN);
    const padding = (of: BatchOrder): number =>
      Array.from({ length: 50 }, (_, i) => of.batch(i)).reduce((sum, batch) => {
        const words = batch.map((i) => lengths[i].words);
        return sum + words.length * Math.max(...words) - words.reduce((a, b) => a + b, 0);
      }, 0);
    ok(padding(order) < padding(plain) / 4, `${padding(order)} against ${padding(plain)}`);
    const seen = Array.from({ length: 50 }, (_, i) => order.batch(i)).flat();
    deepStrictEqual(seen.toSorted((a, b) => a - b), [...Array(200).keys()]);
  });
});

Deno.test("a curriculum begins with short programs", () => {
  const lengths = Array.from({ length: 12 }, (_, i) => ({ words: 5, nodes: i }));
  const curriculum = [{ until: 5, longest: 3 }, { until: 7, longest: 6 }];
  const order = new BatchOrder(lengths, { ...PLAIN, batch: 3, curriculum });
  for (let step = 0; step < 20; step++) {
    const most = step < 5 ? 3 : step < 7 ? 6 : 11;
    ok(order.batch(step).every((i) => i <= most), `update ${step}`);
  }
  deepStrictEqual([7, 8, 9, 10].flatMap((step) => [...order.batch(step)]).toSorted((a, b) => a - b), [
    ...Array(12).keys(),
  ]);
  throws(
    () => new BatchOrder(equal(3), { ...PLAIN, curriculum: [{ until: 5, longest: 2 }] }),
    /no program has at most 2/,
  );
});
