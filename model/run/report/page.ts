/** `report.html`: a page about a run that needs nothing but itself. */
import { type Chart, chartSvg } from "./charts.ts";
import { escape } from "./parts.ts";
import { type Picture, type PicturePair, renderPair, renderPicture } from "./pictures.ts";
import { STYLE } from "./style.ts";

/** A table; columns of numbers are right-aligned and shown with three decimals, those that count as they are. */
export interface Table {
  readonly title: string;
  /** A sentence under the title. */
  readonly note?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** Names of the columns that count something: whole numbers. */
  readonly counts?: readonly string[];
  /** Fold it away until it is asked for. */
  readonly folded?: boolean;
}

/** Pictures with their boxes. */
export interface Pictures {
  readonly title: string;
  /** A sentence under the title. */
  readonly note?: string;
  readonly pictures: readonly (Picture | PicturePair)[];
  /** Reason why there are none, in a sentence; without it nothing is said of pictures that are not there. */
  readonly missing?: string;
}

/** A part of the page under a heading of its own. */
export type Part = Table | Chart | Pictures;

/** All that goes on the page. */
export interface Report {
  readonly title: string;
  /** One paragraph under the title. */
  readonly summary: string;
  /** Facts by name: date, duration, adapter, version. */
  readonly facts?: readonly (readonly [name: string, value: string])[];
  /** Pages of the parts, relative to this one. */
  readonly links?: readonly { readonly href: string; readonly text: string }[];
  /** Tables, charts and pictures, in this order. */
  readonly parts: readonly Part[];
  /** Shown as JSON at the end. */
  readonly config: unknown;
}

/** Widths of a chart in pixels: on a broad page, and on a narrow one. */
const WIDTHS = { broad: 900, slim: 330 } as const;

/** The page, as one HTML document without scripts or links to elsewhere. */
export async function renderReport({ title, summary, facts = [], links = [], parts, config }: Report): Promise<string> {
  const drawn: string[] = [];
  for (const [i, part] of parts.entries()) drawn.push(await renderPart(part, i));
  const list = facts.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${STYLE}</style></head><body>
<main><h1>${escape(title)}</h1>
<p>${escape(summary)}</p>
${list && `<dl class="facts">${list}</dl>`}
${
    links.length > 0
      ? `<p>Runs: ${links.map(({ href, text }) => `<a href="${escape(href)}">${escape(text)}</a>`).join(", ")}</p>`
      : ""
  }</main>
${drawn.join("\n")}
<main><details><summary>Settings</summary><pre>${escape(JSON.stringify(config, null, 2))}</pre></details></main>
</body></html>
`;
}

async function renderPart(part: Part, index: number): Promise<string> {
  if ("pictures" in part) return renderPictures(part, index);
  return `<main>${"kind" in part ? heading(part) + await renderChart(part) : renderTable(part)}</main>`;
}

function heading({ title, note }: Pick<Part, "title" | "note">): string {
  return `<h2>${escape(title)}</h2>\n${note === undefined ? "" : `<p class="note">${escape(note)}</p>\n`}`;
}

/** The chart twice, of which the style sheet shows the one that fits. */
async function renderChart(chart: Chart): Promise<string> {
  const [broad, slim] = [await chartSvg(chart, WIDTHS.broad), await chartSvg(chart, WIDTHS.slim)];
  if (broad === null) return "<p>Nothing was recorded.</p>";
  return `<div class="broad">${broad}</div><div class="slim">${slim}</div>`;
}

function renderPictures({ pictures, missing, ...part }: Pictures, index: number): string {
  if (pictures.length === 0) return missing === undefined ? "" : heading({ title: part.title, note: missing });
  const pairs = pictures.some((picture) => "answers" in picture);
  const drawn = pictures.map((picture, i) =>
    "answers" in picture ? renderPair(picture, `p${index}-${i}`) : renderPicture(picture)
  );
  return `<main>${heading(part)}</main><div class="pictures${pairs ? " pairs" : ""}">${drawn.join("\n")}</div>`;
}

function renderTable({ title, note, columns, rows, counts = [], folded }: Table): string {
  const numbers = columns.map((_, i) => rows.some((row) => typeof row[i] === "number"));
  const text = (value: string | number | null, i: number): string =>
    value === null ? "–" : typeof value === "string" || counts.includes(columns[i]) ? String(value) : value.toFixed(3);
  const cell = (tag: string, value: string | number | null, i: number): string =>
    `<${tag}${numbers[i] ? ' class="n"' : ""}>${escape(text(value, i))}</${tag}>`;
  const line = (tag: string, row: readonly (string | number | null)[]): string =>
    `<tr>${row.map((value, i) => cell(tag, value, i)).join("")}</tr>`;
  const table = `<div class="scroll"><table><thead>${line("th", columns)}</thead><tbody>${
    rows.map((row) => line("td", row)).join("\n")
  }</tbody></table></div>`;
  if (!folded) return heading({ title, ...note === undefined ? {} : { note } }) + table;
  const words = note === undefined ? "" : `<p class="note">${escape(note)}</p>`;
  return `<details><summary>${escape(title)}</summary>${words}${table}</details>`;
}
