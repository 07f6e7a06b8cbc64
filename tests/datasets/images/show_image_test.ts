import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { labelPicture } from "../../../datasets/images/label_picture.ts";
import { labelMarkup } from "../../../datasets/images/label_text.ts";
import { openContext, showImage, ShownImage, UserError } from "../../../datasets/mod.ts";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import type { RegionDataset } from "../../../datasets/types.ts";

const set = openContext({ split: "val", images: 4 });

/** The MIME bundle that a notebook asks for. */
const bundleOf = (shown: object): Record<string, string> =>
  (shown as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]();

Deno.test("control characters of names are codes in notebooks", () => {
  const evil = "\x1b[2Ja\nb",
    shown = new ShownImage(evil, [{ label: evil, box: [0, 0, 1, 1], colour: "#000" }], new Uint8Array());
  const bundle = bundleOf(shown), text = "\\x1b[2Ja\\x0ab";
  strictEqual(bundle["text/plain"], `${text}\n1 ${text}: 0, 0, 1, 1`);
  match(bundle["text/html"], /alt="\\x1b\[2Ja\\x0ab"/);
});

Deno.test("a notebook gets an image with its boxes as text, as a picture and as one with its title", async () => {
  const shown = await showImage(set, 2), record = set.record(2);
  const bundle = bundleOf(shown);
  deepStrictEqual(Object.keys(bundle), ["text/plain", "image/png", "text/html"]);
  const lines = bundle["text/plain"].split("\n");
  strictEqual(lines[0], `context val 2: ${record.id}, ${record.width}×${record.height}`);
  strictEqual(lines.length, 1 + record.labels.length);
  strictEqual(lines[1], `1 ${set.classes[record.labels[0]]}: ${record.boxes.subarray(0, 4).join(", ")}`);
  const png = Uint8Array.fromBase64(bundle["image/png"]);
  deepStrictEqual(png, new Uint8Array(shown.png));
  match(bundle["text/html"], /^<figure><img src="data:image\/png;base64,[\w+/=]+" alt="context val 2.*<\/figure>$/);
  ok(bundle["text/html"].includes(bundle["image/png"]));

  // On the edges of the first box stands its colour, wherever no other box or label lies over it.
  const { data, info } = await (await loadSharp())(png).raw().toBuffer({ resolveWithObject: true });
  const factor = info.width / record.width, [x1, y1, x2, y2] = shown.regions[0].box;
  const wanted = [0xd1, 0x49, 0x5b];
  const right = [0.2, 0.4, 0.6, 0.8].flatMap((part) => {
    const [x, y] = [x1 + part * (x2 + 1 - x1), y1 + part * (y2 + 1 - y1)];
    return [[x, y2 + 1], [x1, y], [x2 + 1, y]];
  }).filter(([x, y]) => {
    const at = (Math.min(info.height - 1, Math.round(y * factor)) * info.width +
      Math.min(info.width - 1, Math.round(x * factor))) * info.channels;
    return wanted.every((v, c) => Math.abs(data[at + c] - v) < 8);
  });
  ok(right.length >= 6, `${right.length} of 12 points of the frame have its colour`);
});

Deno.test("labels of one's own take the place of classes, and are escaped", async () => {
  const count = set.record(0).labels.length;
  const labels = Array.from({ length: count }, (_, r) => `<${r}>`);
  const shown = await showImage({ ...set, name: '"a" & b' } as RegionDataset, 0, { labels });
  deepStrictEqual(shown.regions.map(({ label }) => label), labels);
  const bundle = bundleOf(shown);
  match(bundle["text/plain"], /^1 <0>: /m);
  ok(!bundle["text/html"].includes('"a" &') && bundle["text/html"].includes("&#34;a&#34; &#38; b"));
});

Deno.test("what cannot be shown is refused in a line", async () => {
  const refused = (body: () => Promise<unknown>, message: RegExp): Promise<void> =>
    rejects(body, (error) => error instanceof UserError && message.test(error.message));
  for (const index of [-1, 4, 0.5]) await refused(() => showImage(set, index), /val has images 0 to 3, not /);
  await refused(() => showImage(set, 0, { labels: ["a"] }), /^showImage: 1 labels for \d+ regions; give one each$/);
  const gone = { ...set, source: { kind: "files", paths: ["/nowhere/a.png"] } } as RegionDataset;
  await refused(() => showImage(gone, 0), /^\/nowhere\/a\.png: cannot be read as a picture: /);
});

Deno.test("whatever a class is called, its box is drawn", async () => {
  const image = { rgb: new Uint8Array(30 * 20 * 3), width: 30, height: 20 };
  const names = ["", "  ", "\u200b", "x".repeat(5000), "\ud800", "a\0b", "\x1b[2J", "</span><b>&", "👩‍👩‍👧"];
  for (const label of names) {
    const png = await labelPicture(image, [{ box: [1, 1, 5, 5], label, colour: "#d1495b" }]);
    deepStrictEqual([...png.subarray(1, 4)], [0x50, 0x4e, 0x47], JSON.stringify(label));
  }
  deepStrictEqual(["\u200b ", "a<b>\x1b"].map(labelMarkup), ["(no name)", "a&lt;b&gt;\\x1b"]);
});
