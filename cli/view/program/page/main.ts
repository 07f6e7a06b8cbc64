/** The script of pages about the module network. */
import { attributes, el, percent, say } from "../../page/dom.ts";
import { decodePayload } from "../../payload.ts";
import type { ProgramFacts } from "../payload.ts";
import { App } from "./app.ts";
import { ask, suggestions } from "./ask.ts";
import { overlapOf, paintMask, shareOf } from "./mask.ts";
import { tree } from "./tree.ts";
import { wordsOfToken } from "./words.ts";

/** Milliseconds that a step is shown while playing. */
const PACE = 900;

/** The picture with the mask of the step on show. */
function stage(app: App): HTMLElement {
  const photo = el("img", { class: "photo" }), mask = el("canvas", { class: "mask", at: { "aria-hidden": "true" } });
  const root = el("div", { class: "stage" }, photo, mask),
    caption = el("p", { class: "sentence", at: { role: "status" } });
  app.watch(() => {
    const { picture, shown, step } = app, [height, width] = app.payload.facts.spec.masks;
    root.style.aspectRatio = `${picture.width} / ${picture.height}`;
    if (photo.src !== app.photos[app.index]) photo.src = app.photos[app.index];
    attributes(photo, { alt: `Picture ${picture.id}` });
    mask.hidden = !shown;
    if (shown) paintMask(mask, shown.steps[step], width, height);
    say(caption, shown ? captionOf(app) : app.busy ? "Computing …" : "");
  });
  return el("div", {}, root, caption);
}

function captionOf({ shown, step }: App): string {
  const { tokens, steps, truth, tree } = shown!, last = step === tree.length - 1;
  const found = shareOf(steps[step]), what = `Step ${step + 1} of ${tree.length}, “${wordsOfToken(tokens[step])}”`;
  const size = found === 0 ? "nothing is found" : `${percent(found)} of the picture`;
  return `${what}: ${size}.${
    last && truth ? ` The answer overlaps the truth by ${percent(overlapOf(steps[step], truth))}.` : ""
  }`;
}

/** The button that plays the steps in order. */
function player(app: App): HTMLElement {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = (): void => {
    if (!app.playing || !app.shown) return;
    app.step++;
    if (app.step >= app.shown.tree.length - 1) app.playing = false;
    else timer = setTimeout(next, PACE);
    app.show();
  };
  const play = el("button", {
    class: "play",
    at: { type: "button" },
    on: {
      click: () => {
        clearTimeout(timer);
        app.playing = !app.playing;
        if (app.playing) {
          app.step = 0;
          timer = setTimeout(next, PACE);
        }
        app.show();
      },
    },
  });
  app.watch(() => {
    play.disabled = (app.shown?.tree.length ?? 0) < 2;
    play.classList.toggle("on", app.playing);
    attributes(play, { "aria-label": app.playing ? "Pause" : "Play the steps in order" });
  });
  return play;
}

function thumbnails(app: App): HTMLElement {
  const buttons = app.photos.map((src, i) =>
    el("button", {
      at: { type: "button", "aria-label": `Picture ${i + 1}` },
      on: { click: () => void app.open(i) },
    }, el("img", { at: { src, alt: "" } }))
  );
  const root = el("div", { class: "thumbs", at: { role: "group", "aria-label": "Pictures" } }, ...buttons);
  root.hidden = buttons.length < 2;
  app.watch(() => buttons.forEach((one, i) => attributes(one, { "aria-current": i === app.index ? "true" : null })));
  return root;
}

function page(app: App): HTMLElement {
  const { run, version, step } = app.payload.facts;
  const status = el("p", { class: "status", at: { role: "status" } }), words = el("span", { class: "words" });
  status.append(el("span", { class: "lamp" }), words);
  app.watch(() => {
    status.className = `status ${app.status.kind}${app.busy ? " busy" : ""}`;
    say(words, app.status.text);
  });
  const lead =
    "One model reads an expression and writes a program; another runs it on the picture, with a small network for each step.";
  return el(
    "main",
    { class: "program" },
    el(
      "header",
      {},
      el("div", {}, el("h1", { text: "A model that reasons step by step" }), el("p", { class: "lead", text: lead })),
      status,
    ),
    el(
      "div",
      { class: "layout" },
      el(
        "section",
        { class: "left", at: { "aria-label": "The picture" } },
        ask(app),
        stage(app),
        thumbnails(app),
        suggestions(app),
      ),
      el(
        "section",
        { class: "right", at: { "aria-label": "The program" } },
        el(
          "div",
          { class: "card" },
          el(
            "div",
            { class: "title" },
            player(app),
            el(
              "div",
              {},
              el("h3", { text: "The program" }),
              el("p", {
                class: "soft",
                text: "Each step takes what the ones above it found. Choose one to see its mask.",
              }),
            ),
          ),
          tree(app),
        ),
      ),
    ),
    el("footer", {}, el("span", { class: "about", text: `${run}, ${step} steps. Made by Itera ${version}.` })),
  );
}

/** Puts what the page shows into the window, unrounded, for programs. */
function expose(app: App): void {
  const exposed = {
    get program() {
      return app.shown?.program ?? null;
    },
    get tokens() {
      return app.shown?.tokens ?? null;
    },
    get masks() {
      return app.shown?.steps.map((step) => Array.from(step)) ?? null;
    },
    get text() {
      return app.shown?.text ?? null;
    },
    get scene() {
      return app.index;
    },
    get complaint() {
      return app.complaint;
    },
    get live() {
      return app.shown?.live ?? false;
    },
    get status() {
      return app.status.text;
    },
    get lastMs() {
      return app.lastMs;
    },
    settled: () => app.settled(),
  };
  Object.assign(globalThis, { itera: exposed });
}

async function begin(): Promise<void> {
  const text = document.getElementById("payload")!.textContent;
  const app = new App(await decodePayload<ProgramFacts>(text));
  document.body.append(page(app));
  expose(app);
  await app.open(0);
  await app.start();
}

begin().catch((error: unknown) => {
  document.body.append(el("p", { class: "broken", text: `This page is damaged: ${(error as Error).message}` }));
});
