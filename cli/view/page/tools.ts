/** Tools for the picture as a whole: switches, things to add, undoing, another picture. */
import { drawObjects } from "../../../datasets/context/draw.ts";
import type { App } from "./app.ts";
import { attributes, el, say } from "../shared/dom.ts";
import { thumbnails } from "../shared/frame.ts";
import { classesOfLook, LOOK_COUNT } from "./scene.ts";
import { paint } from "./stage.ts";

/** Switches, and buttons that add and undo. */
export function tools(app: App): HTMLElement {
  const toggle = (text: string, kind: "lines" | "memory") =>
    el(
      "button",
      {
        class: `toggle ${kind}`,
        at: { type: "button" },
        on: {
          click: () => {
            app[kind] = !app[kind];
            app.show();
          },
        },
      },
      el("span", { class: "key" }),
      text,
    );
  const lines = toggle("Influence", "lines"), memory = toggle("Memory", "memory");
  const add = el("button", { text: "Add …", at: { type: "button" } }), tray = looks(app);
  const undo = el("button", {
    text: "Undo all",
    at: { type: "button" },
    on: {
      click: () => {
        app.scene.reset();
        app.changed();
      },
    },
  });
  add.addEventListener("click", () => {
    if (app.scene.drawn) tray.hidden = !tray.hidden;
    else put(app, Math.round(app.scene.width / 5), Math.round(app.scene.height / 5), null);
    app.show();
  });
  const root = el(
    "div",
    { class: "tools" },
    el("div", { class: "switches" }, lines, memory, el("span", { class: "gap" }), add, undo),
    tray,
  );
  app.watch(() => {
    const { current } = app;
    lines.hidden = (current?.answers.messages.length ?? 0) === 0;
    memory.hidden = (current?.answers.written.length ?? 0) === 0;
    attributes(lines, { "aria-pressed": String(app.lines) });
    attributes(memory, { "aria-pressed": String(app.memory) });
    if (!app.scene.drawn) tray.hidden = true;
    say(add, app.scene.drawn ? "Add …" : "Add a box");
    attributes(add, { disabled: !app.engine, "aria-expanded": app.scene.drawn ? String(!tray.hidden) : null });
    undo.disabled = !app.scene.changed;
  });
  return root;
}

function put(app: App, width: number, height: number, look: number | null): void {
  app.without = null;
  app.selected = app.scene.add(app.scene.freeBox(width, height), look);
  app.changed();
}

/** Sides of an added object, in pixels of a drawn picture. */
const SIDES = [28, 26] as const;

/** Small pictures of all looks to add. */
function looks(app: App): HTMLElement {
  const drawn = app.payload.facts.scenes.find(({ drawn }) => drawn)?.drawn;
  const tray = el("div", { class: "tray", at: { role: "group", "aria-label": "Looks to add" } });
  tray.hidden = true;
  if (!drawn) return tray;
  const [w, h] = SIDES;
  for (let look = 0; look <= LOOK_COUNT; look++) {
    const canvas = el("canvas", { at: { "aria-hidden": "true" } });
    const options = { ...drawn.options, width: w + 4, height: h + 4 };
    const box = [2, 2, w + 1, h + 1] as const;
    paint(canvas, {
      rgb: drawObjects(options, drawn.index, [{ box, look, stream: look, above: true }]).pixels,
      width: w + 4,
      height: h + 4,
    });
    const names = look === LOOK_COUNT ? "washed out: it may be anything" : classesOfLook(look).join(", ");
    tray.append(el("button", {
      title: names,
      at: { type: "button", "aria-label": `Add: ${names}` },
      on: { click: () => put(app, w, h, look) },
    }, canvas));
  }
  return tray;
}

/** The pictures to choose among, small. */
export function pictures(app: App): HTMLElement {
  const all = app.scenes.map((scene, i) => {
    const small = scene.photo
      ? el("img", { at: { src: scene.photo.url, alt: "" } })
      : el("canvas", { at: { "aria-hidden": "true" } });
    if (small instanceof HTMLCanvasElement) paint(small, scene.picture());
    return { name: `Picture ${i + 1}: ${scene.name}`, small };
  });
  return thumbnails(app, all, (i) => app.open(i));
}
