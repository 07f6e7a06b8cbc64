import { ok, strictEqual } from "node:assert/strict";
import { renderReport } from "../../../../model/run/report/page.ts";

const page = await renderReport({
  title: "a <run>",
  summary: "words & more",
  facts: [["trained", "a & b"]],
  parts: [
    {
      title: "Results",
      note: "one <sentence>",
      columns: ["who", "AC"],
      rows: [["<b>us</b>", 0.12345], ["scene", 1], ["none", null]],
    },
    { title: "Counts", columns: ["class", "n"], rows: [["cup", 7]], counts: ["n"] },
    {
      kind: "curves",
      title: "Loss",
      note: "a & note",
      curves: [{ name: "<loss>", points: [[0, 3], [10, NaN], [20, 1], [30, 0.5]] }, {
        name: "b",
        points: [[0, 1], [30, 2]],
      }],
    },
    { kind: "curves", title: "Nothing", curves: [{ name: "x", points: [] }] },
    { kind: "curves", title: "Flat", curves: [{ name: "x", points: [[1, 2]] }] },
    {
      kind: "curves",
      title: "Rate",
      steps: true,
      curves: [{ name: "rate", points: [[0, 0.1], [10, 0.1], [20, 0.01], [30, 0.01]] }],
    },
    {
      kind: "bars",
      title: "Bars",
      groups: ["AP", "AC"],
      series: [{ name: "<a>", values: [0.5, 0.25], spreads: [0.1, 0] }, { name: "b", values: [1, NaN] }],
    },
    {
      kind: "ranking",
      title: "Gains",
      items: [{ name: 'a <"quoted"> class', value: 0.5, note: "(3)" }, { name: "b", value: -0.25 }],
    },
    {
      title: "Pictures",
      pictures: [{
        title: "one",
        width: 100,
        height: 80,
        file: new Uint8Array([1, 2, 3]),
        type: "image/png",
        boxes: [{ box: [10, 20, 40, 50], label: "cup \u2192 mug <b>", right: false }],
      }, {
        title: "two",
        width: 100,
        height: 80,
        file: new Uint8Array([1, 2, 3]),
        type: "image/webp",
        answers: [
          { name: "baseline", boxes: [{ box: [10, 20, 40, 50], label: "1 cup", right: false }] },
          { name: "final", boxes: [{ box: [10, 20, 40, 50], label: "1 mug", right: true }] },
        ],
      }],
    },
  ],
  config: { seed: 3, text: "</pre>" },
});

Deno.test("the report needs nothing from outside and runs nothing", () => {
  ok(!/<script|<link|src=|@import|url\(|\son[a-z]+=/i.test(page));
  for (const [, address] of page.matchAll(/href="([^"]*)"/g)) {
    ok(/^(data:image\/(png|webp);base64,|#p\d)/.test(address), address);
  }
});

Deno.test("the report escapes what it is given", () => {
  for (
    const text of [
      "a &lt;run&gt;",
      "&lt;b&gt;us&lt;/b&gt;",
      "&lt;/pre&gt;",
      "one &lt;sentence&gt;",
      "a &amp; b",
      "&lt;loss&gt;",
      "&lt;a&gt;",
    ]
  ) {
    ok(page.includes(text), text);
  }
  ok(!/<(b|sentence|loss|a|run)>/.test(page), "a name acts");
});

Deno.test("control characters of names are codes on the page, in charts too", async () => {
  const evil = "\x1b[2Jcup\u202e";
  const written = await renderReport({
    title: evil,
    summary: evil,
    links: [{ href: evil, text: evil }],
    parts: [
      { title: evil, columns: [evil], rows: [[evil]] },
      { kind: "curves", title: evil, curves: [{ name: evil, points: [[0, 1], [1, 2]] }] },
    ],
    config: { [evil]: evil },
  });
  // deno-lint-ignore no-control-regex -- none of these may be there.
  ok(!/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/.test(written));
  ok(written.includes("\\x1b[2Jcup"));
});

Deno.test("every heading has its sentence, and facts stand at the top", () => {
  ok(page.includes('<h2>Results</h2>\n<p class="note">one &lt;sentence&gt;</p>'));
  ok(page.includes("<dt>trained</dt><dd>a &amp; b</dd>"));
});

Deno.test("charts are drawn in finite coordinates, each for broad pages and for narrow ones", () => {
  ok(!/NaN|Infinity|undefined/.test(page), "a coordinate is not finite");
  strictEqual(page.match(/Nothing was recorded/g)?.length, 1);
  strictEqual(page.match(/<div class="broad"><svg /g)?.length, 5);
  strictEqual(page.match(/<div class="slim"><svg /g)?.length, 5);
  for (const [, width] of page.matchAll(/<div class="slim"><svg [^>]*?width="(\d+)"/g)) ok(Number(width) <= 330, width);
});

/** Paths of the lines of a chart's broad drawing. */
function lines(title: string): string[] {
  const chart = page.slice(page.indexOf(`<h2>${title}</h2>`)).split("</main>")[0].split('<div class="slim">')[0];
  return [
    ...chart.matchAll(/<path aria-label="[^"]*" role="graphics-symbol" aria-roledescription="line mark" d="([^"]*)"/g),
  ].map(([, d]) => d);
}

Deno.test("a falling loss falls on the page, values that are not finite are left out, a rate is drawn as steps", () => {
  const [falling, rising] = lines("Loss");
  const points = falling.slice(1).split("L").map((pair) => pair.split(",").map(Number));
  strictEqual(points.length, 3);
  ok(points[0][0] < points[1][0] && points[1][0] < points[2][0], "x grows to the right");
  ok(points[0][1] < points[1][1] && points[1][1] < points[2][1], "y falls");
  const [[, y0], [, y1]] = rising.slice(1).split("L").map((pair) => pair.split(",").map(Number));
  ok(y0 > y1);
  const [steps] = lines("Rate");
  const corners = steps.slice(1).split("L").map((pair) => pair.split(",").map(Number));
  for (let i = 1; i < corners.length; i++) {
    ok(corners[i][0] === corners[i - 1][0] || corners[i][1] === corners[i - 1][1], steps);
  }
});

Deno.test("ticks are round numbers", () => {
  const loss = page.slice(page.indexOf("<h2>Loss</h2>")).split('<div class="slim">')[0];
  const ticks = [...loss.matchAll(/<text [^>]*>([\d.,]+)<\/text>/g)].map(([, text]) => text);
  ok(ticks.length > 6 && ticks.every((text) => /^\d+(\.[05])?$/.test(text)), ticks.join(" "));
});

Deno.test("a box covers its last pixel, and answers side by side share one file", () => {
  ok(page.includes('<rect class="f" x="10.00" y="20.00" width="31.00" height="31.00"'));
  strictEqual(page.match(/data:image\/webp/g)?.length, 1);
  ok(page.includes("baseline: 0 of 1 right") && page.includes("final: 1 of 1 right"));
});

Deno.test("numbers are shown with three decimals, counts as they are, absent ones as a dash", () => {
  for (const cell of ["0.123", "1.000", "7", "–"]) ok(page.includes(`<td class="n">${cell}</td>`), cell);
});
