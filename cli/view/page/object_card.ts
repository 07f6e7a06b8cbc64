/** The chosen thing: its name, what is known of it, what can be done with it, and the likeliest classes as bars. */
import type { App } from "./app.ts";
import { attributes, el, keyed, percent, say } from "../shared/dom.ts";
import { classesOfLook, LOOK_COUNT, type Thing } from "./scene.ts";
import { sideOf } from "./side.ts";
import { topClasses } from "./stops.ts";

/** Bars of the card. */
const BARS = 5;

/** The card. */
export function objectCard(app: App): HTMLElement {
  const name = el("h2", { class: "name" }), truth = el("p", { class: "truth" }), look = el("p", { class: "soft" });
  const bars = el("ul", { class: "bars" });
  const button = (text: string, act: (id: number) => void) =>
    el("button", {
      text,
      at: { type: "button" },
      on: { click: () => app.selected !== null && act(app.selected) },
    });
  const what = button("What if this were not here?", (id) => app.ask(app.without?.id === id ? null : id));
  const hide = button("Hide its look", (id) => {
    app.scene.hide(id);
    app.changed();
  });
  const remove = button("Remove", (id) => {
    app.scene.remove(id);
    app.changed();
  });
  const acts = el("div", { class: "acts" }, what, hide, remove),
    effect = el("p", { class: "effect", at: { role: "status" } });
  const body = el("div", {}, name, truth, bars, look, acts, effect);
  const empty = el("p", { class: "soft", text: "Choose a box in the picture to see how the model names it." });
  const root = el("section", { class: "card object", at: { "aria-label": "The chosen box" } }, body, empty);
  app.watch(() => {
    const thing = app.scene.thing(app.selected);
    body.hidden = !thing;
    empty.hidden = thing !== undefined;
    if (!thing) return;
    const gone = app.without?.id === thing.id, shown = gone ? app.shown : app.current;
    const named = app.named(thing.id, shown);
    say(name, named ? `${app.number(thing.id)} · ${app.classes[named.label]}` : `${app.number(thing.id)} · …`);
    say(truth, truthOf(app, thing));
    truth.className = `truth ${sideOf(app, thing)}`;
    say(look, lookOf(thing));
    look.hidden = look.textContent === "";
    const row = app.row(thing.id, shown), top = row ? topClasses(row, BARS) : [];
    keyed(
      bars,
      top,
      (c) => c,
      () =>
        el(
          "li",
          {},
          el("span", { class: "class" }),
          el("span", { class: "rail" }, el("span", { class: "fill" })),
          el("span", { class: "share" }),
        ),
      (item, c) => {
        const [label, rail, share] = item.children, { label: truth } = thing;
        say(label, app.classes[c]);
        attributes(label, { title: app.classes[c] });
        (rail.firstElementChild as HTMLElement).style.width = `${(100 * row![c]).toFixed(2)}%`;
        item.className = truth === c ? "true" : "";
        say(share, percent(row![c]));
      },
    );
    say(what, gone ? "Put it back" : "What if this were not here?");
    what.classList.toggle("on", gone);
    say(effect, gone ? effectOf(app) : "");
    effect.hidden = !gone;
    say(hide, thing.hidden ? "Show its look" : app.scene.drawn ? "Hide its look" : "Cover it");
    for (const one of [what, hide, remove]) one.disabled = !app.engine;
  });
  return root;
}

function truthOf(app: App, thing: Thing): string {
  if (thing.added) return "You put it here; nobody knows what it is.";
  if (thing.label === null) return "Nobody has said what it is.";
  const name = app.classes[thing.label];
  switch (sideOf(app, thing)) {
    case "right":
      return `✓ It is: ${name}`;
    case "wrong":
      return `✗ It is: ${name}`;
    default:
      return `It is: ${name}`;
  }
}

/** Classes that look alike, in words. */
function lookOf({ look, hidden }: Thing): string {
  if (look === null) return hidden ? "Covered: the model sees an even grey." : "";
  if (hidden || look === LOOK_COUNT) return "Its look is washed out: only its surroundings can say what it is.";
  const names = classesOfLook(look);
  if (names.length === 1) return `Only ${names[0]} looks like this.`;
  return `${names.slice(0, -1).join(", ")} and ${
    names.at(-1)
  } look exactly like this: only the surroundings tell them apart.`;
}

/** The effect on the others of leaving a thing out, in words. */
function effectOf(app: App): string {
  const { without, things } = app;
  if (!without?.shown) return "Computing …";
  const changed = things.filter(({ id }) => app.named(id)?.label !== app.named(id, app.shown)?.label);
  if (changed.length === 0) return "Without it, all others would have the same names.";
  const name = (id: number, shown = app.current): string => app.classes[app.named(id, shown)!.label];
  const words = changed.slice(0, 3).map(({ id }) =>
    `${app.number(id)} would be “${name(id)}”, not “${name(id, app.shown)}”`
  );
  const more = changed.length - words.length;
  return `Without it, ${words.join("; ")}${more > 0 ? `; and ${more} more would change` : ""}.`;
}
