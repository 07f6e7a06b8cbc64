/** The picture with its boxes, labels, lines and the memory over it, and the hands on them. */
import type { RgbImage } from "../../../datasets/images/preprocess.ts";
import type { App } from "./app.ts";
import { attributes, el, keyed, percent, svg } from "../shared/dom.ts";
import { hands } from "./hands.ts";
import { drawLabels } from "./labels.ts";
import { drawLines } from "./lines.ts";
import { paintMemory } from "./memory_map.ts";
import type { Thing } from "./scene.ts";
import { sideOf } from "./side.ts";

/** Pixels across up to which a picture is a drawing of few pixels. */
const COARSE = 320;

/** Draws pixels on a canvas of their size. */
export function paint(canvas: HTMLCanvasElement, { rgb, width, height }: RgbImage): void {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d")!, image = context.createImageData(width, height);
  for (let i = 0, at = 0; i < rgb.length; i += 3) {
    image.data[at++] = rgb[i];
    image.data[at++] = rgb[i + 1];
    image.data[at++] = rgb[i + 2];
    image.data[at++] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** The element of the stage. */
export function stage(app: App): HTMLElement {
  const pixels = el("canvas", { class: "pixels", at: { role: "img" } }), photo = el("img", { class: "photo" });
  const memory = el("canvas", { class: "memory-map", at: { "aria-hidden": "true" } });
  const lines = svg("g", { class: "arrows" }),
    boxes = svg("g", { class: "boxes" }),
    fresh = svg("rect", { class: "fresh" });
  const over = svg("svg", { class: "over" }, lines, boxes, fresh);
  const labels = el("div", { class: "labels", at: { "aria-hidden": "true" } });
  const root = el("div", { class: "stage" }, pixels, photo, memory, over, labels);
  // Each pixel of a small drawing counts.
  photo.addEventListener("load", () => photo.classList.toggle("coarse", photo.naturalWidth <= COARSE));
  const measure = el("canvas").getContext("2d")!;
  let painted: readonly Thing[] | null = null, paintedIndex = -1, wide = 0;

  const scale = (): number => over.clientWidth / app.scene.width;
  /** A place of the page in pixels of the picture. */
  const place = (event: PointerEvent): readonly [number, number] => {
    const { left, top } = over.getBoundingClientRect();
    return [(event.clientX - left) / scale(), (event.clientY - top) / scale()];
  };
  hands(app, over, fresh, place, scale);

  const update = (): void => {
    const { scene, things } = app;
    // Things are made anew where one changes, and so a list that is the same was painted.
    if (paintedIndex !== app.index || !sameThings(painted, things)) {
      pixels.hidden = !scene.drawn;
      photo.hidden = scene.drawn;
      if (scene.photo) photo.src = scene.photo.url;
      else paint(pixels, scene.picture(things));
      [painted, paintedIndex] = [things, app.index];
      root.classList.toggle("free", !scene.drawn);
      root.style.aspectRatio = `${scene.width} / ${scene.height}`;
      const words = `Picture ${scene.name} with ${things.length} boxes`;
      attributes(pixels, { "aria-label": words });
      attributes(photo, { alt: words });
    }
    paintMemory(app, memory);
    const s = scale();
    if (s === 0) return;
    attributes(over, { viewBox: `0 0 ${scene.width * s} ${scene.height * s}` });
    drawBoxes(app, boxes, s);
    drawLines(app, lines, s);
    drawLabels(app, labels, measure, s);
  };
  new ResizeObserver(() => {
    if (over.clientWidth === wide) return;
    wide = over.clientWidth;
    update();
  }).observe(root);
  app.watch(update);
  return root;
}

function sameThings(before: readonly Thing[] | null, now: readonly Thing[]): boolean {
  return before !== null && before.length === now.length && before.every((thing, i) => thing === now[i]);
}

/** Words on a thing as a screen reader says them. */
function description(app: App, thing: Thing): string {
  const named = app.named(thing.id), number = app.number(thing.id);
  if (!named) return `Box ${number}, not named yet`;
  const side = sideOf(app, thing), truth = side === "unknown" ? "" : side === "right" ? ", right" : ", wrong";
  return `Box ${number}: ${app.classes[named.label]}, ${percent(named.share)}${truth}`;
}

function drawBoxes(app: App, parent: Element, s: number): void {
  const area = ({ box: [x1, y1, x2, y2] }: Thing): number => (x2 - x1) * (y2 - y1);
  // Small ones lie above large ones, so that hands find them.
  const stacked = app.scene.things.toSorted((a, b) => area(b) - area(a) || a.id - b.id);
  keyed(parent, stacked, ({ id }) => id, ({ id }) => {
    const group = svg("g", {
      at: { tabindex: 0, role: "button", "data-id": id },
      on: { focus: () => app.selected !== id && app.select(id) },
    });
    group.append(svg("rect", { class: "halo" }), svg("rect", { class: "frame" }), svg("rect", { class: "grip" }));
    return group;
  }, (group, thing) => {
    const { id, box: [x1, y1, x2, y2] } = thing, gone = app.without?.id === id, chosen = app.selected === id;
    attributes(group, {
      class: `box ${gone ? "gone" : sideOf(app, thing)}${chosen ? " chosen" : ""}${
        thing.hidden && !app.scene.drawn ? " covered" : ""
      }`,
      "aria-label": gone ? `Box ${app.number(id)}, left out` : description(app, thing),
      "aria-pressed": chosen ? "true" : "false",
    });
    const frame = { x: x1 * s, y: y1 * s, width: (x2 - x1 + 1) * s, height: (y2 - y1 + 1) * s };
    attributes(group.children[0], frame);
    attributes(group.children[1], frame);
    attributes(group.children[2], { x: (x2 + 1) * s - 7, y: (y2 + 1) * s - 7, width: 14, height: 14, rx: 3 });
  });
}
