/** Pointer and keys on the picture. */
import type { App } from "./app.ts";
import { attributes } from "../shared/dom.ts";
import { LEAST_SIDE } from "./scene.ts";

/** Pointer and keys: choosing, moving, changing size, drawing new boxes, taking away. */
export function hands(
  app: App,
  over: SVGSVGElement,
  fresh: SVGRectElement,
  place: (event: PointerEvent) => readonly [number, number],
  scale: () => number,
): void {
  let held: { readonly id: number; readonly grip: boolean; last: readonly [number, number]; moved: boolean } | null =
    null;
  let corner: readonly [number, number] | null = null;
  const idOf = (target: EventTarget | null): number | null => {
    const id = (target as Element).closest?.("[data-id]")?.getAttribute("data-id");
    return id === null || id === undefined ? null : Number(id);
  };
  over.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const id = idOf(event.target), at = place(event);
    if (id !== null && app.without?.id !== id) {
      held = { id, grip: (event.target as Element).classList.contains("grip"), last: at, moved: false };
      app.select(id);
    } else if (id === null && !app.scene.drawn && app.engine) corner = at;
    else return;
    over.setPointerCapture(event.pointerId);
  });
  over.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (corner) return void attributes(fresh, boxAttributes(corner, at, scale()));
    if (!held || !app.engine) return;
    if (held.grip) app.scene.resize(held.id, ...at);
    else {
      const [dx, dy] = [Math.round(at[0] - held.last[0]), Math.round(at[1] - held.last[1])];
      if (dx === 0 && dy === 0) return;
      app.scene.move(held.id, dx, dy);
      held.last = [held.last[0] + dx, held.last[1] + dy];
    }
    held.moved = true;
    app.changed();
  });
  const end = (event: PointerEvent): void => {
    if (corner) {
      const [a, b] = [corner, place(event)];
      const [x1, y1] = [Math.max(0, Math.min(a[0], b[0])), Math.max(0, Math.min(a[1], b[1]))];
      const [x2, y2] = [
        Math.min(app.scene.width - 1, Math.max(a[0], b[0])),
        Math.min(app.scene.height - 1, Math.max(a[1], b[1])),
      ];
      attributes(fresh, { width: 0, height: 0 });
      corner = null;
      if (Math.min(x2 - x1, y2 - y1) < LEAST_SIDE) return app.select(null);
      app.selected = app.scene.add([x1, y1, x2, y2].map(Math.round) as [number, number, number, number], null);
      app.changed();
    }
    held = null;
  };
  over.addEventListener("pointerup", end);
  over.addEventListener("pointercancel", () => {
    held = corner = null;
    attributes(fresh, { width: 0, height: 0 });
  });
  over.addEventListener("keydown", (event) => {
    const id = idOf(event.target);
    if (id !== null && key(app, id, event)) event.preventDefault();
  });
}

function boxAttributes(a: readonly [number, number], b: readonly [number, number], s: number) {
  const [x, y] = [Math.min(a[0], b[0]) * s, Math.min(a[1], b[1]) * s];
  return { x, y, width: Math.abs(a[0] - b[0]) * s, height: Math.abs(a[1] - b[1]) * s };
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Does what a key on a thing asks for; false where it asks for nothing. */
function key(app: App, id: number, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey) return false;
  if (event.key === "Escape") {
    if (app.without) app.ask(null);
    else app.select(null);
    return true;
  }
  if (event.key === "Enter" || event.key === " ") {
    app.select(id);
    return true;
  }
  if (!app.engine) return false;
  const arrow = ARROWS[event.key], steps = event.shiftKey ? 8 : 1;
  if (arrow) {
    const [dx, dy] = arrow.map((way) => way * steps);
    const box = app.scene.thing(id)!.box;
    if (event.altKey) app.scene.resize(id, box[2] + dx, box[3] + dy);
    else app.scene.move(id, dx, dy);
  } else if (event.key === "Delete" || event.key === "Backspace") app.scene.remove(id);
  else if (event.key === "h") app.scene.hide(id);
  else if (event.key === "w") {
    app.ask(app.without?.id === id ? null : id);
    return true;
  } else return false;
  app.changed();
  return true;
}
