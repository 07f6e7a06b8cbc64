/** The page's script: reads what the page holds, shows it, and lets the model run. */
import { decodePayload, photoName, pixelsName } from "../payload.ts";
import { App } from "./app.ts";
import { el, say } from "../shared/dom.ts";
import { adapterOf, frame, start } from "../shared/frame.ts";
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
import { pictures, tools } from "./tools.ts";

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
    app.status = { kind: "opening", text: `Preparing the model on ${adapterOf(app.engine)} …` };
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
  const hint = el("p", { class: "soft hint" });
  app.watch(() => {
    hint.hidden = !app.engine;
    say(
      hint,
      app.scene.drawn
        ? "Drag a thing to move it. With the keyboard: Tab to choose, arrows to move, Delete to remove, H to hide, W to ask what if."
        : "Draw a box on the picture to ask what is there; drag boxes and their corners. With the keyboard: Tab to choose, arrows to move, Alt and arrows to resize, Delete to remove, W to ask what if.",
    );
  });
  return frame(app, {
    title: TITLES[name] ?? name,
    lead: LEADS[name] ?? `Answers of ${name}.`,
    busy: () => app.waiting,
    left: [stage(app), steps(app), tools(app), hint, pictures(app)],
    answers: "Answers",
    right: [column(objectCard(app), influenceCard(app)), column(historyCard(app), listCard(app))],
    footer: [
      el("span", { class: "swatch right", text: "named rightly" }),
      el("span", { class: "swatch wrong", text: "named wrongly" }),
      el("span", { class: "swatch unknown", text: "nobody knows" }),
      el("span", { class: "about", text: `${run}, ${step} steps on ${set}. Made by Itera ${version}.` }),
    ],
  });
}

start(begin);
