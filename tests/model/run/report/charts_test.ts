/** Words of charts. */
import { deepStrictEqual } from "node:assert/strict";
import { chartSvg } from "../../../../model/run/report/charts.ts";

/** Labels of a chart of one curve. */
async function labels(points: readonly (readonly [number, number])[]): Promise<string[]> {
  const svg = await chartSvg({ kind: "curves", title: "loss", curves: [{ name: "loss", points }] }, 600);
  return [...svg!.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
}

Deno.test("ticks are round numbers, of steps whole ones, however few points there are", async () => {
  deepStrictEqual(await labels([[4, 0.5]]), ["4", "step", "0.5"]);
  deepStrictEqual(await labels([[4, 0.123456789]]), ["4", "step", "0.123457"]);
  deepStrictEqual((await labels([[4, 1], [5, 1]])).slice(0, 3), ["4", "5", "step"]);
  const steps = (await labels([[2, 8.25], [400, 2.125]])).slice(0, 9);
  deepStrictEqual(steps, ["50", "100", "150", "200", "250", "300", "350", "400", "step"]);
});
