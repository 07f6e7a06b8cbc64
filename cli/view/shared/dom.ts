/** Elements of the page, made and updated in place. Names are text, never markup. */

/** Attributes, texts and listeners of an element. */
export interface Props {
  readonly class?: string;
  readonly text?: string;
  readonly title?: string;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
  /** Attributes by name; those that are null are left out. */
  readonly at?: Readonly<Record<string, string | number | boolean | null>>;
}

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  fill(made, props, children);
  return made;
}

/** An element of a drawing. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag) as SVGElementTagNameMap[K];
  fill(made, props, children);
  return made;
}

function fill(made: HTMLElement | SVGElement, props: Props, children: readonly (Node | string)[]): void {
  if (props.class !== undefined) made.setAttribute("class", props.class);
  if (props.title !== undefined) made.setAttribute("title", props.title);
  if (props.text !== undefined) made.textContent = props.text;
  attributes(made, props.at ?? {});
  for (const [name, listener] of Object.entries(props.on ?? {})) made.addEventListener(name, listener);
  made.append(...children);
}

/** Sets attributes; false and null take one away, true sets it empty. */
export function attributes(
  element: Element,
  values: Readonly<Record<string, string | number | boolean | null>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Sets a text where it differs, so that screen readers do not say it again. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Children of `parent` for `items`, one each by its key: those that stay keep their elements, so that focus and transitions
 * go on.
 */
export function keyed<T, E extends Element>(
  parent: Element,
  items: readonly T[],
  key: (item: T) => string | number,
  make: (item: T) => E,
  update: (element: E, item: T, index: number) => void,
): void {
  const before = new Map([...parent.children].map((child) => [(child as KeyedElement).key, child as unknown as E]));
  let at: Element | null = parent.firstElementChild;
  items.forEach((item, index) => {
    const own = String(key(item));
    let element = before.get(own);
    if (element) before.delete(own);
    else {
      element = make(item);
      (element as unknown as KeyedElement).key = own;
    }
    if (element === at as unknown) at = at!.nextElementSibling;
    else parent.insertBefore(element, at);
    update(element, item, index);
  });
  for (const left of before.values()) left.remove();
}

interface KeyedElement extends Element {
  key?: string;
}

/** A share in words: `96%`. */
export function percent(share: number): string {
  if (share > 0 && share < 0.005) return "<1%";
  if (share < 1 && share > 0.995) return ">99%";
  return `${Math.round(100 * share)}%`;
}
