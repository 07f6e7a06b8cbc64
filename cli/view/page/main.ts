/** The page's script: reads what the page holds, shows it, and lets the model run. */
import { decodePayload, photoName, pixelsName } from "../payload.ts";
import { App } from "./app.ts";
import { el, say } from "./dom.ts";
import { Engine } from "./engine.ts";
import { expose } from "./expose.ts";
import { historyCard } from "./history_card.ts";
import { influenceCard } from "./influence_card.ts";
import { listCard } from "./list_card.ts";
import { objectCard } from "./object_card.ts";
import { decodePng } from "./png.ts";
import { Scene } from "./scene.ts";
import { stage } from "./stage.ts";
import { steps } from "./steps.ts";
import { thumbnails, tools } from "./tools.ts";

const TITLES: Readonly<Record<string, string>> = {
  baseline: "One look at each thing",
  local: "A model that remembers",
  global: "A model that reasons over a graph",
  final: "A model that looks again",
};

const LEADS: Readonly<Record<string, string>> = {
  baseline: "This model names each box by itself, from its own pixels.",
  local:
    "This model names each box, writes down what it saw where it saw it, and looks again with what stands nearby in mind.",
  global: "This model names each box, lets all of them send messages to each other, and names them again.",
  final:
    "This model names each box, and then changes its mind as it takes in what stands nearby and what stands far away.",
};

async function begin(): Promise<void> {
  const payload = await decodePayload(document.getElementById("payload")!.textContent), { facts, tensors } = payload;
  const scenes = await Promise.all(facts.scenes.map(async (scene, i) => {
    const file = (name: string) => tensors.get(name)?.data as Uint8Array<ArrayBuffer> | undefined;
    const pixels = file(pixelsName(i)), photo = file(photoName(i));
    return new Scene(
      scene,
      pixels && photo ? { pixels: await decodePng(pixels), url: URL.createObjectURL(new Blob([photo])) } : null,
    );
  }));
  const app = new App(payload, scenes);
  document.body.append(page(app));
  expose(app);
  app.open(0);
  if (!facts.live) {
    app.status = { kind: "stored", text: "The model is too large for a page: these answers were computed before." };
    return app.show();
  }
  try {
    app.engine = await Engine.open(payload);
    // Until the first answer the browser compiles kernels, on a slow adapter for seconds.
    app.status = { kind: "opening", text: `Preparing the model on ${app.engine.title} …` };
    app.changed();
  } catch (error) {
    app.status = {
      kind: "stored",
      text: `These answers were computed before, for the model cannot run here: ${(error as Error).message}`,
    };
    app.show();
  }
}

/** Cards one below the other; on narrow pages all of them are. */
function column(...cards: readonly HTMLElement[]): HTMLElement {
  return el("div", { class: "column-of-cards" }, ...cards);
}

function page(app: App): HTMLElement {
  const { run, set, version, step, config } = app.payload.facts, { name } = config.model;
  const status = el("p", { class: "status", at: { role: "status" } }), words = el("span", { class: "words" });
  status.append(el("span", { class: "lamp" }), words);
  const hint = el("p", { class: "soft hint" });
  app.watch(() => {
    status.className = `status ${app.status.kind}${app.waiting ? " busy" : ""}`;
    say(words, app.status.text);
    hint.hidden = !app.engine;
    say(
      hint,
      app.scene.drawn
        ? "Drag a thing to move it. With the keyboard: Tab to choose, arrows to move, Delete to remove, H to hide, W to ask what if."
        : "Draw a box on the picture to ask what is there; drag boxes and their corners. With the keyboard: Tab to choose, arrows to move, Alt and arrows to resize, Delete to remove, W to ask what if.",
    );
  });
  return el(
    "main",
    {},
    el(
      "header",
      {},
      el(
        "div",
        {},
        el("h1", { text: TITLES[name] ?? name }),
        el("p", { class: "lead", text: LEADS[name] ?? `Answers of ${name}.` }),
      ),
      status,
    ),
    el(
      "div",
      { class: "layout" },
      el(
        "section",
        { class: "left", at: { "aria-label": "The picture" } },
        stage(app),
        steps(app),
        tools(app),
        hint,
        thumbnails(app),
      ),
      el(
        "section",
        { class: "right", at: { "aria-label": "Answers" } },
        column(objectCard(app), influenceCard(app)),
        column(historyCard(app), listCard(app)),
      ),
    ),
    el(
      "footer",
      {},
      el("span", { class: "swatch right", text: "named rightly" }),
      el("span", { class: "swatch wrong", text: "named wrongly" }),
      el("span", { class: "swatch unknown", text: "nobody knows" }),
      el("span", { class: "about", text: `${run}, ${step} steps on ${set}. Made by Itera ${version}.` }),
    ),
  );
}

begin().catch((error: unknown) => {
  document.body.append(el("p", { class: "broken", text: `This page is damaged: ${(error as Error).message}` }));
});
