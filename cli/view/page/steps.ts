/** The answers as stations on a line, to go along by hand or to play. */
import type { App } from "./app.ts";
import { attributes, el, keyed, say } from "../shared/dom.ts";
import { sentence } from "./stops.ts";

/** Milliseconds that an answer is shown while playing. */
const PACE = 1400;

/** The element with the stations, the button that plays them and a sentence on the one that is on show. */
export function steps(app: App): HTMLElement {
  const play = el("button", { class: "play", at: { type: "button" }, on: { click: () => toggle(app) } });
  const stations = el("div", {
    class: "stations",
    at: { role: "radiogroup", "aria-label": "Answers of the model, in order" },
  });
  const words = el("p", { class: "sentence" });
  stations.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    go(app, Math.max(0, Math.min(app.stops.length - 1, app.stop + step)));
    (stations.children[app.stop] as HTMLElement).focus();
  });
  const root = el("div", { class: "steps" }, el("div", { class: "track" }, play, stations), words);
  app.watch(() => {
    const { stops } = app;
    root.hidden = stops.length < 2;
    attributes(play, { "aria-label": app.playing ? "Pause" : "Play the answers in order" });
    play.classList.toggle("on", app.playing);
    keyed(stations, stops, ({ name }) => name, ({ words }) => {
      const lines = words.map((word) => el("span", { text: word }));
      return el(
        "button",
        {
          class: "station",
          at: { type: "button", role: "radio" },
          on: {
            click: () =>
              go(app, app.stops.findIndex((stop) => stop.words === words || stop.words.join() === words.join())),
          },
        },
        el("span", { class: "dot" }),
        el("span", { class: "words" }, ...lines),
      );
    }, (button, _, i) => {
      const on = i === app.stop;
      attributes(button, { "aria-checked": on ? "true" : "false", tabindex: on ? 0 : -1, class: station(i, app.stop) });
    });
    say(words, stops[app.stop] ? sentence(stops[app.stop]) : "");
  });
  return root;
}

function station(i: number, stop: number): string {
  return `station ${i < stop ? "past" : i === stop ? "now" : "next"}`;
}

/** Shows an answer; playing ends. */
export function go(app: App, stop: number): void {
  app.playing = false;
  app.stop = stop;
  app.show();
}

let timer: ReturnType<typeof setTimeout> | undefined;

function toggle(app: App): void {
  clearTimeout(timer);
  app.playing = !app.playing;
  if (app.playing) {
    if (app.stop >= app.stops.length - 1) app.stop = 0;
    timer = setTimeout(() => next(app), PACE);
  }
  app.show();
}

function next(app: App): void {
  if (!app.playing) return;
  app.stop++;
  if (app.stop >= app.stops.length - 1) app.playing = false;
  else timer = setTimeout(() => next(app), PACE);
  app.show();
}
