/** The frame that pages have in common: title and status above, the picture at the left, answers at the right. */
import { attributes, el, say } from "./dom.ts";

/** The state of the models on a page, in words. */
export interface Status {
  readonly kind: "opening" | "live" | "stored" | "failed";
  readonly text: string;
}

/** A page that shows its models' state, and that runs views when it changes. */
interface Shown {
  readonly status: Status;
  /** Runs a view now and after each change. */
  watch(view: () => void): void;
}

/** Parts of a page. */
export interface Frame {
  /** Class of the page. */
  readonly kind?: string;
  readonly title: string;
  /** A sentence below the title. */
  readonly lead: string;
  /** True while something is computed. */
  readonly busy: () => boolean;
  readonly left: readonly HTMLElement[];
  /** Name of the answers' side, for those who cannot see it. */
  readonly answers: string;
  readonly right: readonly HTMLElement[];
  readonly footer: readonly HTMLElement[];
}

/** A page's frame with its parts in it. */
export function frame(app: Shown, { kind = "", title, lead, busy, left, answers, right, footer }: Frame): HTMLElement {
  const status = el("p", { class: "status", at: { role: "status" } }), words = el("span", { class: "words" });
  status.append(el("span", { class: "lamp" }), words);
  app.watch(() => {
    status.className = `status ${app.status.kind}${busy() ? " busy" : ""}`;
    say(words, app.status.text);
  });
  return el(
    "main",
    { class: kind },
    el("header", {}, el("div", {}, el("h1", { text: title }), el("p", { class: "lead", text: lead })), status),
    el(
      "div",
      { class: "layout" },
      el("section", { class: "left", at: { "aria-label": "The picture" } }, ...left),
      el("section", { class: "right", at: { "aria-label": answers } }, ...right),
    ),
    el("footer", {}, ...footer),
  );
}

/** Small pictures to choose among; hidden where there is one alone. */
export function thumbnails(
  app: Pick<Shown, "watch"> & { readonly index: number },
  pictures: readonly { readonly name: string; readonly small: HTMLElement }[],
  open: (index: number) => void,
): HTMLElement {
  const buttons = pictures.map(({ name, small }, i) =>
    el("button", { at: { type: "button", "aria-label": name }, on: { click: () => open(i) } }, small)
  );
  const root = el("div", { class: "thumbs", at: { role: "group", "aria-label": "Pictures" } }, ...buttons);
  root.hidden = buttons.length < 2;
  app.watch(() => buttons.forEach((one, i) => attributes(one, { "aria-current": i === app.index ? "true" : null })));
  return root;
}

/** The adapter of a device's title, without what only those who write kernels ask for. */
export function adapterOf({ title }: { readonly title: string }): string {
  return title.split(", kernels: ")[0];
}

/** Begins a page, and says so where what it holds is damaged. */
export function start(begin: () => Promise<void>): void {
  begin().catch((error: unknown) => {
    document.body.append(el("p", { class: "broken", text: `This page is damaged: ${(error as Error).message}` }));
  });
}
