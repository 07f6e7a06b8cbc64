/** Labels of the boxes, so that none lies on another. */
import { placeLabels } from "../../../engine/base/place_labels.ts";
import type { App } from "./app.ts";
import { el, keyed, percent, say } from "../shared/dom.ts";
import type { Thing } from "./scene.ts";
import { sideOf } from "./side.ts";

/** Height of a label in pixels of the page, and blank beside its letters. */
const LABEL = { height: 18, blank: 10 } as const;

/** Labels on a picture at most: more are a wall. */
const MOST_LABELS = 40;

/** Probability from which on a label is the name alone: it is the doubts that tell something. */
const SURE = 0.985;

/** Draws the labels; `s` is the size of a picture's pixel on the page. */
export function drawLabels(app: App, parent: HTMLElement, measure: CanvasRenderingContext2D, s: number): void {
  const { things, scene, without } = app, style = getComputedStyle(parent);
  measure.font = `600 ${style.fontSize} ${style.fontFamily}`;
  // Where space is short the names alone.
  const shares = scene.width * s >= 520;
  const texts = things.map(({ id }) => {
    const named = app.named(id), share = named && shares && named.share < SURE ? ` ${percent(named.share)}` : "";
    return `${app.number(id)} ${named ? app.classes[named.label] : "…"}${share}`;
  });
  const most = scene.width * s * 0.6;
  const wanted = things.map(({ box: [x1, y1, x2, y2] }, i) => ({
    box: [x1 * s, y1 * s, (x2 + 1) * s, (y2 + 1) * s] as const,
    width: Math.min(most, Math.ceil(measure.measureText(texts[i]).width) + LABEL.blank),
    height: LABEL.height,
  }));
  // The chosen one has the first choice of places, then those that are wrong or changed.
  const changed = (id: number): boolean =>
    without?.shown ? app.named(id)?.label !== app.named(id, app.shown)?.label : false;
  const rank = (thing: Thing): number =>
    thing.id === app.selected ? 0 : changed(thing.id) ? 1 : sideOf(app, thing) === "wrong" ? 2 : 3;
  const order = things.map((_, i) => i).sort((a, b) => rank(things[a]) - rank(things[b]) || a - b);
  const placed = placeLabels(order.map((i) => wanted[i]), [scene.width * s, scene.height * s], MOST_LABELS);
  const shown = order.flatMap((i, n) => placed[n] ? [{ i, place: placed[n] }] : []);
  keyed(parent, shown, ({ i }) => things[i].id, () => el("span", { class: "label" }), (label, { i, place: [x, y] }) => {
    const thing = things[i];
    say(label, texts[i]);
    label.className = `label ${sideOf(app, thing)}${thing.id === app.selected ? " chosen" : ""}${
      changed(thing.id) ? " changed" : ""
    }`;
    label.style.width = `${wanted[i].width}px`;
    label.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
  });
}
