/** The looks of a page: nothing reaches out of its place, nothing lies on anything else. */
import type { Page } from "playwright-core";

/** Faults of the page's looks at its width: what overflows, what lies on something else. */
export async function faults(page: Page): Promise<string[]> {
  return await page.evaluate(`(${LOOKED})()`) as string[];
}

const LOOKED = `() => {
  const found = [], near = 1;
  const name = (one) => one.tagName + "." + (one.getAttribute("class") ?? "") + ' "' + one.textContent.slice(0, 30) + '"';
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page is wider than the window");
  const own = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
  const shown = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && one.getBoundingClientRect().width > 0;
  const texts = [...document.querySelectorAll("main *")].filter((one) => own(one) && shown(one));
  for (const one of texts) {
    const { overflowX } = getComputedStyle(one);
    if (one instanceof HTMLElement && overflowX === "visible" && one.scrollWidth > one.clientWidth + near && one.clientWidth > 0) {
      found.push(name(one) + " is wider than its place");
    }
    const { left, right } = one.getBoundingClientRect();
    const scrolls = one.closest(".thumbs, .scroll");
    if (!scrolls && (left < -near || right > innerWidth + near)) found.push(name(one) + " reaches out of the window");
  }
  const rects = texts.map((one) => ({ one, rect: one.getBoundingClientRect() }));
  for (const [i, { one, rect: a }] of rects.entries()) {
    for (const { one: other, rect: b } of rects.slice(i + 1)) {
      if (one.contains(other)) continue;
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > near && down > near) found.push(name(one) + " lies on " + name(other));
    }
  }
  const stage = document.querySelector(".stage")?.getBoundingClientRect();
  for (const label of document.querySelectorAll(".label")) {
    const { left, top, right, bottom } = label.getBoundingClientRect();
    if (left < stage.left - near || top < stage.top - near || right > stage.right + near || bottom > stage.bottom + near) {
      found.push(name(label) + " reaches out of the picture");
    }
  }
  return found;
}`;

/** Faults at every width that is promised, light and dark. */
export async function faultsAtWidths(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const width of [360, 1000, 2000]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      // A turn of the observer that places the labels.
      await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
      found.push(...(await faults(page)).map((fault) => `${width} ${colorScheme}: ${fault}`));
    }
  }
  return found;
}
