/** The script of pages about the module network. */
import { attributes, el, percent, say } from "../../shared/dom.ts";
import { frame, start, thumbnails } from "../../shared/frame.ts";
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

function page(app: App): HTMLElement {
  const { run, version, step } = app.payload.facts;
  const pictures = app.photos.map((src, i) => ({
    name: `Picture ${i + 1}`,
    small: el("img", { at: { src, alt: "" } }),
  }));
  const program = el(
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
        el("p", { class: "soft", text: "Each step takes what the ones above it found. Choose one to see its mask." }),
      ),
    ),
    tree(app),
  );
  return frame(app, {
    kind: "program",
    title: "A model that reasons step by step",
    lead:
      "One model reads an expression and writes a program; another runs it on the picture, with a small network for each step.",
    busy: () => app.busy,
    left: [ask(app), stage(app), thumbnails(app, pictures, (i) => void app.open(i)), suggestions(app)],
    answers: "The program",
    right: [program],
    footer: [el("span", { class: "about", text: `${run}, ${step} steps. Made by Itera ${version}.` })],
  });
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

start(begin);
