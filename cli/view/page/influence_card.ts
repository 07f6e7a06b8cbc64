/** Who influenced the chosen thing in the update on show: other things, and classes. */
import type { App } from "./app.ts";
import { el, keyed, percent, say } from "../shared/dom.ts";
import { senders } from "./lines.ts";
import { rowOf } from "./stops.ts";

/** Rows of each kind. */
const MOST = { things: 5, classes: 3 } as const;

interface Row {
  readonly key: string;
  readonly text: string;
  readonly share: number;
  readonly id: number | null;
}

/** The card. */
export function influenceCard(app: App): HTMLElement {
  const list = el("ul", { class: "bars influence" }), note = el("p", { class: "soft" });
  const root = el(
    "section",
    { class: "card influence-card", at: { "aria-label": "Influence" } },
    el("h3", { text: "Who influenced it" }),
    note,
    list,
  );
  app.watch(() => {
    const { selected, current, stops, stop } = app, round = stops[stop]?.round ?? -1;
    root.hidden = selected === null || selected === app.without?.id || (current?.answers.messages.length ?? 0) === 0;
    if (root.hidden) return;
    const rows = round < 0 ? [] : rowsOf(app, selected!, round);
    say(
      note,
      round < 0
        ? "Nobody yet: at first each one is named by itself."
        : `Shares of all messages that it got in round ${
          round + 1
        }, by their strength. The lines in the picture show those from other things; the rest comes from what is known of classes.`,
    );
    const most = rows.reduce((a, { share }) => Math.max(a, share), 0) || 1;
    keyed(list, rows, ({ key }) => key, ({ id }) => {
      const label = id === null
        ? el("span", { class: "class" })
        : el("button", { class: "class link", at: { type: "button" }, on: { click: () => app.select(id) } });
      return el(
        "li",
        {},
        label,
        el("span", { class: "rail" }, el("span", { class: "fill" })),
        el("span", { class: "share" }),
      );
    }, (item, { text, share, id }) => {
      const [label, rail, figure] = item.children;
      say(label, text);
      label.setAttribute("title", text);
      item.className = id === null ? "kind" : "thing";
      (rail.firstElementChild as HTMLElement).style.width = `${(100 * share / most).toFixed(2)}%`;
      say(figure, percent(share));
    });
  });
  return root;
}

function rowsOf(app: App, selected: number, round: number): Row[] {
  const shown = app.current!, { messages } = shown.answers, r = shown.ids.indexOf(selected);
  const things = senders(app, selected).slice(0, MOST.things).map(({ id, share }): Row => {
    const named = app.named(id);
    return { key: `t${id}`, text: `${app.number(id)} ${named ? app.classes[named.label] : "…"}`, share, id };
  });
  const classes = messages[round].classes.length > 0
    ? rowOf(messages[round].classes, shown.ids.length, r)
    : new Float32Array();
  const kinds = [...classes.keys()].filter((c) => classes[c] >= 0.005).sort((a, b) => classes[b] - classes[a])
    .slice(0, MOST.classes)
    .map((c): Row => ({ key: `c${c}`, text: `knowledge: ${app.classes[c]}`, share: classes[c], id: null }));
  return [...things, ...kinds];
}
