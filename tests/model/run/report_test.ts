import { ok, strictEqual } from "node:assert/strict";
import { renderReport } from "../../../model/run/report.ts";

const page = renderReport({
  title: "a <run>",
  summary: "words & more",
  tables: [{ title: "Results", columns: ["who", "AC"], rows: [["<b>us</b>", 0.12345], ["scene", 1], ["none", null]] }, {
    title: "Counts",
    columns: ["class", "n"],
    rows: [["cup", 7]],
    counts: ["n"],
  }],
  charts: [
    { title: "Loss", curves: [{ name: "loss", points: [[0, 3], [10, NaN], [20, 1], [30, 0.5]] }] },
    { title: "Nothing", curves: [{ name: "x", points: [] }] },
    { title: "Flat", curves: [{ name: "x", points: [[1, 2]] }] },
  ],
  pictures: [{
    title: "one",
    width: 10,
    height: 8,
    png: new Uint8Array([1, 2, 3]),
    boxes: [{ box: [1, 2, 4, 5], label: "cup \u2192 mug", right: false }],
  }],
  config: { seed: 3, text: "</pre>" },
});

Deno.test("the report needs nothing from outside and runs nothing", () => {
  ok(!/<script|<link|src=|@import|url\(/i.test(page));
  for (const [, address] of page.matchAll(/href="([^"]*)"/g)) ok(address.startsWith("data:image/png;base64,"), address);
});

Deno.test("the report escapes what it is given", () => {
  ok(page.includes("a &lt;run&gt;") && page.includes("&lt;b&gt;us&lt;/b&gt;") && page.includes("&lt;/pre&gt;"));
  ok(!page.includes("<b>us"));
});

Deno.test("the report draws finite coordinates, and a box covers its last pixel", () => {
  ok(!/NaN|Infinity|undefined/.test(page.replace("Nothing was recorded", "")), "a coordinate is not finite");
  ok(page.includes('<rect x="1" y="2" width="4" height="4"'));
  strictEqual(page.match(/Nothing was recorded/g)?.length, 1);
  const [, path] = /<path d="M([^"]*)" fill="none"/.exec(page)!;
  const points = path.split("L").map((pair) => pair.split(" ").map(Number));
  strictEqual(points.length, 3, "the value that is not finite is left out");
  ok(points[0][0] < points[1][0] && points[1][0] < points[2][0], "x grows to the right");
  ok(points[0][1] < points[1][1] && points[1][1] < points[2][1], "a falling loss falls on the page");
});

Deno.test("numbers are shown with three decimals, counts as they are, absent ones as a dash", () => {
  ok(
    page.includes('<td class="n">0.123</td>') && page.includes('<td class="n">1.000</td>') &&
      page.includes('<td class="n">7</td>'),
  );
  ok(page.includes('<td class="n">–</td>'));
});
