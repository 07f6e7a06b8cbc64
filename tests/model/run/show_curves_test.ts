import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { models } from "../../../mod.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { withFolder } from "../../support/folder.ts";

const { showCurves } = models;

/** The MIME bundle that a notebook asks for. */
const bundleOf = (shown: object): Record<string, string> =>
  (shown as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]();

const RECORDS = [
  { step: 10, loss: 2, rate: 0.1 },
  { step: 15, accuracy: 0.25, note: "first" },
  { step: 20, loss: 1 / 3, rate: 0.01 },
  { step: 30, loss: null, accuracy: 0.75, rate: 0.01 },
];

/** Corners of the drawn lines. */
const paths = (svg: string): number[][][] =>
  [...svg.matchAll(/<path d="M([^"H]+)" fill="none"/g)].map(([, path]) =>
    path.split("L").map((point) => point.split(" ").map(Number))
  );

Deno.test("a notebook gets curves as text, as a picture and as one with its title", () => {
  const shown = showCurves(RECORDS, { title: "a < b" }), bundle = bundleOf(shown);
  deepStrictEqual(Object.keys(bundle), ["text/plain", "image/svg+xml", "text/html"]);
  strictEqual(
    bundle["text/plain"],
    "a < b\nloss: 2 at step 10, 0.3333 at step 20\naccuracy: 0.25 at step 15, 0.75 at step 30",
  );
  const svg = bundle["image/svg+xml"];
  match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]*>.*<\/svg>$/);
  for (const name of ["loss", "accuracy"]) ok(svg.includes(`>${name}</text>`), name);
  ok(!svg.includes(">rate</text>"));
  strictEqual(bundle["text/html"], `<figure>${svg}<figcaption>a &lt; b</figcaption></figure>`);
  // Steps to the right, larger values higher up; both curves on one scale.
  const [loss, accuracy] = paths(svg);
  deepStrictEqual([loss.length, accuracy.length], [2, 2]);
  ok(loss[0][0] < accuracy[0][0] && accuracy[0][0] < loss[1][0] && loss[1][0] < accuracy[1][0]);
  ok(loss[0][1] < accuracy[1][1] && accuracy[1][1] < loss[1][1] && loss[1][1] < accuracy[0][1]);
});

Deno.test("curves are chosen by name, and a logarithmic axis leaves out what it cannot show", () => {
  deepStrictEqual(showCurves(RECORDS, { keys: ["rate"] }).curves, [
    { name: "rate", points: [[10, 0.1], [20, 0.01], [30, 0.01]] },
  ]);
  const steep = [1, 0.1, 0.01, 0].map((loss, step) => ({ step, loss }));
  const [points] = paths(showCurves(steep, { logarithmic: true }).svg);
  strictEqual(points.length, 3);
  ok(Math.abs(points[1][1] - (points[0][1] + points[2][1]) / 2) < 0.11, "a tenth is half way to a hundredth");
});

Deno.test("a run's folder is enough; what has no numbers is refused in a line", () =>
  withFolder(async (folder) => {
    const run = join(folder, "first");
    await Deno.mkdir(run);
    const refused = (body: () => unknown, message: RegExp): void =>
      throws(body, (error) => error instanceof UserError && message.test(error.message));
    refused(() => showCurves(run), /first\/metrics\.jsonl: there is no such file; name the folder of a run$/);
    await Deno.writeTextFile(
      join(run, "metrics.jsonl"),
      RECORDS.map((record) => `${JSON.stringify(record)}\n`).join(""),
    );
    const shown = showCurves(`${run}/`);
    strictEqual(shown.title, "first");
    deepStrictEqual(shown.curves, showCurves(RECORDS).curves);
    refused(
      () => showCurves(RECORDS, { keys: ["loss", "x"] }),
      /^showCurves: nothing is called x; there is loss, rate, accuracy$/,
    );
    refused(() => showCurves([{ step: 1 }]), /^showCurves: there are no numbers to draw$/);
  }));
