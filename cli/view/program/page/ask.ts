/** The field for an expression, and expressions to begin with. */
import { attributes, el, keyed, say } from "../../shared/dom.ts";
import type { App } from "./app.ts";
import { nearestWord } from "./words.ts";

/** Words that the model knows. */
function knownWords({ payload: { facts } }: App): string[] {
  return Object.keys(facts.vocabulary.refexp_token_to_idx).filter((word) => !/^<.*>$/.test(word));
}

/** The element with field, button and complaint. */
export function ask(app: App): HTMLElement {
  const known = knownWords(app);
  const field = el("input", {
    class: "field",
    at: {
      type: "text",
      "aria-label": "An expression",
      placeholder: "The red thing(s) that are left of the cube",
      autocomplete: "off",
      spellcheck: "false",
    },
  });
  const button = el("button", { class: "find", text: "Find", at: { type: "submit" } });
  const form = el("form", { class: "form" }, field, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    app.ask(field.value);
  });
  const complaint = el("p", { class: "complaint", at: { role: "alert" } });
  const root = el("div", { class: "ask" }, form, complaint);
  let last = "";
  app.watch(() => {
    // What is being typed stays.
    if (app.text !== last) field.value = last = app.text;
    button.disabled = field.disabled = !app.live;
    const unknown = /the word “(.*)”/s.exec(app.complaint)?.[1], near = unknown && nearestWord(unknown, known);
    say(complaint, near ? `${app.complaint} Did you mean “${near}”?` : app.complaint);
    complaint.hidden = app.complaint === "";
  });
  return root;
}

/** The element with expressions to begin with, and the words that are known. */
export function suggestions(app: App): HTMLElement {
  const examples = el("div", { class: "examples", at: { role: "group", "aria-label": "Expressions to begin with" } });
  const words = el(
    "details",
    { class: "known soft" },
    el("summary", { text: "Words that the model knows" }),
    el("p", { text: knownWords(app).join(", ") }),
  );
  const root = el("div", { class: "ask" }, examples, words);
  app.watch(() => {
    keyed(
      examples,
      app.picture.expressions,
      ({ text }) => `${app.index} ${text}`,
      ({ text }) => el("button", { text, at: { type: "button" }, on: { click: () => void app.ask(text) } }),
      (chip, { text }) => attributes(chip, { "aria-current": app.shown?.text === text ? "true" : null }),
    );
  });
  return root;
}
