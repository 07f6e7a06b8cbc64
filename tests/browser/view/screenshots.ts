/**
 * Screenshots of a page of `itera view`, to look at: `deno task screenshots PAGE [folder]`. At every width that is promised,
 * light and dark; along the answers; with something left out, and with the memory shown.
 */
// deno-lint-ignore-file no-console
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { chromiumPath, withAddress } from "../../../cli/test/chromium/browser.ts";
import { seen } from "./viewed.ts";

const [file, folder = "screenshots"] = Deno.args, chromium = chromiumPath();
if (file === undefined || chromium === null) {
  console.error(file === undefined ? "name a page that itera view wrote" : "no Chromium was found (set CHROMIUM)");
  Deno.exit(2);
}
await Deno.mkdir(folder, { recursive: true });

async function shot(page: Page, name: string, fullPage = false): Promise<void> {
  // Bars move for a third of a second.
  await page.waitForTimeout(500);
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path, fullPage });
  console.log(path);
}

await withAddress(chromium, `file://${resolve(file)}`, async (page) => {
  await seen(page);
  for (const width of [360, 1000, 2000]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await shot(page, `${width}-${colorScheme}`, true);
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
  const stations = page.locator(".station");
  for (let i = 0; i < await stations.count(); i++) {
    await stations.nth(i).click();
    await shot(page, `answer-${i}`);
  }
  const memory = page.locator(".toggle.memory:visible"), what = page.locator(".acts button:enabled").first();
  if (await memory.count() > 0) {
    await memory.click();
    await shot(page, "memory");
    await memory.click();
  }
  if (await what.count() > 0) {
    await what.click();
    await seen(page);
    await shot(page, "without");
  }
});
