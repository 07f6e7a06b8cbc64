/** The documentation's site: every link leads somewhere, and its pages fit any screen in headless Chromium. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { buildSite } from "../../docs/site/build.ts";
import { chromiumPath, withAddress } from "../../cli/test/chromium/browser.ts";
import { withFolder } from "../support/folder.ts";

const chromium = chromiumPath();

/** Addresses that a page's links, pictures and styles name. */
function targets(html: string): string[] {
  return [...html.matchAll(/<(?:a|link|img|script)\b[^>]*?\s(?:href|src)="([^"]*)"/g)].map(([, target]) =>
    target.replaceAll("&amp;", "&")
  ).filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

/** Links of a page that lead nowhere: no such file, or no such place in it. */
function broken(place: string, read: (place: string) => string | null): string[] {
  return targets(read(place)!).flatMap((target) => {
    const [file, anchor] = target.split("#");
    const to = file === "" ? place : join(dirname(place), decodeURIComponent(file));
    const text = read(to);
    if (text === null) return [`${place}: there is no ${to}`];
    if (anchor === undefined || anchor === "" || text.includes(`id="${decodeURIComponent(anchor)}"`)) return [];
    return [`${place}: ${to} has no place #${anchor}`];
  });
}

/** Reads a file of a folder as text; null where it is not there. */
function reading(folder: string): (place: string) => string | null {
  return (place) => {
    try {
      return new TextDecoder("latin1").decode(Deno.readFileSync(join(folder, place)));
    } catch {
      return null;
    }
  };
}

Deno.test("every link of the site leads to a page and a place on it", () =>
  withFolder(async (out) => {
    const live = join(out, "page.html");
    await Deno.writeTextFile(live, "<!doctype html><title>live</title>");
    const places = await buildSite({ out, live });
    ok(places.length >= 25, `${places.length} pages`);
    const read = reading(out);
    deepStrictEqual(places.flatMap((place) => broken(place, read)), []);
    // What links lead to beside the pages: from a page in a folder too.
    ok(targets(read("papers/iep-ref.html")!).includes("../api/index.html"));
    ok(targets(read("index.html")!).includes("live.html"));
    // A planted fault of each kind is found.
    const faulty = (place: string) =>
      place === "x.html" ? '<a href="no.html">a</a> <a href="index.html#nowhere">b</a>' : read(place);
    deepStrictEqual(broken("x.html", faulty), [
      "x.html: there is no no.html",
      "x.html: index.html has no place #nowhere",
    ]);
  }));

Deno.test({ name: "pages of the site fit any screen", ignore: chromium === null }, () =>
  withFolder(async (out) => {
    const places = await buildSite({ out, reference: false });
    await withAddress(chromium!, `file://${join(out, "index.html")}`, async (page) => {
      for (const place of places) {
        await page.goto(`file://${join(out, place)}`);
        for (const width of [360, 1000, 2000]) {
          await page.setViewportSize({ width, height: 800 });
          const wide = await page.evaluate("document.documentElement.scrollWidth");
          ok(Number(wide) <= width, `${relative(out, place)} is ${wide} px wide on a screen of ${width}`);
        }
        const empty = await page.evaluate("[...document.images].filter((i) => i.naturalWidth === 0).map((i) => i.src)");
        deepStrictEqual(empty, [], `pictures of ${place}`);
      }
      await page.goto(`file://${join(out, "tutorial.html")}`);
      await page.click("nav >> text=Documentation");
      ok((await page.title()).startsWith("Documentation"), await page.title());
    });
  }));
