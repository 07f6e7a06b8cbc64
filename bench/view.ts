/** The page of `itera view` with the default model: the wait for its first answers, and for those to something moved. */
import { join } from "node:path";
import { renderPage } from "../cli/view/build_page.ts";
import { encodePayload } from "../cli/view/payload.ts";
import { regionPayload } from "../cli/view/regions.ts";
import { scenesOf } from "../cli/view/scenes.ts";
import { openDataset } from "../datasets/open.ts";
import { contextKnowledge } from "../datasets/context/knowledge.ts";
import { readTensors } from "../engine/internal.ts";
import { Device, tensorsOf } from "../engine/mod.ts";
import { buildModel, imageScale } from "../model/regions/build.ts";
import { newConfig } from "../model/regions/config.ts";
import { chromiumPath, withAddress } from "../cli/test/chromium/browser.ts";

/** A wait on the page. */
export interface ViewRow {
  readonly name: string;
  readonly ms: number;
}

const MOVES = 7;

/** Measures; null where there is no Chromium. Time does not depend on weights, so these are random. */
export async function viewRows(): Promise<ViewRow[] | null> {
  const chromium = chromiumPath();
  if (chromium === null) return null;
  const folder = await Deno.makeTempDir({ prefix: "itera-bench-" }), file = join(folder, "view.html");
  try {
    await Deno.writeTextFile(file, await defaultPage());
    const rows: ViewRow[] = [];
    await withAddress(chromium, `file://${file}`, async (page) => {
      const settled = (): Promise<number> => page.evaluate("itera.settled().then(() => itera.lastMs)");
      while (!await page.evaluate("'itera' in globalThis")) await new Promise((done) => setTimeout(done, 20));
      rows.push({ name: "first answers, kernels compiled", ms: await settled() });
      await page.locator(".box.chosen").focus();
      const times: number[] = [];
      for (let i = 0; i < MOVES; i++) {
        const start = performance.now();
        await page.keyboard.press(i % 2 === 0 ? "ArrowRight" : "ArrowLeft");
        await settled();
        times.push(performance.now() - start);
      }
      rows.push({ name: "answers after an object was moved", ms: times.sort((a, b) => a - b)[MOVES >> 1] });
    });
    return rows;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function defaultPage(): Promise<string> {
  const config = newConfig([{ source: "bench", value: { model: { name: "final" } } }]), knowledge = contextKnowledge();
  const set = await openDataset({ dataset: "context", split: "test", images: 1 }), { classes } = set;
  await using device = await Device.open();
  using model = buildModel(device, config, classes.length, knowledge);
  const tensors = new Map(await readTensors(tensorsOf(model.parameters(), "model.")));
  const scenes = await scenesOf(set, 1, imageScale(config));
  const quiet = { half: false, onPicture: () => {}, onMessage: () => {} };
  const payload = await regionPayload(
    "bench",
    { config, classes, knowledge, tensors, step: 0, path: "bench" },
    scenes,
    quiet,
  );
  return await renderPage("regions", { title: "bench", payload: await encodePayload(payload) });
}
