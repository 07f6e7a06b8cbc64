/** Lines over the picture: who influenced whom. */
import type { App } from "./app.ts";
import { attributes, keyed, svg } from "../shared/dom.ts";
import type { Box } from "../compute.ts";

/** A line from one thing to another. */
interface Line {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

/** Pixels of the page between centres up to which a line would be a dot. */
const SHORTEST = 12;

/** Senders drawn for the chosen thing, and the least share of its messages that is worth a line. */
const MOST = 6, LEAST = 0.02;

/** Shares of messages that a thing got from others, largest first; empty before the first update or without a graph. */
export function senders(app: App, id: number): { readonly id: number; readonly share: number }[] {
  const shown = app.current, round = app.stops[app.stop]?.round ?? -1, messages = shown?.answers.messages[round];
  const r = shown?.ids.indexOf(id) ?? -1;
  if (!shown || !messages || r < 0) return [];
  const count = shown.ids.length;
  return shown.ids.map((from, q) => ({ id: from, share: messages.regions[r * count + q] }))
    .filter(({ share }) => share > 0).sort((a, b) => b.share - a.share);
}

function linesOf(app: App): Line[] {
  if (!app.lines) return [];
  const { selected } = app;
  if (selected !== null && app.without?.id !== selected) {
    return senders(app, selected).filter(({ share }) => share >= LEAST).slice(0, MOST)
      .map(({ id, share }) => ({ from: id, to: selected, share }));
  }
  // Of nobody in particular: the strongest sender of each.
  return app.things.flatMap(({ id }) =>
    senders(app, id).slice(0, 1).map(({ id: from, share }) => ({ from, to: id, share }))
  );
}

/** Draws the lines; `s` is the size of a picture's pixel on the page. */
export function drawLines(app: App, parent: Element, s: number): void {
  const boxes = new Map(app.scene.things.map(({ id, box }) => [id, box]));
  const all = linesOf(app).filter(({ from, to }) => apart(boxes.get(from), boxes.get(to)) * s > SHORTEST);
  keyed(parent, all, ({ from, to }) => `${from}-${to}`, () => {
    const group = svg("g", {});
    group.append(svg("path", { class: "casing" }), svg("path", { class: "shaft" }), svg("path", { class: "tip" }));
    return group;
  }, (group, { from, to, share }) => {
    const width = Math.max(1.5, Math.min(12, 26 * share)),
      { curve, tip } = shape(boxes.get(from)!, boxes.get(to)!, s, width);
    attributes(group, { "data-from": from, "data-to": to });
    attributes(group.children[0], { d: curve, "stroke-width": (width + 2.5).toFixed(1) });
    attributes(group.children[1], { d: curve, "stroke-width": width.toFixed(1) });
    attributes(group.children[2], { d: tip });
  });
}

/** Pixels between the centres of two boxes; 0 where one is not there. */
function apart(a?: Box, b?: Box): number {
  return a && b ? Math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2 : 0;
}

/** A slightly bent line from a box's centre to the edge of another's, and its arrow head. */
function shape(from: Box, to: Box, s: number, width: number): { readonly curve: string; readonly tip: string } {
  const centre = ([x1, y1, x2, y2]: Box): [number, number] => [(x1 + x2 + 1) / 2 * s, (y1 + y2 + 1) / 2 * s];
  const [ax, ay] = centre(from), [bx, by] = centre(to), dx = bx - ax, dy = by - ay, length = Math.hypot(dx, dy) || 1;
  const [mx, my] = [(ax + bx) / 2 - dy * 0.12, (ay + by) / 2 + dx * 0.12];
  // The head ends near the centre, turned as the curve ends.
  const [tx, ty] = [bx - mx, by - my], end = Math.hypot(tx, ty) || 1, [ux, uy] = [tx / end, ty / end];
  const size = Math.min(length / 2, 6 + 1.3 * width);
  const [ex, ey] = [bx - ux * 4, by - uy * 4], [hx, hy] = [ex - ux * size, ey - uy * size];
  const at = (x: number, y: number): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return {
    curve: `M${at(ax, ay)}Q${at(mx, my)} ${at(hx + ux * 2, hy + uy * 2)}`,
    tip: `M${at(ex, ey)}L${at(hx - uy * size * 0.6, hy + ux * size * 0.6)}L${
      at(hx + uy * size * 0.6, hy - ux * size * 0.6)
    }Z`,
  };
}
