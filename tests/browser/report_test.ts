/** A report in headless Chromium: it fits screens of any width, in light and dark, and its pictures answer the pointer. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { renderReport } from "../../model/run/report/page.ts";
import type { PictureBox } from "../../model/run/report/pictures.ts";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import { withFolder } from "../support/folder.ts";
import { chromiumPath, withAddress } from "../../cli/test/chromium/browser.ts";

const chromium = chromiumPath();

/** Names as long and as odd as sets have them. */
const NAMES = ["a_very_long_name_of_a_class_that_never_ends", "漢字", "<b>bold</b>", "x"];

async function page(): Promise<string> {
  const [width, height] = [1200, 800];
  const file = await (await loadSharp())({ create: { width, height, channels: 3, background: "#88a" } }).png()
    .toBuffer();
  const boxes = Array.from({ length: 60 }, (_, i): PictureBox => {
    const [x, y] = [(i * 37) % 1000, (i * 91) % 700];
    return { box: [x, y, x + 90, y + 60], label: `${i + 1} ${NAMES[i % 4]} 0.5`, right: i % 3 === 0 };
  });
  const curve = { name: NAMES[0], points: Array.from({ length: 50 }, (_, i) => [i, Math.sin(i) + 2] as const) };
  return await renderReport({
    title: "Itera: a report",
    summary: "Words.",
    facts: [["adapter", "one with a long name ".repeat(5)]],
    parts: [
      {
        title: "Table",
        note: "A sentence.",
        columns: ["model", ...NAMES, ...NAMES],
        rows: [NAMES.concat(NAMES, ["1"])],
      },
      { kind: "curves", title: "Curves", curves: [curve] },
      {
        kind: "bars",
        title: "Bars",
        groups: NAMES,
        series: NAMES.map((name) => ({ name, values: [1, 0.5, 0.25, 1] })),
      },
      { kind: "ranking", title: "Ranking", items: NAMES.map((name) => ({ name, value: 0.5 })) },
      {
        title: "Pictures",
        pictures: [{ title: "one", width, height, file: new Uint8Array(file), type: "image/png", boxes }],
      },
    ],
    config: {},
  });
}

Deno.test({
  name: "a report fits any screen, light and dark, and its pictures answer the pointer",
  ignore: chromium === null,
}, () =>
  withFolder(async (folder) => {
    const path = join(folder, "report.html");
    await Deno.writeTextFile(path, await page());
    await withAddress(chromium!, `file://${path}`, async (browser) => {
      for (const width of [360, 1000, 2000]) {
        for (const colorScheme of ["light", "dark"] as const) {
          await browser.setViewportSize({ width, height: 900 });
          await browser.emulateMedia({ colorScheme });
          const { over, tags, charts } = await browser.evaluate(`({
            over: document.documentElement.scrollWidth - innerWidth,
            tags: [...document.querySelectorAll(".tag:not(.asked) rect")].map((one) => {
              const { left, top, right, bottom } = one.getBoundingClientRect();
              return [left, top, right, bottom];
            }),
            charts: [...document.querySelectorAll("main svg")].filter((one) => one.getBoundingClientRect().width > 0).length,
          })`) as { over: number; tags: number[][]; charts: number };
          deepStrictEqual([over, charts], [0, 3], `${width} ${colorScheme}`);
          ok(tags.length > 15 && tags.length <= 25, String(tags.length));
          for (const [i, [l, t, r, b]] of tags.entries()) {
            for (const [l2, t2, r2, b2] of tags.slice(i + 1)) {
              ok(l2 > r - 0.5 || r2 < l + 0.5 || t2 > b - 0.5 || b2 < t + 0.5, `labels overlap at ${width}`);
            }
          }
        }
      }
      const shown = () => browser.locator(".tag.asked:visible").count();
      deepStrictEqual(await shown(), 0);
      await browser.locator(".box:has(.asked) rect.f").last().hover({ force: true });
      deepStrictEqual(await shown(), 1);
      const size = async () => (await browser.locator(".zoom > svg").boundingBox())!.width;
      const before = await size();
      await browser.locator(".zoom > svg").click({ position: { x: 2, y: 2 } });
      ok(before < 900 && await size() === 2000);
      await browser.keyboard.press("Space");
      deepStrictEqual(await size(), before);
    });
  }));
