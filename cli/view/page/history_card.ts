/** The way of the chosen thing's probabilities over all answers, and the weight of each in the last. */
import type { App } from "./app.ts";
import { el, keyed, percent, say } from "../shared/dom.ts";
import { go } from "./steps.ts";
import { rowOf, topClass, topClasses } from "./stops.ts";

/** Classes of the table, and the least probability that one has somewhere. */
const ROWS = 5, LEAST = 0.01;

/** The card. */
export function historyCard(app: App): HTMLElement {
  const head = el("div", { class: "row head" }),
    rows = el("div", { class: "rows" }),
    weights = el("div", { class: "row weights" });
  const note = el("p", {
    class: "soft",
    text: "Each column is an answer on the way. The last row says how much each counts in the final one.",
  });
  const grid = el("div", { class: "history" }, head, rows, weights);
  const root = el(
    "section",
    { class: "card history-card", at: { "aria-label": "Answers over time" } },
    el("h3", { text: "How it made up its mind" }),
    note,
    grid,
  );
  app.watch(() => {
    const { selected, stops } = app, shown = selected === app.without?.id ? app.shown : app.current;
    const r = shown?.ids.indexOf(selected ?? -1) ?? -1;
    root.hidden = r < 0 || stops.length < 2;
    if (root.hidden) return;
    grid.style.setProperty("--columns", String(stops.length));
    const columns = stops.map((_, i) => app.row(selected!, shown, i)!),
      truth = app.scene.thing(selected)?.label ?? null;
    const best = new Set(columns.map(topClass));
    if (truth !== null) best.add(truth);
    const peak = (c: number): number => Math.max(...columns.map((row) => row[c]));
    // Rows of nothing say nothing.
    const some = columns.flatMap((row) => topClasses(row, ROWS)).filter((c) => peak(c) >= LEAST);
    for (const c of some.sort((a, b) => peak(b) - peak(a))) if (best.size < ROWS) best.add(c);
    const classes = [...best].sort((a, b) => columns.at(-1)![b] - columns.at(-1)![a] || peak(b) - peak(a)).slice(
      0,
      ROWS + 1,
    );
    keyed(
      head,
      [null, ...stops],
      (stop) => stop?.name ?? "",
      (stop) =>
        stop
          ? el("button", {
            at: { type: "button" },
            on: { click: () => go(app, app.stops.findIndex(({ name }) => name === stop.name)) },
          }, ...stop.words.map((word) => el("span", { text: word })))
          : el("span"),
      (cell, stop, i) => {
        if (stop) cell.className = i - 1 === app.stop ? "now" : "";
      },
    );
    keyed(rows, classes, (c) => c, () => el("div", { class: "row" }, el("span", { class: "class" })), (row, c) => {
      say(row.firstElementChild!, app.classes[c]);
      row.firstElementChild!.setAttribute("title", app.classes[c]);
      row.className = `row${c === truth ? " true" : ""}`;
      cells(row, columns.map((column) => column[c]), app.stop);
    });
    const { attention } = shown!.answers;
    weights.hidden = !attention;
    if (attention) {
      if (weights.childElementCount === 0) weights.append(el("span", { class: "class", text: "weight" }));
      cells(weights, [...rowOf(attention, shown!.ids.length, r)], app.stop);
    }
  });
  return root;
}

/** Cells of a row behind its first, a column with its height and figure each. */
function cells(row: Element, shares: readonly number[], now: number): void {
  while (row.childElementCount > shares.length + 1) row.lastElementChild!.remove();
  shares.forEach((share, i) => {
    const cell = row.children[i + 1] ??
      row.appendChild(el("span", { class: "cell" }, el("span", { class: "column" }), el("span", { class: "figure" })));
    cell.className = `cell${i === now ? " now" : ""}`;
    (cell.firstElementChild as HTMLElement).style.height = `${(100 * share).toFixed(1)}%`;
    say(cell.lastElementChild!, share < 0.005 ? "·" : percent(share));
  });
}
