/** Pages of `itera view` in headless Chromium: what they show follows what is moved, to what is computed here. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { compute } from "../../../cli/view/compute.ts";
import { percent } from "../../../cli/view/shared/dom.ts";
import { Scene } from "../../../cli/view/page/scene.ts";
import { topClasses } from "../../../cli/view/page/stops.ts";
import { pageModel } from "../../../cli/view/page_model.ts";
import type { Payload } from "../../../cli/view/payload.ts";
import { Device } from "../../../engine/mod.ts";
import { modelOf, readCheckpoint } from "../../../model/regions/checkpoint.ts";
import type { RegionModel } from "../../../model/regions/contract.ts";
import { itera } from "../../support/command.ts";
import { writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { withFolder } from "../../support/folder.ts";
import { randomFor } from "../../support/random.ts";
import { chromiumPath, withAddress } from "../../../cli/test/chromium/browser.ts";
import { faultsAtWidths } from "./faults.ts";
import {
  asked,
  computed,
  difference,
  payloadOf,
  pixelsOf,
  type Seen,
  seen,
  served,
  statusOf,
  trained,
} from "./viewed.ts";

const path = chromiumPath(), ignore = path === null;

/** Bound on the difference of a probability that the browser computes and one that is computed here. */
const BOUND = 1e-4;

/** Something viewed: the model and payload of a page, and its first scene as it is changed here too. */
interface Viewed {
  readonly model: RegionModel;
  readonly payload: Payload;
  readonly scene: Scene;
}

/** Asserts that the page shows what is computed here for its boxes. */
async function agrees({ model, payload, scene }: Viewed, now: Seen): Promise<void> {
  const off = difference(now.predictions, await computed(model, payload, scene.picture(), now.boxes));
  ok(off < BOUND, `the page and Deno differ by ${off}`);
  deepStrictEqual(now.boxes.map(({ id, box }) => [id, ...box]), scene.things.map(({ id, box }) => [id, ...box]));
}

/**
 * Asserts that bars and attention on the page are the numbers that it exposes, and its lines and memory those computed here,
 * answer by answer.
 */
async function showing(page: Page, { model, payload, scene }: Viewed, now: Seen): Promise<void> {
  const boxes = scene.things.map(({ box }) => box), { classes, config } = payload.facts;
  const { messages, written } = await compute(model, scene.picture(), boxes, config);
  const id = Number(await page.locator(".box.chosen").getAttribute("data-id")), count = boxes.length;
  const texts = (selector: string): Promise<string[]> => page.locator(selector).allInnerTexts();
  await page.locator(".toggle.memory").click();
  for (const [stop, { name, probabilities }] of now.predictions!.entries()) {
    await page.locator(".station").nth(stop).click();
    const row = Float32Array.from(probabilities[id]), top = topClasses(row, 5);
    deepStrictEqual(await texts(".object .bars .class"), top.map((c) => classes[c]), name);
    deepStrictEqual(await texts(".object .bars .share"), top.map((c) => percent(row[c])), name);
    strictEqual(await page.locator(".name").innerText(), `${id + 1} · ${classes[top[0]]}`);
    const round = name === "image" ? -1 : name === "attended" ? messages.length - 1 : Number(name.split(" ")[1]) - 1;
    const shares = round < 0 ? [] : Array.from(messages[round].regions.subarray(id * count, (id + 1) * count));
    const drawn = await page.evaluate(ARROWS) as (readonly [from: number, to: number])[],
      sent = drawn.map(([from]) => shares[from]);
    ok(drawn.every(([, to]) => to === id) && sent.every((share) => share > LEAST - NEAR), `${name}: ${sent}`);
    // All those that send more than what is drawn, up to six.
    const more = shares.filter((share) => share > LEAST + NEAR).sort((a, b) => b - a).slice(0, 6);
    ok(
      more.every((share) => sent.some((one) => one >= share - NEAR)) && sent.length >= more.length,
      `${name}: ${sent}, not ${more}`,
    );
    // The memory's cells are as opaque as they changed.
    const map = round < 0 ? [] : [...written[round].magnitude], most = Math.max(...map);
    const wanted = map.map((value) => 225 * Math.sqrt(value / most)), opaque = await page.evaluate(OPAQUE) as number[];
    ok(opaque.length === wanted.length && opaque.every((value, i) => Math.abs(value - wanted[i]) < 1), name);
  }
  const weights = now.attention![id];
  deepStrictEqual(await texts(".weights .figure"), weights.map((share) => share < 0.005 ? "·" : percent(share)));
  await page.locator(".toggle.memory").click();
}

/** Least share of messages that is worth a line, and a difference that rounding makes. */
const LEAST = 0.02, NEAR = 1e-4;

const ARROWS =
  "[...document.querySelectorAll('.arrows g')].map((one) => [Number(one.dataset.from), Number(one.dataset.to)])";

const OPAQUE = "(() => { const c = document.querySelector('.memory-map'); return c.hidden ? [] : " +
  "[...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 3); })()";

/** Moves an object by keys, then by hand; returns its number. */
async function moving(page: Page, viewed: Viewed, first: Seen): Promise<number> {
  const random = randomFor("a moved object"), { scene } = viewed;
  const [id, times] = [random.integers(1, 0, first.boxes.length)[0], random.integers(1, 1, 13)[0]];
  const [x1, , x2] = first.boxes[id].box, right = x1 + x2 < scene.width;
  await page.locator(`.box[data-id="${id}"]`).focus();
  for (let i = 0; i < times; i++) {
    await page.keyboard.press(right ? "ArrowRight" : "ArrowLeft");
    scene.move(id, right ? 1 : -1, 0);
  }
  const moved = await seen(page);
  await agrees(viewed, moved);
  ok(difference(first.predictions, moved.predictions) > 10 * BOUND, "moving changes nothing");

  // To the other side of the picture.
  const stage = (await page.locator(".over").boundingBox())!;
  const at = (await page.locator(`.box[data-id="${id}"] .frame`).boundingBox())!;
  await page.mouse.move(at.x + at.width / 2, at.y + 4);
  await page.mouse.down();
  await page.mouse.move(2 * stage.x + stage.width - at.x - at.width / 2, stage.y + stage.height / 2, { steps: 3 });
  await page.mouse.up();
  const dragged = await seen(page), { box } = dragged.boxes[id], before = moved.boxes[id].box;
  ok(Math.abs(box[0] - before[0]) + Math.abs(box[1] - before[1]) > 8, `${before} became ${box}`);
  scene.move(id, box[0] - before[0], box[1] - before[1]);
  await agrees(viewed, dragged);
  return id;
}

/** Asks what would be without an object; hides it; takes another away and adds one. */
async function changing(page: Page, viewed: Viewed, id: number): Promise<void> {
  const { model, payload, scene } = viewed;
  await page.getByRole("button", { name: "What if this were not here?" }).click();
  const { without, boxes } = await seen(page), others = scene.things.filter((thing) => thing.id !== id);
  strictEqual(without!.id, id);
  const here = await computed(model, payload, scene.picture(others), boxes.filter((one) => one.id !== id));
  ok(difference(without!.predictions, here) < BOUND);
  await page.getByRole("button", { name: "Put it back" }).click();

  await page.getByRole("button", { name: "Hide its look" }).click();
  scene.hide(id);
  await agrees(viewed, await seen(page));
  const other = (id + 1) % boxes.length, [look] = randomFor("a look").integers(1, 0, 16);
  await page.locator(`.box[data-id="${other}"]`).focus();
  await page.keyboard.press("Delete");
  scene.remove(other);
  await page.getByRole("button", { name: "Add …" }).click();
  await page.locator(".tray button").nth(look).click();
  const added = await seen(page), last = added.boxes.at(-1)!;
  strictEqual(last.look, look);
  scene.add(last.box, look);
  await agrees(viewed, added);
}

Deno.test(
  { name: "a page of context scenes follows what is moved, added, hidden and taken away", ignore },
  () =>
    withFolder(async (folder) => {
      const run = await trained(folder, "scenes", "--steps", "40", "--set", "dataset.options.images=3");
      const before = Deno.cwd();
      Deno.chdir(folder);
      const { out } = await itera("view", run, "--images", "2").finally(() => Deno.chdir(before));
      match(out, /^page: view-scenes\.html$/m);
      const file = `file://${join(folder, "view-scenes.html")}`, payload = await payloadOf(new URL(file));
      await using device = await Device.open();
      using model = modelOf(device, await readCheckpoint(run));
      const viewed = { model, payload, scene: new Scene(payload.facts.scenes[0], null) };
      await withAddress(path!, file, async (page) => {
        const strangers = asked(page, file), first = await seen(page);
        deepStrictEqual([first.live, first.scene], [true, 0], first.status);
        await agrees(viewed, first);
        await showing(page, viewed, first);
        deepStrictEqual(await faultsAtWidths(page), []);
        await changing(page, viewed, await moving(page, viewed, first));
        deepStrictEqual(await faultsAtWidths(page), []);

        // All that was changed goes back, and the next picture has its own answers.
        await page.getByRole("button", { name: "Undo all" }).click();
        ok(difference((await seen(page)).predictions, first.predictions) < BOUND);
        await page.getByRole("button", { name: /^Picture 2/ }).click();
        const second = await seen(page);
        deepStrictEqual([second.scene, second.live], [1, true]);
        await agrees({ model, payload, scene: new Scene(payload.facts.scenes[1], null) }, second);
        deepStrictEqual(strangers, []);
      });
      await withAddress(
        path!,
        file,
        (page) => stored(page, { ...viewed, scene: new Scene(payload.facts.scenes[0], null) }),
        NO_WEBGPU,
      );
    }),
);

const NO_WEBGPU = 'Object.defineProperty(navigator, "gpu", { value: undefined })';

/** A page without WebGPU shows what was computed here. */
async function stored(page: Page, viewed: Viewed): Promise<void> {
  const now = await seen(page);
  strictEqual(now.live, false);
  match(now.status, /were computed before, for the model cannot run here: this browser has no WebGPU/);
  await agrees(viewed, now);
  deepStrictEqual(await page.locator(".acts button:enabled, .switches button:enabled:not(.toggle)").count(), 0);
  // Answers in their order, by keys.
  await page.locator(".station.now").focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  strictEqual(await page.locator(".station.now").innerText(), "Memory\n2");
  deepStrictEqual(await faultsAtWidths(page), []);
  // What is badly placed is found.
  await page.evaluate('document.querySelector("h1").style.width = "3000px"');
  await page.evaluate('document.querySelector(".sentence").style.transform = "translateY(-20px)"');
  const faults = (await faultsAtWidths(page)).join("\n");
  ok(/wider than the window/.test(faults) && /sentence.* lies on|lies on .*sentence/.test(faults), faults);
}

/** Names of classes that would act where they are not shown as text, and one that is longer than any line. */
const HOSTILE = [
  '</script><img src=x onerror="document.title=1">',
  "\u202edetrever\x1b[2J \u0000 </style>",
  `a name of a class that goes on ${"and on ".repeat(30)}`,
];

/** A set in COCO's layout whose classes have hostile names. */
async function hostileSet(folder: string): Promise<string> {
  await writeTinyCoco(folder);
  for (const split of ["train", "val"]) {
    const list = join(folder, "annotations", `instances_${split}2017.json`);
    const set = JSON.parse(await Deno.readTextFile(list)) as { categories: { name: string }[] };
    set.categories.forEach((category, i) => category.name = HOSTILE[i]);
    await Deno.writeTextFile(list, JSON.stringify(set));
  }
  return folder;
}

Deno.test(
  { name: "boxes are drawn on photographs of a page that is served, and hostile names are text", ignore },
  () =>
    withFolder(async (folder) => {
      const size = ["--steps", "12", "--short-side", "40", "--long-side", "64"];
      const data = await hostileSet(join(folder, "data"));
      const run = await trained(folder, "photos", ...size, "--dataset", "coco", "--data", data);
      const file = join(folder, "half.html");
      await served([run, "--half", "--out", file], async (address) => {
        deepStrictEqual(
          [await statusOf(address, "/"), await statusOf(address, "/x"), await statusOf(address, "/", "other.example")],
          [200, 404, 403],
        );
        const payload = await payloadOf(file), picture = await pixelsOf(payload, 0);
        await using device = await Device.open();
        using model = pageModel(device, payload.facts, payload.tensors);
        const viewed = { model, payload, scene: new Scene(payload.facts.scenes[0], { pixels: picture, url: "" }) };
        await withAddress(path!, address, async (page) => {
          const strangers = asked(page, address), first = await seen(page);
          deepStrictEqual([first.live, first.boxes.length], [true, 2], first.status);
          await agrees(viewed, first);
          const shown = await page.locator("main").innerText();
          ok(shown.includes(HOSTILE[0].replaceAll(" ", "_")), shown);
          // deno-lint-ignore no-control-regex -- these are what it is about.
          ok(!/[\u0000\u001b\u202e]/.test(shown));
          strictEqual(await page.locator("img[src=x], style ~ style").count(), 0);
          strictEqual(await page.title(), "Itera: photos");
          deepStrictEqual(await faultsAtWidths(page), []);
          await drawing(page, viewed);
          deepStrictEqual(strangers, []);
        });
      });
    }),
);

/** Draws a box on a photograph, changes it by keys and takes it away. */
async function drawing(page: Page, viewed: Viewed): Promise<void> {
  const stage = (await page.locator(".over").boundingBox())!, { scene } = viewed;
  const at = (x: number, y: number) => [stage.x + x * stage.width, stage.y + y * stage.height] as const;
  await page.mouse.move(...at(0.1, 0.6));
  await page.mouse.down();
  await page.mouse.move(...at(0.8, 0.95), { steps: 3 });
  await page.mouse.up();
  const drawn = await seen(page), { box } = drawn.boxes[2];
  ok(Math.abs(box[0] - 0.1 * scene.width) < 1 && Math.abs(box[3] - 0.95 * scene.height) < 1, `${box}`);
  const id = scene.add(box, null);
  await agrees(viewed, drawn);
  await page.keyboard.press("Escape");
  await page.locator(`.box[data-id="${id}"]`).focus();
  await page.keyboard.press("Alt+ArrowLeft");
  await page.keyboard.press("Shift+ArrowUp");
  scene.resize(id, box[2] - 1, box[3]);
  scene.move(id, 0, -8);
  await agrees(viewed, await seen(page));
  await page.keyboard.press("h");
  scene.hide(id);
  await agrees(viewed, await seen(page));
  await page.keyboard.press("Delete");
  strictEqual((await seen(page)).boxes.length, 2);
}

Deno.test("what cannot be viewed is said in a line", () =>
  withFolder(async (folder) => {
    const { code, err } = await itera("view", join(folder, "nothing"));
    deepStrictEqual([code, /^itera: .*nothing: there is no such checkpoint\n$/.test(err)], [2, true], err);
  }));
