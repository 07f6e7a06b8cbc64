/** The program as a tree: each step below those whose results it takes, with its mask. */
import { el } from "../../shared/dom.ts";
import type { App } from "./app.ts";
import { paintMask } from "./mask.ts";
import { wordsOfToken } from "./words.ts";

/** The tree's element. */
export function tree(app: App): HTMLElement {
  const root = el("div", {
    class: "tree scroll",
    at: { role: "group", "aria-label": "Steps of the program, in order" },
  });
  let drawn: unknown = null, buttons: HTMLButtonElement[] = [];
  root.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
    if (by === undefined || !app.shown) return;
    event.preventDefault();
    app.playing = false;
    app.step = Math.max(0, Math.min(app.shown.tree.length - 1, app.step + by));
    app.show();
    buttons[app.step].focus();
  });
  app.watch(() => {
    const { shown } = app;
    if (drawn !== shown) {
      drawn = shown;
      const made = shown ? branches(app) : null;
      buttons = made?.buttons ?? [];
      root.replaceChildren(...(made ? [made.root] : []));
    }
    buttons.forEach((button, i) => {
      button.className = `step${i === app.step ? " now" : app.playing && i > app.step ? " later" : ""}`;
      button.setAttribute("aria-pressed", String(i === app.step));
      button.tabIndex = i === app.step ? 0 : -1;
    });
  });
  return root;
}

/** The last step with all that lead to it, and the buttons of all in their order. */
function branches(app: App): { readonly root: HTMLElement; readonly buttons: HTMLButtonElement[] } {
  const { tree, tokens, steps, picture } = app.shown!, [height, width] = app.payload.facts.spec.masks;
  const { width: w, height: h } = app.payload.facts.pictures[picture];
  const buttons = tree.map((_, i) => {
    const mask = el("canvas");
    paintMask(mask, steps[i], width, height);
    const small = el(
      "span",
      { class: "small", at: { "aria-hidden": "true" } },
      el("img", { at: { src: app.photos[picture], alt: "" } }),
      mask,
    );
    small.style.aspectRatio = `${w} / ${h}`;
    return el(
      "button",
      {
        title: tokens[i],
        at: { type: "button", "aria-label": `Step ${i + 1}: ${wordsOfToken(tokens[i])}` },
        on: {
          click: () => {
            app.playing = false;
            app.step = i;
            app.show();
          },
        },
      },
      small,
      el(
        "span",
        { class: "words" },
        el("span", { class: "what", text: wordsOfToken(tokens[i]) }),
        el("span", { class: "token", text: tokens[i] }),
      ),
    );
  });
  const group = (i: number): HTMLElement =>
    el(
      "div",
      { class: "branch" },
      ...(tree[i].inputs.length > 0
        ? [el("div", { class: tree[i].inputs.length > 1 ? "inputs two" : "inputs" }, ...tree[i].inputs.map(group))]
        : []),
      buttons[i],
    );
  return { root: group(tree.length - 1), buttons };
}
