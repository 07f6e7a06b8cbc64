/** `report.html`: a page about a run that needs nothing but itself. */
import { type Bars, escape, type Explained, renderBars, renderExplained } from "./report_parts.ts";

/** A line of a chart: y over x, in order of x. */
export interface Curve {
  /** Words beside it. */
  readonly name: string;
  /** Steps and values. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A chart of curves over training steps. */
export interface Chart {
  readonly title: string;
  readonly curves: readonly Curve[];
  /** Draw the y axis logarithmically. */
  readonly logarithmic?: boolean;
}

/** A table; columns of numbers are right-aligned and shown with three decimals, those that count as they are. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** Names of the columns that count something: whole numbers. */
  readonly counts?: readonly string[];
  /** Fold it away until it is asked for. */
  readonly folded?: boolean;
}

/** A box on a picture. */
export interface PictureBox {
  /** x1, y1, x2, y2 in pixels of the picture. */
  readonly box: readonly [number, number, number, number];
  readonly label: string;
  /** Green or red. */
  readonly right: boolean;
}

/** A picture with boxes. */
export interface Picture {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** The whole PNG file. */
  readonly png: Uint8Array;
  readonly boxes: readonly PictureBox[];
  /** The model's scores of the boxes, by iteration, with attention and senders of messages. */
  readonly explained?: Explained;
}

/** All that goes on the page, in this order. */
export interface Report {
  readonly title: string;
  /** One paragraph under the title. */
  readonly summary: string;
  /** Pages of the parts, relative to this one. */
  readonly links?: readonly { readonly href: string; readonly text: string }[];
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  readonly bars?: readonly Bars[];
  readonly pictures: readonly Picture[];
  /** Shown as JSON at the end. */
  readonly config: unknown;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse}
th,td{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
pre{background:#f6f6f6;padding:1rem;overflow:auto}svg{max-width:100%;height:auto}figure{display:inline-block;margin:.5rem}
figcaption{font-size:.85rem;color:#555}summary{cursor:pointer;font-weight:600;margin-top:2rem}summary.s{margin-top:0;font-weight:400;font-size:.85rem}
table.x{font-size:.8rem}table.x td,table.x th{padding:.15rem .5rem}.w{height:3px;background:#8a5bb5}`;

/** The page, as one HTML document without scripts or links. */
export function renderReport(
  { title, summary, links = [], tables, charts, bars = [], pictures, config }: Report,
): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<h1>${escape(title)}</h1>
<p>${escape(summary)}</p>
${
    links.length > 0
      ? `<p>Runs: ${links.map(({ href, text }) => `<a href="${escape(href)}">${escape(text)}</a>`).join(", ")}</p>`
      : ""
  }
${tables.map(renderTable).join("\n")}
${charts.map((chart) => `<h2>${escape(chart.title)}</h2>\n${renderChart(chart)}`).join("\n")}
${bars.map(renderBars).join("\n")}
${pictures.length > 0 ? `<h2>Pictures</h2>\n${pictures.map(renderPicture).join("\n")}` : ""}
<details><summary>Settings</summary><pre>${escape(JSON.stringify(config, null, 2))}</pre></details>
</body></html>
`;
}

function renderTable({ title, columns, rows, counts = [], folded }: Table): string {
  const numbers = columns.map((_, i) => rows.map((row) => row[i]).filter((value) => typeof value === "number"));
  const text = (value: string | number | null, i: number): string =>
    value === null ? "–" : typeof value === "string" || counts.includes(columns[i]) ? String(value) : value.toFixed(3);
  const cell = (tag: string, value: string | number | null, i: number): string =>
    `<${tag}${numbers[i].length > 0 ? ' class="n"' : ""}>${escape(text(value, i))}</${tag}>`;
  const line = (tag: string, row: readonly (string | number | null)[]): string =>
    `<tr>${row.map((value, i) => cell(tag, value, i)).join("")}</tr>`;
  const table = `<table><thead>${line("th", columns)}</thead><tbody>${
    rows.map((row) => line("td", row)).join("\n")
  }</tbody></table>`;
  return folded
    ? `<details><summary>${escape(title)}</summary>${table}</details>`
    : `<h2>${escape(title)}</h2>\n${table}`;
}

const WIDTH = 860;
const HEIGHT = 280;
const LEFT = 64;
const RIGHT = 130;
const EDGE = 14;
const COLOURS = ["#1667b7", "#d1495b", "#2e8b57", "#8a5bb5", "#c77d0a", "#555"];
/** More points than this cannot be distinguished on the page. */
const MAX_POINTS = 600;

/** The curves as a picture of its own, axes and names included. */
export function renderChart({ curves, logarithmic = false }: Chart): string {
  const drawn = curves.map(({ name, points }) => ({
    name,
    points: thin(points.filter(([, y]) => Number.isFinite(y) && (!logarithmic || y > 0))),
  })).filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return "<p>Nothing was recorded.</p>";
  const all = drawn.flatMap(({ points }) => points);
  const [x0, x1] = range(all.map(([x]) => x));
  const map = logarithmic ? Math.log10 : (y: number): number => y;
  const [y0, y1] = range(all.map(([, y]) => map(y)));
  const px = (x: number): number => LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT);
  const py = (y: number): number => HEIGHT - 30 - (map(y) - y0) / (y1 - y0) * (HEIGHT - 30 - EDGE);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = logarithmic ? 10 ** (y0 + share * (y1 - y0)) : y0 + share * (y1 - y0);
    const x = x0 + share * (x1 - x0);
    return `<path d="M${LEFT} ${py(y).toFixed(1)}H${WIDTH - RIGHT}" stroke="#e4e4e4"/>` +
      `<text x="${LEFT - 8}" y="${(py(y) + 4).toFixed(1)}" text-anchor="end">${tick(y)}</text>` +
      `<text x="${px(x).toFixed(1)}" y="${HEIGHT - 10}" text-anchor="middle">${tick(x)}</text>`;
  }).join("");
  const lines = drawn.map(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = points.map(([x, y]) => `${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("L");
    return `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="1.6"/>` +
      `<text x="${WIDTH - RIGHT + 10}" y="${EDGE + 10 + 18 * i}" fill="${colour}">${escape(name)}</text>`;
  }).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" ` +
    `role="img" font-family="system-ui,sans-serif" font-size="12" fill="#555">${grid}${lines}</svg>`;
}

function renderPicture({ title, width, height, png, boxes, explained }: Picture): string {
  const scale = Math.max(1, 380 / width);
  const marks = boxes.map(({ box: [x1, y1, x2, y2], label, right }) => {
    const colour = right ? "#1a9850" : "#d73027";
    // Letters are about half as wide as the font is high; a label may not run out of the picture.
    const left = Math.max(0, Math.min(x1 + 1, width - label.length * 0.52 * 11 / scale));
    return `<rect x="${x1}" y="${y1}" width="${x2 - x1 + 1}" height="${y2 - y1 + 1}" fill="none" stroke="${colour}"/>` +
      `<text x="${left.toFixed(1)}" y="${Math.max(y1 - 2, 7)}" fill="${colour}" font-size="${
        (11 / scale).toFixed(2)
      }" ` +
      `paint-order="stroke" stroke="#fff" stroke-width="${(3 / scale).toFixed(2)}">${escape(label)}</text>`;
  }).join("");
  return `<figure><svg viewBox="0 0 ${width} ${height}" width="${Math.round(width * scale)}" height="${
    Math.round(height * scale)
  }"><image width="${width}" height="${height}" href="data:image/png;base64,${png.toBase64()}"/>${marks}</svg>` +
    `<figcaption>${escape(title)}</figcaption></figure>` +
    (explained
      ? `<details><summary class="s">Scores by iteration: ${escape(title)}</summary>${
        renderExplained(explained)
      }</details>`
      : "");
}

/** Averages neighbours until few enough points are left. */
function thin(points: Curve["points"]): Curve["points"] {
  const step = Math.ceil(points.length / MAX_POINTS);
  if (step <= 1) return points;
  const thinned: [number, number][] = [];
  for (let at = 0; at < points.length; at += step) {
    const group = points.slice(at, at + step);
    thinned.push([group.at(-1)![0], group.reduce((sum, [, y]) => sum + y, 0) / group.length]);
  }
  return thinned;
}

function range(values: readonly number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function tick(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
