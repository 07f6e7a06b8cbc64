/** All things of the picture with their names; and what would change, were one not there. */
import type { App } from "./app.ts";
import { attributes, el, keyed, percent, say } from "../shared/dom.ts";
import { sideOf } from "./side.ts";
import type { Thing } from "./scene.ts";

const MARKS = { right: "✓", wrong: "✗", unknown: "" } as const;

/** The card. */
export function listCard(app: App): HTMLElement {
  const title = el("h3"),
    note = el("p", { class: "soft", at: { role: "status" } }),
    list = el("ol", { class: "things" });
  const root = el("section", { class: "card all", at: { "aria-label": "All boxes" } }, title, note, list);
  app.watch(() => {
    const { without, things } = app;
    say(title, without ? `Without ${nameOf(app, without.id)}` : "Everything in the picture");
    say(note, noteOf(app));
    note.hidden = note.textContent === "";
    const order = without?.shown ? things.toSorted((a, b) => shift(app, b) - shift(app, a)) : things;
    keyed(
      list,
      order,
      ({ id }) => id,
      ({ id }) =>
        el(
          "li",
          {},
          el(
            "button",
            { at: { type: "button" }, on: { click: () => app.select(id) } },
            el("span", { class: "number" }),
            el("span", { class: "class" }),
            el("span", { class: "was" }),
            el("span", { class: "share" }),
            el("span", { class: "mark" }),
          ),
        ),
      (item, thing) => {
        const [button] = item.children, [number, name, was, share, mark] = button.children;
        const named = app.named(thing.id),
          before = without?.shown ? app.named(thing.id, app.shown) : null,
          side = sideOf(app, thing);
        attributes(button, { "aria-current": thing.id === app.selected ? "true" : null, class: side });
        say(number, String(app.number(thing.id)));
        say(name, named ? app.classes[named.label] : "…");
        name.setAttribute("title", name.textContent);
        const changed = before && named && before.label !== named.label;
        say(was, changed ? `was ${app.classes[before.label]}` : "");
        item.className = changed ? "changed" : "";
        say(
          share,
          named ? before && !changed ? `${percent(before.share)} → ${percent(named.share)}` : percent(named.share) : "",
        );
        say(mark, MARKS[side]);
        attributes(mark, { "aria-label": side === "unknown" ? null : side });
      },
    );
  });
  return root;
}

function nameOf(app: App, id: number): string {
  const named = app.named(id, app.shown);
  return `${app.number(id)} ${named ? app.classes[named.label] : ""}`.trim();
}

/** Most that a class's probability of a thing changes by. */
function shift(app: App, { id }: Thing): number {
  const [before, after] = [app.row(id, app.shown), app.row(id)];
  if (!before || !after) return 0;
  return before.reduce((most, p, c) => Math.max(most, Math.abs(p - after[c])), 0);
}

function noteOf(app: App): string {
  const { without, things } = app;
  if (without) {
    return without.shown
      ? "The probability of each name, with it and without it; the largest changes first."
      : "Computing …";
  }
  const known = things.filter((thing) => sideOf(app, thing) !== "unknown");
  if (known.length === 0) return things.length === 0 ? "Nothing is here." : "";
  return `${
    known.filter((thing) => sideOf(app, thing) === "right").length
  } of ${known.length} are named rightly at this point.`;
}
